"""Filling the part of a generation that comes from one topic, from the topic's first record on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition

from config.settings import Settings
from serving.projector.metrics import ViewMeter
from serving.projector.resume import end_offsets, fetched_end, resume
from serving.projector.sources import Source
from serving.view.chunks import Chunk
from serving.view.generation import Generation
from serving.view.redis import ViewError, within_startup
from streams.runtime.clock import wall_ms

R = TypeVar("R")

_POLL_MS = 200
_BATCH_MAX_RECORDS = 2_000
_METADATA_PAUSE_S = 0.05
_STANDSTILL_S = 60.0


class TopicFill(Generic[R]):
    """Fills the part of a generation that comes from one topic.

    Args:
        settings: of the deployment.
        consumer: connected, without a group.
        source: the topic.
        generation: empty, with the right to write to it.

    Attributes:
        topic: where the records come from.
        applied: records written.
    """

    def __init__(
        self,
        settings: Settings,
        consumer: AIOKafkaConsumer,
        source: Source[R],
        generation: Generation,
    ) -> None:
        self.topic = source.topic
        self.applied = 0
        self._settings = settings
        self._consumer = consumer
        self._source = source
        self._writer = source.writer(generation)
        self._meter = ViewMeter()
        self._first: dict[int, int] = {}
        self._next: dict[int, int] = {}

    @property
    def done(self) -> int:
        """How many offsets were read since `begin`."""
        return sum(self._next.values()) - sum(self._first.values())

    async def begin(self) -> int:
        """Find the first records; returns how many offsets there are to read.

        Raises:
            ViewError: Kafka does not return the partitions.
        """
        await self._assign()
        point = await resume(self._consumer, self._writer, self.topic, wall_ms(), self._meter)
        self._next = point.next_offsets
        self._first = dict(self._next)
        return sum((await self.ends()).values()) - sum(self._first.values())

    async def ends(self) -> dict[int, int]:
        """Where each partition ends now."""
        ends = await end_offsets(self._consumer, self._consumer.assignment())
        return {tp.partition: offset for tp, offset in ends.items()}

    async def read_to_end(self, on_batch: Callable[[], None]) -> None:
        """Write all records that the topic has by now.

        Args:
            on_batch: called after every batch.

        Raises:
            ViewError: the topic yields nothing.
            RedisError: Redis refuses, or was away for too long.
            StaleWriter: the lease on the generation has expired.
        """
        started_ms = wall_ms()
        await self._read_to(await self.ends(), on_batch)
        chunks: list[Chunk[R]] = [Chunk(p, offset, offset, ()) for p, offset in self._next.items()]
        await within_startup(self._settings, lambda: self._writer.apply(chunks, started_ms))

    async def _read_to(self, end: Mapping[int, int], on_batch: Callable[[], None]) -> None:
        moved_s = asyncio.get_running_loop().time()
        while True:
            on_batch()
            if all(self._has_reached(tp, end) for tp in self._consumer.assignment()):
                return
            if await self._step():
                moved_s = asyncio.get_running_loop().time()
            elif asyncio.get_running_loop().time() - moved_s > _STANDSTILL_S:
                raise ViewError(f"{self.topic} yields nothing more; see the log")

    def _has_reached(self, tp: TopicPartition, end: Mapping[int, int]) -> bool:
        return self._next[tp.partition] >= max(end[tp.partition], fetched_end(self._consumer, tp))

    async def _step(self) -> bool:
        """Apply what Kafka has; False if nothing came."""
        batch = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_BATCH_MAX_RECORDS)
        chunks = self._source.read(batch, self._next, self._meter)
        after = dict(self._next) | {chunk.partition: chunk.after for chunk in chunks}
        for tp in self._consumer.assignment():
            # Past a gap at the end. Even without records, a write extends our lease.
            position = await self._consumer.position(tp)
            chunks.append(Chunk(tp.partition, after[tp.partition], position, ()))
        applied = await within_startup(self._settings, lambda: self._writer.apply(chunks))
        self.applied += applied.applied
        before = self._next
        self._next = before | {chunk.partition: chunk.after for chunk in chunks}
        return self._next != before

    async def _assign(self) -> None:
        topic = self.topic
        self._consumer.assign([TopicPartition(topic, 0)])  # makes the client ask about the topic
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.startup_timeout.seconds
        while not self._consumer.partitions_for_topic(topic):
            if loop.time() > deadline:
                raise ViewError(f"Kafka does not tell the partitions of {topic}")
            await asyncio.sleep(_METADATA_PAUSE_S)
        numbers = sorted(self._consumer.partitions_for_topic(topic))
        self._consumer.assign([TopicPartition(topic, number) for number in numbers])
