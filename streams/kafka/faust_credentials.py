"""The login to Kafka as Faust takes it.

`faust.SASLCredentials` without a TLS context silently uses plaintext, whatever the operator asked
for. So the context is always built here, and the protocol that results is compared with the
setting.
"""

from __future__ import annotations

import faust
from faust.types.auth import CredentialsT

from config.settings import Settings
from streams.kafka.security import kafka_ssl_context


def faust_credentials(settings: Settings) -> CredentialsT | None:
    """The value for Faust's ``broker_credentials``; None for an unprotected broker.

    Raises:
        SettingsError: a certificate or key file cannot be used.
    """
    context = kafka_ssl_context(settings)
    credentials: CredentialsT | None = None
    if settings.kafka_uses_sasl and settings.sasl_password is not None:
        credentials = faust.SASLCredentials(
            username=settings.sasl_username,
            password=settings.sasl_password.get_secret_value(),
            mechanism=settings.sasl_mechanism,
            ssl_context=context,
        )
    elif context is not None:
        credentials = faust.SSLCredentials(context)
    spoken = credentials.protocol.value if credentials is not None else "PLAINTEXT"
    assert spoken == settings.security_protocol, f"Faust would speak {spoken}"
    return credentials


def faust_broker_urls(settings: Settings) -> list[str]:
    """The value for Faust's ``broker``: one ``kafka://host:port`` for each server."""
    return [f"kafka://{server}" for server in settings.kafka_servers]
