"""Settings come from the environment, and what is wrong is said in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.settings import (
    Settings,
    SettingsError,
    load_settings,
    unknown_variables,
    variable_names,
)

SECRET = "correct-horse"


pytestmark = pytest.mark.usefixtures("no_settings")


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    """What is said about these variables."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None, "the original error would show values, secrets too"
    return str(caught.value)


def test_defaults_need_no_environment() -> None:
    settings = load_settings()
    assert settings.app_id == "tierstream"
    assert settings.mode == "live"
    assert settings.allowed_lateness_ms == 300_000
    assert settings.max_future_skew_ms == 300_000
    assert settings.min_event_time_ms == 631_152_000_000
    assert settings.kafka_servers == ("127.0.0.1:9092",)
    assert settings.http_host == "127.0.0.1"
    assert not settings.allow_insecure_credentials


def test_every_setting_has_a_variable_with_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERSTREAM_ALLOWED_LATENESS", "PT30S")
    monkeypatch.setenv("TIERSTREAM_MODE", "replay")
    monkeypatch.setenv("TIERSTREAM_SECURITY_PROTOCOL", "ssl")
    monkeypatch.setenv("TIERSTREAM_LOG_LEVEL", "warning")
    monkeypatch.setenv("TIERSTREAM_POLICY_FILE", "/etc/policy.toml")
    settings = load_settings()
    assert settings.allowed_lateness_ms == 30_000
    assert settings.mode == "replay"
    assert settings.security_protocol == "SSL"
    assert settings.log_level == "WARNING"
    assert settings.policy_file == Path("/etc/policy.toml")


def test_customary_names_are_read_and_the_prefixed_ones_win(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "a:9092, b:9093")
    monkeypatch.setenv("REDIS_URL", "redis://one:6379/0")
    assert load_settings().kafka_servers == ("a:9092", "b:9093")
    assert load_settings().redis_url == "redis://one:6379/0"
    monkeypatch.setenv("TIERSTREAM_REDIS_URL", "redis://two:6379/0")
    assert load_settings().redis_url == "redis://two:6379/0"
    assert variable_names("redis_url") == ("TIERSTREAM_REDIS_URL", "REDIS_URL")


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERSTREAM_SASL_PASSWORD", "")
    monkeypatch.setenv("REDIS_URL", "")
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("shop:", "{shop}:"),
        ("shop:eu:", "{shop:eu}:"),
        ("shop", "{shop}"),
        ("::", "{::}"),
        ("{shop}:eu:", "{shop}:eu:"),
        ("eu:{shop}", "eu:{shop}"),
    ],
)
def test_key_prefix_gets_a_hash_tag(given: str, kept: str) -> None:
    assert Settings(redis_key_prefix=given).redis_key_prefix == kept


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().app_id = "other"


def test_misspelt_argument_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(alowed_lateness="5m")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("TIERSTREAM_MODE", "fast", "should be 'live' or 'replay'"),
        ("TIERSTREAM_ALLOWED_LATENESS", "5x", "is no duration"),
        ("TIERSTREAM_ALLOWED_LATENESS", "31d", "must lie between 0s and 30d"),
        ("TIERSTREAM_LIVE_FROM", "yesterday", "is no RFC 3339 time"),
        ("TIERSTREAM_FLUSH_INTERVAL", "1ms", "must lie between 10ms and 1m"),
        ("TIERSTREAM_MIN_EVENT_TIME", "1990-01-01", "is no RFC 3339 time"),
        ("TIERSTREAM_MIN_EVENT_TIME", "1990-02-30T00:00:00Z", "is no RFC 3339 time"),
        ("TIERSTREAM_MIN_EVENT_TIME", "0001-01-01T00:00:00Z", "must not be before 0001-01-08"),
        ("TIERSTREAM_MIN_EVENT_TIME", "0001-01-07T23:59:59Z", "must not be before 0001-01-08"),
        ("TIERSTREAM_HTTP_PORT", "65536", "should be less than or equal to 65535"),
        ("TIERSTREAM_PARTITIONS", "0", "should be greater than or equal to 1"),
        ("TIERSTREAM_APP_ID", "a b", "takes 1 to 100 letters"),
        ("TIERSTREAM_TOPIC_PREFIX", "a/", "takes up to 100 letters"),
        ("TIERSTREAM_REDIS_KEY_PREFIX", "a*", "takes 1 to 64 letters"),
        ("TIERSTREAM_REDIS_KEY_PREFIX", "{}:", "has braces without a text between them"),
        ("TIERSTREAM_REDIS_KEY_PREFIX", "a}b{", "has braces without a text between them"),
        ("TIERSTREAM_REDIS_KEY_PREFIX", "{a", "has braces without a text between them"),
        ("KAFKA_BOOTSTRAP_SERVERS", "localhost", "is no list of host:port"),
        ("KAFKA_BOOTSTRAP_SERVERS", "localhost:0", "is no list of host:port"),
        ("KAFKA_BOOTSTRAP_SERVERS", ",", "names no broker"),
        ("TIERSTREAM_ALLOW_INSECURE_CREDENTIALS", "perhaps", "should be a valid boolean"),
        ("TIERSTREAM_BREAKER_IN_A_ROW", "-1", "should be greater than or equal to 0"),
        ("TIERSTREAM_BREAKER_SHARE", "50%", "should be a valid decimal"),
        ("TIERSTREAM_BREAKER_SHARE", "1.01", "should be less than or equal to 1"),
        ("TIERSTREAM_BREAKER_WINDOW", "0", "should be greater than or equal to 1"),
        ("TIERSTREAM_BREAKER_PASS", "orders@5", "is no list of topic/partition@offset"),
        ("TIERSTREAM_BREAKER_PASS", "orders/1@-5", "is no list of topic/partition@offset"),
        ("TIERSTREAM_BREAKER_PASS", "orders/1@5,orders/1@6", "names a partition twice"),
    ],
)
def test_wrong_value_is_named_with_its_variable_and_the_reason(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    said = refusal(monkeypatch, **{variable: value})
    assert said.startswith(f"{variable}={value}: {reason}")
    assert "\n" not in said


@pytest.mark.parametrize("url", ["http://h/0", "redis://h:0/0", "redis://h:70000/0", "h:6379"])
def test_redis_url_is_checked_and_never_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    said = refusal(monkeypatch, REDIS_URL=url.replace("//", f"//:{SECRET}@"))
    assert said.startswith("REDIS_URL: ")
    assert SECRET not in said


def test_all_wrong_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, TIERSTREAM_MODE="x", TIERSTREAM_PARTITIONS="0")
    assert "TIERSTREAM_MODE=x" in said
    assert "TIERSTREAM_PARTITIONS=0" in said


