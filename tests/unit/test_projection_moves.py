"""Partitions of the projector that move while it works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from redis.asyncio import Redis

from config.settings import Settings
from serving.projector.health import LoopHealth
from serving.projector.loop import Projection
from serving.projector.metrics import ViewMeter
from serving.projector.resume import ResumePoint
from serving.projector.sources import ProfilesSource
from serving.view.generation import Applied
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


def made(consumer: AIOKafkaConsumer, meter: ViewMeter) -> Projection[ProfileRecord]:
    """The projection of profiles that this consumer reads."""
    source = ProfilesSource(Settings(), cast(Redis, None))
    health = LoopHealth(lambda: 0.0, 60.0)
    return Projection(
        consumer, cast(RedisView, None), source, meter, health, lambda: 0, asyncio.Event()
    )


class _Writer:
    """Applies when it is told to."""

    def __init__(self) -> None:
        self.asked, self.may_end = asyncio.Event(), asyncio.Event()

    async def apply(self, chunks: object, current_ms: int) -> Applied:
        del chunks, current_ms
        self.asked.set()
        await self.may_end.wait()
        return Applied()


class _Commits:
    """Stands in for the consumer's commit: what was begun, and what has ended."""

    def __init__(self) -> None:
        self.begun, self.may_end, self.ended = asyncio.Event(), asyncio.Event(), False

    async def __call__(self, offsets: object) -> None:
        del offsets
        self.begun.set()
        await self.may_end.wait()
        self.ended = True


class _Batch:
    """A projection in the middle of a batch of the first partition."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.writer, self.commits = _Writer(), _Commits()
        cast(Any, consumer).commit = self.commits
        self.projection = made(consumer, _Meter())
        self.point = ResumePoint(cast(Any, self.writer), {0: 4}, 0)
        self.projection._point = self.point

    def start(self) -> asyncio.Task[None]:
        record = cast(ConsumerRecord, SimpleNamespace(key=b"c", value=None, offset=4, timestamp=1))
        return asyncio.create_task(self.projection._project(self.point, {FIRST: [record]}))


async def measured(consumer: AIOKafkaConsumer, *assigned_next: TopicPartition) -> list[int]:
    """Whose lag is shown if the consumer gets these partitions while brokers tell their ends."""

    async def end_offsets(_: Any) -> dict[TopicPartition, int]:
        if assigned_next:
            consumer.assign(assigned_next)
        return {FIRST: 9, SECOND: 9}

    cast(Any, consumer).end_offsets = end_offsets
    meter = _Meter()
    projection = made(consumer, meter)
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


async def test_offsets_are_not_committed_for_a_generation_that_has_ended(
    consumer: AIOKafkaConsumer,
) -> None:
    batch = _Batch(consumer)
    task = batch.start()
    await batch.writer.asked.wait()
    await batch.projection.on_partitions_revoked([FIRST])
    batch.writer.may_end.set()
    await asyncio.wait_for(task, 5)
    assert batch.point.next_offsets == {0: 5}
    assert not batch.commits.begun.is_set()


async def test_partitions_are_given_back_after_a_commit_that_has_begun(
    consumer: AIOKafkaConsumer,
) -> None:
    batch = _Batch(consumer)
    batch.writer.may_end.set()
    task = batch.start()
    await batch.commits.begun.wait()
    revoked = asyncio.create_task(batch.projection.on_partitions_revoked([FIRST]))
    await asyncio.sleep(0.05)
    assert not revoked.done()
    batch.commits.may_end.set()
    await asyncio.wait_for(revoked, 5)
    assert batch.commits.ended
    await task
