"""The settings become a login, for aiokafka and for Faust, without a fallback to plaintext."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from config.settings import Settings, SettingsError
from streams.kafka.faust_credentials import faust_broker_urls, faust_credentials
from streams.kafka.security import aiokafka_security, kafka_ssl_context

LOGIN: dict[str, Any] = {
    "sasl_mechanism": "SCRAM-SHA-512",
    "sasl_username": "ana",
    "sasl_password": "secret",
}


def settings(**values: Any) -> Settings:
    return Settings(**values)


def test_plaintext_needs_nothing() -> None:
    assert aiokafka_security(settings()) == {"security_protocol": "PLAINTEXT"}
    assert faust_credentials(settings()) is None


def test_tls_checks_certificates_and_host_names() -> None:
    context = kafka_ssl_context(settings(security_protocol="SSL"))
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    "values",
    [
        {"security_protocol": "SSL"},
        {"security_protocol": "SASL_SSL", **LOGIN},
        {"security_protocol": "SASL_PLAINTEXT", "allow_insecure_credentials": True, **LOGIN},
    ],
)
def test_faust_and_aiokafka_get_the_same_login(values: dict[str, Any]) -> None:
    ours = aiokafka_security(settings(**values))
    fausts = dict(credentials_to_aiokafka_auth(faust_credentials(settings(**values)), None))
    has_tls = {"ours": ours.pop("ssl_context", None), "faust's": fausts.pop("ssl_context", None)}
    assert fausts == ours
    assert ours["security_protocol"] == values["security_protocol"]
    for context in has_tls.values():
        assert isinstance(context, ssl.SSLContext) is ("SSL" in values["security_protocol"])


def test_faust_gets_every_broker() -> None:
    urls = faust_broker_urls(settings(kafka_bootstrap_servers="a:1,b:2"))
    assert urls == ["kafka://a:1", "kafka://b:2"]


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("ssl_cafile", None, "TIERSTREAM_SSL_CAFILE=.*: no such file or directory"),
        ("ssl_cafile", "no certificate", "TIERSTREAM_SSL_CAFILE=.*: no valid PEM certificate"),
        ("ssl_certfile", None, "TIERSTREAM_SSL_CERTFILE=.*: no such file or directory"),
        ("ssl_certfile", "no certificate", "TIERSTREAM_SSL_CERTFILE=.*: no valid PEM certificate"),
    ],
)
def test_file_that_cannot_be_used_is_named(
    tmp_path: Path, file: str, content: str | None, reason: str
) -> None:
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match=reason):
        aiokafka_security(settings(security_protocol="SSL", **{file: path}))
