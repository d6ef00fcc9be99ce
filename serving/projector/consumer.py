"""The Kafka consumer of a topic of the view."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError, KafkaError

from config.settings import Settings
from serving.view.redis import ViewError
from streams.kafka.clients import new_consumer

_RETRY_PAUSE_S = 0.5
_REQUEST_TIMEOUT_MS = 20_000
_FETCH_MAX_BYTES = 8 * 1024 * 1024


@asynccontextmanager
async def open_consumer(
    settings: Settings, topic: str, group: str | None
) -> AsyncIterator[AIOKafkaConsumer]:
    """A connected consumer without a subscription, for a topic that exists.

    It never chooses an offset by itself: the offsets to read from are stored in Redis.

    Raises:
        ViewError: no broker answers, or the topic is not there, within the startup timeout.
        SettingsError: a certificate or key file cannot be used.
    """
    options: dict[str, Any] = {
        "group_id": group,
        "client_id": f"{settings.app_id}-view",
        "auto_offset_reset": "none",
        "session_timeout_ms": settings.session_timeout.ms,
        "heartbeat_interval_ms": _heartbeat_interval_ms(settings),
        "rebalance_timeout_ms": settings.rebalance_timeout.ms,
        "request_timeout_ms": _REQUEST_TIMEOUT_MS,
        "fetch_max_bytes": _FETCH_MAX_BYTES,
    }
    deadline = asyncio.get_running_loop().time() + settings.startup_timeout.seconds
    consumer = await _connected(settings, options, deadline)
    try:
        await _wait_for_topic(settings, consumer, topic, deadline)
        yield consumer
    finally:
        await consumer.stop()


def _heartbeat_interval_ms(settings: Settings) -> int:
    # The response to a heartbeat announces a rebalance, which must be joined in time.
    return min(3_000, settings.session_timeout.ms // 3, settings.rebalance_timeout.ms // 3)


async def _connected(
    settings: Settings, options: dict[str, Any], deadline: float
) -> AIOKafkaConsumer:
    while True:
        consumer = new_consumer(settings, **options)
        try:
            async with asyncio.timeout_at(deadline):
                await consumer.start()
        except (KafkaConnectionError, TimeoutError):
            await consumer.stop()
            if asyncio.get_running_loop().time() + _RETRY_PAUSE_S >= deadline:
                raise ViewError(
                    f"Kafka at {settings.kafka_bootstrap_servers} does not answer, or refuses the "
                    f"login ({settings.security_protocol}); see the log"
                ) from None
            await asyncio.sleep(_RETRY_PAUSE_S)
        except KafkaError as error:
            await consumer.stop()
            raise ViewError(f"Kafka at {settings.kafka_bootstrap_servers}: {error}") from None
        else:
            return consumer


async def _wait_for_topic(
    settings: Settings, consumer: AIOKafkaConsumer, topic: str, deadline: float
) -> None:
    # Subscribing to a topic that is missing makes the client ask for it without a pause.
    while True:
        try:
            if topic in await consumer.topics():
                return
            what = (
                f"has no topic {topic} that we may see; create it with `tierstream topics create`"
            )
        except KafkaError as error:
            what = f"does not tell its topics: {error}"
        if asyncio.get_running_loop().time() + _RETRY_PAUSE_S >= deadline:
            raise ViewError(f"Kafka at {settings.kafka_bootstrap_servers} {what}")
        await asyncio.sleep(_RETRY_PAUSE_S)
