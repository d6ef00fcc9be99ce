"""Checks of settings against each other, above all: no credentials over a readable line.

Each raises ValueError with a sentence that names the variables, since several are involved.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from config.redis_address import RedisAddress

if TYPE_CHECKING:
    from config.settings import Settings

_UNLESS_ASKED = "set TIERSTREAM_ALLOW_INSECURE_CREDENTIALS=true if that is meant"
_KAFKA_FILES = ("ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_keyfile_password")


def check_kafka(settings: Settings) -> None:
    """Credentials, protocol and TLS files fit together."""
    protocol = settings.security_protocol
    given = settings.sasl_username is not None, settings.sasl_password is not None
    if settings.kafka_uses_sasl and not all(given):
        raise ValueError(
            f"TIERSTREAM_SECURITY_PROTOCOL={protocol} needs TIERSTREAM_SASL_USERNAME and "
            "TIERSTREAM_SASL_PASSWORD"
        )
    if not settings.kafka_uses_sasl and any(given):
        raise ValueError(
            "TIERSTREAM_SASL_USERNAME and TIERSTREAM_SASL_PASSWORD would not be used with "
            f"TIERSTREAM_SECURITY_PROTOCOL={protocol}; it should be SASL_SSL"
        )
    if protocol == "SASL_PLAINTEXT" and not settings.allow_insecure_credentials:
        raise ValueError(
            "TIERSTREAM_SECURITY_PROTOCOL=SASL_PLAINTEXT would send the Kafka password without "
            f"TLS; use SASL_SSL, or {_UNLESS_ASKED}"
        )
    if not settings.kafka_uses_tls:
        _refuse_files(settings, _KAFKA_FILES, f"TIERSTREAM_SECURITY_PROTOCOL={protocol} has no TLS")
    _check_key_pair(settings, "ssl")


def check_redis(settings: Settings) -> None:
    """Credentials, URL and TLS files fit together."""
    address = RedisAddress.of(settings)
    insecure_allowed = settings.allow_insecure_credentials
    if address.has_credentials and address.scheme == "redis" and not insecure_allowed:
        raise ValueError(
            "REDIS_URL with credentials would send the Redis password without TLS; use rediss://, "
            f"or {_UNLESS_ASKED}"
        )
    if address.has_credentials and address.skips_verification and not insecure_allowed:
        raise ValueError(
            "REDIS_URL switches off the check of the server's certificate, so anyone could take "
            f"the Redis password; {_UNLESS_ASKED}"
        )
    if address.scheme != "rediss":
        names = tuple(f"redis_{name}" for name in _KAFKA_FILES)
        _refuse_files(settings, names, f"REDIS_URL begins with {address.scheme}://, without TLS")
    _check_key_pair(settings, "redis_ssl")


def check_api(settings: Settings) -> None:
    """Beyond this machine the API asks for tokens, and does not let others read them."""
    if not is_loopback(settings.api_host):
        where = f"TIERSTREAM_API_HOST={settings.api_host} is not loopback"
        if settings.api_token_file is None:
            raise ValueError(f"{where}, so the API needs TIERSTREAM_API_TOKEN_FILE")
        if settings.api_tls_certfile is None and not settings.api_allow_plaintext:
            raise ValueError(
                f"{where}, so tokens and profiles would be sent in plain text; set "
                "TIERSTREAM_API_TLS_CERTFILE, or TIERSTREAM_API_ALLOW_PLAINTEXT=true behind a "
                "proxy with TLS"
            )
    _check_key_pair(settings, "api_tls")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse_files(settings: Settings, names: tuple[str, ...], reason: str) -> None:
    for name in names:
        if getattr(settings, name) is not None:
            raise ValueError(f"TIERSTREAM_{name.upper()} is set, but {reason}")


def _check_key_pair(settings: Settings, prefix: str) -> None:
    if getattr(settings, f"{prefix}_certfile") is not None:
        return
    for name in (f"{prefix}_keyfile", f"{prefix}_keyfile_password"):
        if getattr(settings, name) is not None:
            variable = f"TIERSTREAM_{prefix.upper()}_CERTFILE"
            raise ValueError(f"TIERSTREAM_{name.upper()} is set, but {variable} is not")
