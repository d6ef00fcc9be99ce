"""The settings of a deployment, read once from the environment.

What shapes results beyond the policy (the mode, the allowed lateness) is recorded in the log with
the policy; everything else here only says where and how to run.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from config import cross_checks, field_checks
from config.durations import Duration, parse_duration
from config.field_checks import checked_pass

ENV_PREFIX = "TIERSTREAM_"


def _between(low: str, high: str) -> AfterValidator:
    return AfterValidator(field_checks.duration_between(parse_duration(low), parse_duration(high)))


_Duration = Annotated[Duration, NoDecode, BeforeValidator(parse_duration)]
_Upper = BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)
_Lower = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)


class Settings(BaseSettings):
    """Every setting, checked. Variables are ``TIERSTREAM_`` and the name in capitals.

    ``KAFKA_BOOTSTRAP_SERVERS`` and ``REDIS_URL`` are also read without the prefix; the prefixed
    form wins. An empty variable counts as unset.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    app_id: Annotated[str, AfterValidator(field_checks.topic_name)] = Field(
        default="tierstream",
        description="Name of this application: in consumer groups, in the changelog topic and as "
        "`source` of every event it writes.",
    )
    topic_prefix: Annotated[str, AfterValidator(field_checks.topic_prefix)] = Field(
        default="", description="Put before the name of every topic that is read or written."
    )
    mode: Annotated[Literal["live", "replay"], _Lower] = Field(
        default="live",
        description="What moves the clock: `live` takes wall time (ticks in the log), `replay` the "
        "newest event.",
    )
    allowed_lateness: Annotated[_Duration, _between("0s", "30d")] = Field(
        default=Duration(300_000),
        description="How far the partition clock stays behind the tick or the newest event, so "
        "that events out of order are not late.",
    )
    max_future_skew: Annotated[_Duration, _between("0s", "365d")] = Field(
        default=Duration(300_000),
        description="An event later than the wall clock by more than this is a dead letter "
        "(`from_the_future`).",
    )
    min_event_time: Annotated[str, AfterValidator(field_checks.instant)] = Field(
        default="1990-01-01T00:00:00Z",
        description="An event before this RFC 3339 time is a dead letter (`invalid_timestamp`).",
    )
    policy_file: Path | None = Field(
        default=None,
        description="The policy that the first start writes to the log; unset means the policy "
        "that comes with the program.",
    )

    kafka_bootstrap_servers: Annotated[str, AfterValidator(field_checks.bootstrap_servers)] = Field(
        default="127.0.0.1:9092", description="`host:port` of some brokers, separated by commas."
    )
    security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], _Upper
    ] = Field(
        default="PLAINTEXT",
        description="How Kafka is spoken to: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`; "
        "with `SSL` over TLS, with `SASL` with a user.",
    )
    sasl_mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], _Upper] = Field(
        default="PLAIN",
        description="How the password is proven: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.",
    )
    sasl_username: str | None = Field(default=None, description="User for Kafka.")
    sasl_password: SecretStr | None = Field(default=None, description="Password for Kafka.")
    ssl_cafile: Path | None = Field(
        default=None,
        description="PEM file with the authorities that may sign the brokers' certificates; unset "
        "means those of the system.",
    )
    ssl_certfile: Path | None = Field(
        default=None,
        description="PEM file with our own certificate, where the brokers ask for one.",
    )
    ssl_keyfile: Path | None = Field(
        default=None,
        description="PEM file with the key of our certificate; unset: it is in the same file.",
    )
    ssl_keyfile_password: SecretStr | None = Field(
        default=None, description="Password of the encrypted key file."
    )
    allow_insecure_credentials: bool = Field(
        default=False,
        description="Send credentials to Kafka or Redis without TLS, or without checking the "
        "server's certificate.",
    )
    producer_idempotence: bool = Field(
        default=True,
        description="Idempotent producers. Only the embedded broker of the demo needs them off.",
    )
    partitions: int = Field(
        default=4,
        ge=1,
        le=1_000,
        description="Partitions of every topic we create; it cannot be changed later.",
    )
    replication_factor: int = Field(
        default=1,
        ge=1,
        le=16,
        description="Copies of every partition of the topics we create; 3 on a real cluster.",
    )
    session_timeout: Annotated[_Duration, _between("1s", "30m")] = Field(
        default=Duration(30_000),
        description="Silence after which the group takes a worker for dead and hands on its "
        "partitions.",
    )
    rebalance_timeout: Annotated[_Duration, _between("1s", "30m")] = Field(
        default=Duration(60_000),
        description="Time that members have to finish their batch when partitions move.",
    )

    redis_url: Annotated[str, AfterValidator(field_checks.redis_url)] = Field(
        default="redis://127.0.0.1:6379/0",
        repr=False,
        description="Where the view is kept: `redis://`, `rediss://` (TLS) or `unix://`, with user "
        "and password if need be.",
    )
    redis_username: str | None = Field(
        default=None, description="User for Redis, if it does not stand in the URL."
    )
    redis_password: SecretStr | None = Field(
        default=None, description="Password for Redis, if it does not stand in the URL."
    )
    redis_ssl_cafile: Path | None = Field(
        default=None, description="As `TIERSTREAM_SSL_CAFILE`, for a `rediss://` server."
    )
    redis_ssl_certfile: Path | None = Field(
        default=None, description="As `TIERSTREAM_SSL_CERTFILE`, for a `rediss://` server."
    )
    redis_ssl_keyfile: Path | None = Field(
        default=None, description="As `TIERSTREAM_SSL_KEYFILE`, for a `rediss://` server."
    )
    redis_ssl_keyfile_password: SecretStr | None = Field(
        default=None, description="As `TIERSTREAM_SSL_KEYFILE_PASSWORD`, for a `rediss://` server."
    )
    redis_key_prefix: Annotated[str, AfterValidator(field_checks.redis_key_prefix)] = Field(
        default="{tierstream}:",
        description="Put before every key, so that several views can share a Redis. The text in "
        "braces puts all keys into one slot of a Redis Cluster; a prefix without braces gets them.",
    )
    changes_kept: Annotated[_Duration, _between("1d", "3650d")] = Field(
        default=Duration(400 * 86_400_000),
        description="How far back the view knows moves between tiers and when levels were reached; "
        "new topics of these changes are kept as long.",
    )

    http_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address that serves `/metrics`, `/livez` and `/readyz`; there is no login, so "
        "open it only to a trusted network.",
    )
    http_port: int = Field(
        default=8080, ge=0, le=65_535, description="Its port; 0 takes any free one."
    )
    api_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address that the HTTP API listens on; beyond loopback it needs tokens, and "
        "TLS.",
    )
    api_port: int = Field(
        default=8088, ge=0, le=65_535, description="Its port; 0 takes any free one."
    )
    api_token_file: Path | None = Field(
        default=None,
        description="TOML file with what is kept of each bearer token, read again when it changes; "
        "unset: anyone on this machine may read, and nobody may erase.",
    )
    api_tls_certfile: Path | None = Field(
        default=None, description="PEM file with the certificate of the API."
    )
    api_tls_keyfile: Path | None = Field(
        default=None, description="PEM file with its key; unset: it is in the same file."
    )
    api_tls_keyfile_password: SecretStr | None = Field(
        default=None, description="Password of the encrypted key file."
    )
    api_allow_plaintext: bool = Field(
        default=False,
        description="Let the API listen beyond loopback without TLS, as behind a proxy that has "
        "it.",
    )
    api_trusted_proxies: Annotated[str, AfterValidator(field_checks.networks)] = Field(
        default="",
        description="Addresses or networks of proxies, separated by commas, whose "
        "`X-Forwarded-For` tells the caller's address.",
    )
    api_rate_per_token: int = Field(
        default=200,
        ge=0,
        le=1_000_000,
        description="Requests a second that a token may send, and twice as many at once; 0 for no "
        "bound.",
    )
    api_rate_per_address: int = Field(
        default=400,
        ge=0,
        le=1_000_000,
        description="The same for an address, whatever tokens come from it.",
    )
    api_max_streams: int = Field(
        default=32,
        ge=1,
        le=1_000,
        description="Streams of changes at a time; each reads Kafka for itself.",
    )
    api_explain_timeout: Annotated[_Duration, _between("1s", "10m")] = Field(
        default=Duration(20_000),
        description="Time that an explanation may take before the API gives it up.",
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], _Upper] = Field(
        default="INFO", description="`debug`, `info`, `warning` or `error`."
    )
    log_format: Annotated[Literal["json", "console"], _Lower] = Field(
        default="json", description="`json`: one object a line; `console`: for people."
    )

    breaker_in_a_row: int = Field(
        default=100,
        ge=0,
        le=1_000_000,
        description="More bad records in a row than this stop the ingest of their input partition, "
        "0 for no bound.",
    )
    breaker_share: Decimal = Field(
        default=Decimal("0.5"),
        ge=0,
        le=1,
        description="So does a larger share of bad records among the newest of the partition, 0 "
        "for no bound.",
    )
    breaker_window: int = Field(
        default=1_000, ge=1, le=100_000, description="… of which so many are looked at."
    )
    breaker_pass: Annotated[str, AfterValidator(checked_pass)] = Field(
        default="",
        description="Bad records before these offsets do not count: `topic/partition@offset`, "
        "several separated by commas. With it a stopped partition goes on after a restart.",
    )
    flush_interval: Annotated[_Duration, _between("10ms", "60s")] = Field(
        default=Duration(200),
        description="Outputs and state are written at the latest after this time.",
    )
    flush_max_records: int = Field(
        default=20_000,
        ge=1,
        le=1_000_000,
        description="… or when this many events have been applied since the last write.",
    )
    tick_interval: Annotated[_Duration, _between("100ms", "1m")] = Field(
        default=Duration(1_000),
        description="How often, in mode `live`, the owner of a partition writes the time to it.",
    )
    stall_timeout: Annotated[_Duration, _between("10s", "1d")] = Field(
        default=Duration(300_000),
        description="A worker that has records to take and has not moved for this long ends, so "
        "that its supervisor starts it anew.",
    )
    startup_timeout: Annotated[_Duration, _between("1s", "1h")] = Field(
        default=Duration(30_000),
        description="Time after which a start gives up on a broker, a topic or a Redis that does "
        "not answer.",
    )

    @property
    def allowed_lateness_ms(self) -> int:
        """`allowed_lateness` in milliseconds."""
        return self.allowed_lateness.ms

    @property
    def max_future_skew_ms(self) -> int:
        """`max_future_skew` in milliseconds."""
        return self.max_future_skew.ms

    @property
    def min_event_time_ms(self) -> int:
        """`min_event_time` in milliseconds since 1970."""
        return field_checks.instant_ms(self.min_event_time)

    @property
    def kafka_servers(self) -> tuple[str, ...]:
        """`kafka_bootstrap_servers` one by one, as ``host:port``."""
        return tuple(self.kafka_bootstrap_servers.split(","))

    @property
    def kafka_uses_tls(self) -> bool:
        """Whether connections to Kafka are encrypted."""
        return self.security_protocol in ("SSL", "SASL_SSL")

    @property
    def kafka_uses_sasl(self) -> bool:
        """Whether we log in to Kafka with a user and a password."""
        return self.security_protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    @model_validator(mode="after")
    def _together(self) -> Settings:
        cross_checks.check_kafka(self)
        cross_checks.check_redis(self)
        cross_checks.check_api(self)
        return self
