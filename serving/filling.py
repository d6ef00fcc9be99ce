"""Filling a generation from the first record of the topic, until it may replace the current one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from config.settings import Settings
from serving.chunks import Chunk
from serving.errors import ViewError
from serving.extent import end_offsets, seen_end
from serving.generation import Generation
from serving.meter import ViewMeter
from serving.profiles_topic import profiles_topic
from serving.reading import chunks_of
from serving.settling import settle
from serving.startup import within_startup
from serving.view import RedisView

_POLL_MS = 200
_BATCH_MAX_RECORDS = 2_000
_METADATA_PAUSE_S = 0.05
_STANDSTILL_S = 60.0
_SWITCH_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far a rebuild has come.

    Attributes:
        done: offsets passed.
        total: offsets there were when it began, those of compacted records included; more if more
            came meanwhile.
    """

    done: int
    total: int


class Filling:
    """One generation being filled.

    Args:
        settings: of the deployment.
        consumer: connected, without a group.
        view: where the generation belongs.
        generation: empty, with the right to write to it.
        progress: told after every batch.
    """

    def __init__(
        self,
        settings: Settings,
        consumer: AIOKafkaConsumer,
        view: RedisView,
        generation: Generation,
        progress: Callable[[RebuildProgress], None],
    ) -> None:
        self.profiles = 0
        self._settings = settings
        self._consumer = consumer
        self._view = view
        self._generation = generation
        self._progress = progress
        self._meter = ViewMeter()
        self._next: dict[int, int] = {}

    async def run(self) -> None:
        """Fill the generation and switch readers to it.

        Raises:
            ViewError: the topic yields nothing.
            RedisError: Redis refuses, or was away for too long.
            PlaceLost: the right to fill the generation has lapsed.
        """
        partitions = await self._assign()
        settled = await settle(
            self._consumer, self._generation, profiles_topic(self._settings), _wall_ms()
        )
        self._next = settled.next_offsets
        first = dict(self._next)
        end = await self._ends(partitions)
        total = sum(end.values()) - sum(first.values())

        def told() -> None:
            done = sum(self._next.values()) - sum(first.values())
            self._progress(RebuildProgress(done, max(done, total)))

        await self._read_to(end, told)
        deadline = asyncio.get_running_loop().time() + _SWITCH_WITHIN_S
        while not await self._switch(partitions, deadline):
            await self._read_to(await self._ends(partitions), told)

    async def _switch(self, partitions: list[TopicPartition], deadline: float) -> bool:
        """Switch, unless readers would go back in time; after the deadline, even then."""
        end = await self._ends(partitions)
        force = asyncio.get_running_loop().time() > deadline
        return await within_startup(
            self._settings, lambda: self._view.switch(self._generation, end, force=force)
        )

    async def _read_to(self, end: Mapping[int, int], told: Callable[[], None]) -> None:
        moved_s = asyncio.get_running_loop().time()
        while True:
            told()
            if all(self._has_reached(tp, end) for tp in self._consumer.assignment()):
                return
            if await self._step():
                moved_s = asyncio.get_running_loop().time()
            elif asyncio.get_running_loop().time() - moved_s > _STANDSTILL_S:
                raise ViewError("the topic of the profiles yields nothing more; see the log")

    def _has_reached(self, tp: TopicPartition, end: Mapping[int, int]) -> bool:
        return self._next[tp.partition] >= max(end[tp.partition], seen_end(self._consumer, tp))

    async def _step(self) -> bool:
        """Apply what Kafka has; False if nothing came."""
        batch = await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_BATCH_MAX_RECORDS)
        chunks = chunks_of(batch, self._next, self._meter)
        after = dict(self._next) | {chunk.partition: chunk.after for chunk in chunks}
        for tp in self._consumer.assignment():
            # Past a gap at the end; and even without records a write renews our right to go on.
            position = await self._consumer.position(tp)
            chunks.append(Chunk(tp.partition, after[tp.partition], position, ()))
        applied = await within_startup(self._settings, lambda: self._generation.apply(chunks))
        self.profiles += applied.applied
        before = self._next
        self._next = before | {chunk.partition: chunk.after for chunk in chunks}
        return self._next != before

    async def _assign(self) -> list[TopicPartition]:
        topic = profiles_topic(self._settings)
        self._consumer.assign([TopicPartition(topic, 0)])  # makes the client ask about the topic
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.startup_timeout.seconds
        while not self._consumer.partitions_for_topic(topic):
            if loop.time() > deadline:
                raise ViewError(f"Kafka does not tell the partitions of {topic}")
            await asyncio.sleep(_METADATA_PAUSE_S)
        numbers = sorted(self._consumer.partitions_for_topic(topic))
        partitions = [TopicPartition(topic, number) for number in numbers]
        self._consumer.assign(partitions)
        return partitions

    async def _ends(self, partitions: list[TopicPartition]) -> dict[int, int]:
        ends = await end_offsets(self._consumer, partitions)
        return {tp.partition: offset for tp, offset in ends.items()}


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
