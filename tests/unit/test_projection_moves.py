"""Partitions of the projector that move while it measures its lag."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from redis.asyncio import Redis

from config.settings import Settings
from serving.projector.health import LoopHealth
from serving.projector.loop import Projection
from serving.projector.metrics import ViewMeter
from serving.projector.resume import ResumePoint
from serving.projector.sources import ProfilesSource
from serving.view.generations import RedisView
from serving.view.profile_record import ProfileRecord
from streams.kafka.clients import new_consumer

FIRST, SECOND = TopicPartition("customer-profiles", 0), TopicPartition("customer-profiles", 1)


class _Meter(ViewMeter):
    """Remembers whose lag was shown."""

    def __init__(self) -> None:
        self.shown: list[int] = []

    def lag(self, topic: str, partition: int, records: int) -> None:
        del topic, records
        self.shown.append(partition)


@pytest.fixture
async def consumer() -> AsyncIterator[AIOKafkaConsumer]:
    """One without a broker, that has the first partition."""
    made = new_consumer(Settings(kafka_bootstrap_servers="127.0.0.1:1"))
    made.assign([FIRST])
    yield made
    await made.stop()


async def measured(consumer: AIOKafkaConsumer, *assigned_next: TopicPartition) -> list[int]:
    """Whose lag is shown if the consumer gets these partitions while brokers tell their ends."""

    async def end_offsets(_: Any) -> dict[TopicPartition, int]:
        if assigned_next:
            consumer.assign(assigned_next)
        return {FIRST: 9, SECOND: 9}

    cast(Any, consumer).end_offsets = end_offsets
    meter = _Meter()
    source = ProfilesSource(Settings(), cast(Redis, None))
    health = LoopHealth(lambda: 0.0, 60.0)
    projection: Projection[ProfileRecord] = Projection(
        consumer, cast(RedisView, None), source, meter, health, lambda: 0, asyncio.Event()
    )
    projection._point = point = ResumePoint(cast(Any, None), {0: 4}, 0)
    await asyncio.wait_for(projection._check_lag(point), 5)
    return meter.shown


async def test_the_lag_of_partitions_that_stay_is_shown(consumer: AIOKafkaConsumer) -> None:
    consumer._subscription.seek(FIRST, 4)
    assert await measured(consumer) == [0]


async def test_a_partition_that_came_meanwhile_is_not_waited_for(
    consumer: AIOKafkaConsumer,
) -> None:
    consumer._subscription.seek(FIRST, 4)
    assert await measured(consumer, FIRST, SECOND) == []


async def test_a_partition_that_nobody_has_sought_yet_is_not_waited_for(
    consumer: AIOKafkaConsumer,
) -> None:
    assert await measured(consumer) == []
