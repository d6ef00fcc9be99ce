"""A topic of profiles, a view in Redis, and a projector between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.asyncio import Redis

from config.settings import Settings
from devtools.servers import Broker
from handlers.outputs import (
    CARE_REMINDERS,
    CUSTOMER_PROFILES,
    DORMANCY_ALERTS,
    PROFILE_CHANGES,
    TIER_CHANGES,
)
from serving.projector.metrics import MetricsMeter
from serving.projector.run import projector_health, run_projector
from serving.view.generations import RedisView
from serving.view.reader import ViewReader
from serving.view.redis import connect_redis
from streams.kafka.topics import topic_name
from streams.runtime.metrics import Metrics
from tests.harness.environment import ANY_PORTS

WAIT_S = 60.0


def settings_for(broker: Broker, redis_url: str, topic_prefix: str, **others: Any) -> Settings:
    """Settings of a deployment of its own on shared servers."""
    values: dict[str, Any] = {
        "kafka_bootstrap_servers": broker.bootstrap_servers,
        "producer_idempotence": broker.idempotence,
        "redis_url": redis_url,
        "topic_prefix": topic_prefix,
        "app_id": f"{topic_prefix}app",
        "redis_key_prefix": topic_prefix,
        "partitions": 2,
        "session_timeout": "6s",
        "rebalance_timeout": "1s",
        "startup_timeout": "5s",
        **ANY_PORTS,
    }
    return Settings(**(values | others))


def in_another_group(settings: Settings) -> Settings:
    """The same view for a group that has committed nothing, and is joined without a wait."""
    return settings.model_copy(update={"app_id": f"{settings.app_id}2"})


async def create_topic(settings: Settings) -> None:
    """The topics of the view: the compacted one of profiles, and those of changes."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        compacted = {"cleanup.policy": "compact"}
        profiles = topic_name(settings, CUSTOMER_PROFILES)
        topics = [NewTopic(profiles, settings.partitions, 1, topic_configs=compacted)]
        topics += [
            NewTopic(settings.topic_prefix + name, settings.partitions, 1)
            for name in (TIER_CHANGES, DORMANCY_ALERTS, CARE_REMINDERS, PROFILE_CHANGES)
        ]
        await admin.create_topics(topics)
    finally:
        await admin.close()


async def publish(
    settings: Settings,
    records: Iterable[tuple[str, bytes | None]],
    topic: str = CUSTOMER_PROFILES,
) -> None:
    """Write records as the engine does: keyed by customer, acknowledged."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers, acks="all")
    await producer.start()
    try:
        name = settings.topic_prefix + topic
        sent = [await producer.send(name, value, key.encode()) for key, value in records]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def eventually(claim: Callable[[], Awaitable[bool]], within_s: float = WAIT_S) -> None:
    """Return once ``claim`` holds; fail if it does not in time."""
    deadline = time.monotonic() + within_s
    while not await claim():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.05)


class RunningProjector:
    """A projector in a task, with its metrics and health."""

    def __init__(self, settings: Settings) -> None:
        self.metrics = Metrics()
        self.health = projector_health(settings)
        self.stop = asyncio.Event()
        meter = MetricsMeter(self.metrics)
        self.task = asyncio.create_task(
            run_projector(settings, meter=meter, health=self.health, stop=self.stop)
        )

    def value(self, name: str, **labels: str) -> float:
        """The value of a metric now, 0 if it has none."""
        return self.metrics.registry.get_sample_value(f"tierstream_{name}", labels) or 0.0

    async def counts(self, expected: float, name: str, **labels: str) -> None:
        """Wait until a counter has come so far; fail if it goes further.

        What Redis has can be read there before its answer has come back and is counted.
        """

        async def claim() -> bool:
            return self.value(name, **labels) >= expected

        await eventually(claim)
        assert self.value(name, **labels) == expected

    async def ready(self) -> None:
        """Wait until it is assigned and Redis answers."""

        async def claim() -> bool:
            if self.task.done():
                self.task.result()
            return all(self.health.ready().values())

        await eventually(claim)

    async def end(self) -> None:
        """Stop it in an orderly way; raises what it failed with."""
        self.stop.set()
        await asyncio.wait_for(self.task, WAIT_S)


@asynccontextmanager
async def projecting(settings: Settings) -> AsyncIterator[RunningProjector]:
    """A projector that is ready, stopped at the end."""
    projector = RunningProjector(settings)
    try:
        await projector.ready()
        yield projector
        await projector.end()
    finally:
        projector.task.cancel()
        await asyncio.gather(projector.task, return_exceptions=True)


@asynccontextmanager
async def redis_of(settings: Settings) -> AsyncIterator[Redis]:
    """A client of the view's Redis."""
    client = connect_redis(settings)
    try:
        yield client
    finally:
        await client.aclose()


async def keys_of(redis: Redis, settings: Settings) -> set[str]:
    """All keys of the view, for what must not be there."""
    prefix = settings.redis_key_prefix
    return {key.decode() async for key in redis.scan_iter(match=f"{prefix}*", count=1_000)}


def view_of(redis: Redis, settings: Settings) -> RedisView:
    """The view itself."""
    return RedisView(redis, settings.redis_key_prefix)


def reader_of(redis: Redis, settings: Settings) -> ViewReader:
    """A reader of the view."""
    return ViewReader(redis, settings.redis_key_prefix)
