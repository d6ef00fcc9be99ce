"""What the brokers report about themselves and about our topics."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from aiokafka.errors import KafkaConnectionError, KafkaError

from config.settings import Settings
from streams.kafka.clients import BrokerUnreachable, new_admin
from streams.kafka.topics import all_topics, read_configs

_CONNECT_AT_MOST_MS = 10_000
_DEADLINE_S = 20.0


class Cluster(NamedTuple):
    """What the brokers report about themselves and about our topics."""

    brokers: int
    cluster_id: str
    topics: dict[str, list[dict[str, Any]]]
    """Partitions by topic."""
    configs: dict[str, dict[str, str]]
    """Settings by topic; a topic whose settings we may not read is missing."""


async def look_at_cluster(settings: Settings) -> Cluster:
    """Ask the brokers.

    Raises:
        BrokerUnreachable: no broker answers in time; the message says why in a few words.
        SettingsError: a certificate or key file cannot be used.
    """
    try:
        async with asyncio.timeout(_DEADLINE_S):
            return await _ask(settings)
    except (TimeoutError, KafkaError, OSError) as error:
        raise BrokerUnreachable(
            f"no Kafka broker answers at {settings.kafka_bootstrap_servers} over "
            f"{settings.security_protocol} ({_why(error)})"
        ) from error


async def _ask(settings: Settings) -> Cluster:
    timeout_ms = min(settings.startup_timeout.ms, _CONNECT_AT_MOST_MS)
    admin = new_admin(settings, request_timeout_ms=timeout_ms)
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            await admin.start()
        cluster = await admin.describe_cluster()
        described = await admin.describe_topics(await admin.list_topics())
        topics = {topic["topic"]: topic["partitions"] for topic in described}
        ours = [topic.name for topic in all_topics(settings) if topic.name in topics]
        configs = await read_configs(admin, ours)
    finally:
        await admin.close()
    return Cluster(len(cluster["brokers"]), str(cluster["cluster_id"]), topics, configs)


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, KafkaConnectionError):
        return "no connection"
    return str(error) or type(error).__name__