KAFKA_LOGIN = {"TIERSTREAM_SASL_USERNAME": "ana", "TIERSTREAM_SASL_PASSWORD": SECRET}
INSECURE = {"TIERSTREAM_ALLOW_INSECURE_CREDENTIALS": "true"}


def test_kafka_password_without_tls_is_refused_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    login = KAFKA_LOGIN | {"TIERSTREAM_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}
    said = refusal(monkeypatch, **login)
    assert "would send the Kafka password without TLS; use SASL_SSL" in said
    assert SECRET not in said
    monkeypatch.setenv(*next(iter(INSECURE.items())))
    assert load_settings().security_protocol == "SASL_PLAINTEXT"


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL"])
def test_kafka_user_that_would_not_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    variables = KAFKA_LOGIN | INSECURE | {"TIERSTREAM_SECURITY_PROTOCOL": protocol}
    assert "it should be SASL_SSL" in refusal(monkeypatch, **variables)


def test_sasl_needs_a_user_and_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"TIERSTREAM_SECURITY_PROTOCOL": "SASL_SSL", "TIERSTREAM_SASL_USERNAME": "ana"}
    said = refusal(monkeypatch, **variables)
    assert "needs TIERSTREAM_SASL_USERNAME and TIERSTREAM_SASL_PASSWORD" in said


@pytest.mark.parametrize("prefix", ["", "REDIS_"])
@pytest.mark.parametrize("file", ["CAFILE", "CERTFILE", "KEYFILE", "KEYFILE_PASSWORD"])
def test_tls_file_without_tls_is_refused(
    monkeypatch: pytest.MonkeyPatch, prefix: str, file: str
) -> None:
    variable = f"TIERSTREAM_{prefix}SSL_{file}"
    said = refusal(monkeypatch, **{variable: "x.pem"})
    assert said.startswith(f"{variable} is set, but ")


@pytest.mark.parametrize("file", ["KEYFILE", "KEYFILE_PASSWORD"])
def test_key_without_a_certificate_is_refused(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    variables = {"TIERSTREAM_SECURITY_PROTOCOL": "SSL", f"TIERSTREAM_SSL_{file}": "x"}
    assert "TIERSTREAM_SSL_CERTFILE is not" in refusal(monkeypatch, **variables)


@pytest.mark.parametrize(
    "variables",
    [
        {"REDIS_URL": f"redis://:{SECRET}@127.0.0.1:6379/0"},
        {"REDIS_URL": f"redis://ana:{SECRET}@redis:6379/0"},
        {"REDIS_URL": f"redis://redis:6379/0?password={SECRET}"},
        {"TIERSTREAM_REDIS_PASSWORD": SECRET},
    ],
)
def test_redis_password_without_tls_is_refused_unless_asked_for_on_loopback_too(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    said = refusal(monkeypatch, **variables)
    assert "would send the Redis password without TLS; use rediss://" in said
    assert SECRET not in said
    monkeypatch.setenv(*next(iter(INSECURE.items())))
    load_settings()


@pytest.mark.parametrize("option", ["ssl_cert_reqs=none", "ssl_check_hostname=False"])
def test_redis_password_for_an_unchecked_server_is_refused_unless_asked_for(
    monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    said = refusal(monkeypatch, REDIS_URL=f"rediss://:{SECRET}@redis:6379/0?{option}")
    assert "switches off the check of the server's certificate" in said
    monkeypatch.setenv(*next(iter(INSECURE.items())))
    load_settings()


@pytest.mark.parametrize(
    "url", [f"rediss://:{SECRET}@redis:6379/0", f"unix:///run/redis.sock?password={SECRET}"]
)
def test_redis_password_over_tls_or_a_socket_is_taken(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    assert load_settings().redis_url == url


def test_the_representation_hides_secrets() -> None:
    settings = Settings(
        security_protocol="SASL_SSL",
        sasl_username="ana",
        sasl_password=SECRET,  # type: ignore[arg-type]
        redis_url=f"rediss://ben:{SECRET}@redis:6379/0?password={SECRET}&db=3",
    )
    assert SECRET not in f"{settings!r} {settings}"


def test_variable_that_is_no_setting_is_told_with_the_one_probably_meant() -> None:
    environ = {
        "TIERSTREAM_ALOWED_LATENESS": "1m",
        "TIERSTREAM_WORKER_SERVICE_HOST": "10.0.0.1",
        "TIERSTREAM_MODE": "live",
        "HOME": "/",
    }
    assert unknown_variables(environ) == {
        "TIERSTREAM_ALOWED_LATENESS": "TIERSTREAM_ALLOWED_LATENESS",
        "TIERSTREAM_WORKER_SERVICE_HOST": None,
    }
