"""TLS and login of Kafka: from the settings to the arguments of a client."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from config.settings import Settings, SettingsError


def kafka_ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """The TLS context for Kafka, or None where the settings ask for no TLS.

    Certificates and host names are always checked.

    Raises:
        SettingsError: a certificate or key file cannot be used.
    """
    if not settings.kafka_uses_tls:
        return None
    return tls_context(
        "TIERSTREAM_SSL",
        settings.ssl_cafile,
        settings.ssl_certfile,
        settings.ssl_keyfile,
        settings.ssl_keyfile_password,
    )


def aiokafka_security(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for every aiokafka consumer, producer and admin client.

    Raises:
        SettingsError: a certificate or key file cannot be used.
    """
    arguments: dict[str, Any] = {"security_protocol": settings.security_protocol}
    context = kafka_ssl_context(settings)
    if context is not None:
        arguments["ssl_context"] = context
    if settings.kafka_uses_sasl and settings.sasl_password is not None:
        arguments["sasl_mechanism"] = settings.sasl_mechanism
        arguments["sasl_plain_username"] = settings.sasl_username
        arguments["sasl_plain_password"] = settings.sasl_password.get_secret_value()
    return arguments


def tls_context(
    variable_prefix: str,
    cafile: Path | None,
    certfile: Path | None,
    keyfile: Path | None,
    keyfile_password: SecretStr | None,
) -> ssl.SSLContext:
    """A client's TLS context from files, TLS 1.2 or newer.

    Args:
        variable_prefix: how the variables of these files begin, for messages.
        cafile: PEM file of the trusted authorities; None means those of the system.
        certfile: PEM file of our own certificate, if any.
        keyfile: PEM file of its key; None: it is in ``certfile``.
        keyfile_password: password of an encrypted key.

    Raises:
        SettingsError: a file cannot be read, is no PEM file, or the password is wrong.
    """
    try:
        context = ssl.create_default_context(cafile=cafile)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{variable_prefix}_CAFILE={cafile}: {_why(error)}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certfile is None:
        return context
    # Without a password OpenSSL would ask on the terminal for the one of an encrypted key.
    password = keyfile_password.get_secret_value() if keyfile_password is not None else ""
    try:
        context.load_cert_chain(certfile, keyfile, lambda: password)
    except (OSError, ValueError) as error:
        files = f"{variable_prefix}_CERTFILE={certfile}" + (
            f" with {variable_prefix}_KEYFILE={keyfile}" if keyfile else ""
        )
        raise SettingsError(f"{files}: {_why(error)}") from None
    return context


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "no valid PEM certificate and key, or the key's password is wrong"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "cannot be read"
