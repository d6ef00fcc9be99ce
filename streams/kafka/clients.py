"""Every Kafka client is made here: consumers, producers and admin clients."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError

from config.settings import Settings
from streams.faust_app import READ_COMMITTED, BatchProducer, Consumer, allow_any_header_name
from streams.kafka.security import aiokafka_security

# A batch stays under Kafka's usual message.max.bytes; a larger record goes alone.
_BATCH_MAX_BYTES = 1_000_000
LARGEST_BATCH_BYTES = 1_048_588
"""What brokers must take as one batch: Kafka's default, and no record of ours is larger."""
_BUFFERED_MAX_BYTES = 64 * 1024 * 1024
_REQUEST_TIMEOUT_MS = 30_000


class BrokerUnreachable(Exception):
    """No broker answered in time; the message is one sentence."""


def new_consumer(
    settings: Settings, *, isolation_level: str = READ_COMMITTED, **options: Any
) -> Consumer:
    """A consumer that commits nothing by itself; in no group unless the options name one.

    Args:
        settings: of the deployment.
        isolation_level: by default what aborted transactions wrote is not seen, and the end of a
            partition is before the first open transaction.
        options: further arguments of `aiokafka.AIOKafkaConsumer`.

    Raises:
        SettingsError: a certificate or key file cannot be used.
    """
    allow_any_header_name()
    return Consumer(
        bootstrap_servers=list(settings.kafka_servers),
        enable_auto_commit=False,
        isolation_level=isolation_level,
        **{**aiokafka_security(settings), **options},
    )


def new_producer(
    settings: Settings,
    client: str,
    *,
    batch_max_bytes: int = _BATCH_MAX_BYTES,
    buffered_max_bytes: int = _BUFFERED_MAX_BYTES,
    request_timeout_ms: int = _REQUEST_TIMEOUT_MS,
) -> BatchProducer:
    """A producer whose records are acknowledged by all replicas in sync.

    Args:
        settings: of the deployment.
        client: what it writes for; with the application id, our name in the brokers' logs.
        batch_max_bytes: size at which a batch is closed; below the brokers' bound on batches.
        buffered_max_bytes: bound on what is added and not yet acknowledged.
        request_timeout_ms: how long one request may take.

    Raises:
        SettingsError: a certificate or key file cannot be used.
    """
    options: dict[str, Any] = {
        **aiokafka_security(settings),
        "bootstrap_servers": list(settings.kafka_servers),
        "client_id": f"{settings.app_id}-{client}",
        "enable_idempotence": settings.producer_idempotence,
        "acks": "all",
        "max_batch_size": batch_max_bytes,
        "request_timeout_ms": request_timeout_ms,
    }
    return BatchProducer(lambda: AIOKafkaProducer(**options), buffered_max_bytes=buffered_max_bytes)


def new_probe_producer(settings: Settings, request_timeout_ms: int) -> AIOKafkaProducer:
    """A producer for single records that nobody reads: the leader alone acknowledges them.

    Args:
        settings: of the deployment.
        request_timeout_ms: how long a record is tried.

    Raises:
        SettingsError: a certificate or key file cannot be used.
    """
    return AIOKafkaProducer(
        bootstrap_servers=list(settings.kafka_servers),
        client_id=f"{settings.app_id}-probe",
        acks=1,
        request_timeout_ms=request_timeout_ms,
        **aiokafka_security(settings),
    )


def new_admin(settings: Settings, **options: Any) -> AIOKafkaAdminClient:
    """An admin client that is not connected yet.

    Args:
        settings: of the deployment.
        options: further arguments of `aiokafka.admin.AIOKafkaAdminClient`.

    Raises:
        SettingsError: a certificate or key file cannot be used.
    """
    return AIOKafkaAdminClient(
        bootstrap_servers=list(settings.kafka_servers), **aiokafka_security(settings), **options
    )


async def open_admin(settings: Settings) -> AIOKafkaAdminClient:
    """An admin client that is connected; whoever asked closes it.

    Raises:
        BrokerUnreachable: no broker answers within the start-up timeout.
        SettingsError: a certificate or key file cannot be used.
    """
    admin = new_admin(settings, request_timeout_ms=settings.startup_timeout.ms)
    try:
        await asyncio.wait_for(admin.start(), settings.startup_timeout.seconds)
    except (TimeoutError, KafkaError, OSError) as error:
        await admin.close()
        raise unreachable(settings, error) from error
    return admin


def unreachable(settings: Settings, error: BaseException) -> BrokerUnreachable:
    """The exception to raise when no broker answers, made of the error of a client."""
    said = f"no Kafka broker answers at {settings.kafka_bootstrap_servers}"
    if isinstance(error, TimeoutError):
        return BrokerUnreachable(f"{said} within {settings.startup_timeout}")
    if isinstance(error, KafkaConnectionError):
        return BrokerUnreachable(said)  # its text repeats the address
    return BrokerUnreachable(f"{said} ({str(error) or type(error).__name__})")
