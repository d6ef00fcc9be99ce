"""The engine agent: batches of the canonical log in, outputs, state and profiles out, then acks.

The life of an event here: read batch -> decode -> skip what was applied -> fire due instants ->
apply -> collect outputs -> (flush) send outputs, await -> write state, await -> (checkpoint) write
profiles and the partition's own record, await -> ack the batches -> commit.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

from aiokafka import TopicPartition
from faust.types import StreamT

from config.settings import Settings
from handlers.outputs import CUSTOMER_PROFILES
from streams.engine.fencing import Ownership, gap_of
from streams.engine.metrics import EngineMetrics
from streams.engine.owned_partition import EnginePartition, Unflushed
from streams.engine.records import EngineRecords, Record
from streams.faust_app import Batch, BatchProducer, PartitionedStore, StreamApp, add_table
from streams.faust_app.batch import batch_events
from streams.kafka.topics import CUSTOMER_EVENTS, TABLE, changelog_name, topic_name
from streams.runtime.clock import wall_ms

_CHECKPOINT_FLUSHES = 5
"""Flushes from one checkpoint to the next, if the batches in flight do not ask for it earlier."""
_BUSY_CHECKPOINT_FLUSHES = 15
_BUSY_PROFILES = 2_000
"""More profiles than this to write make checkpoints rarer."""
_CHECKPOINT_BATCHES = 8
_MS_PER_S = 1_000


_Note = Callable[[EnginePartition, int, int], Awaitable[None]]
"""Takes how many records of a partition were written, and the offset of the last of them."""


class Table(Protocol):
    """What the engine uses of its table."""

    @property
    def states(self) -> PartitionedStore[EnginePartition]:
        """The partitions that are at this worker."""


OpenTable = Callable[[StreamApp, str, Callable[[int], EnginePartition]], Table]


class Engine:
    """Applies the canonical log, and makes what follows from it durable in the right order.

    Args:
        on_restored: called with each partition that is restored.
        open_table: declares the table of customers.
        ownership: sees to the records of others in the changelog.
    """

    def __init__(
        self,
        app: StreamApp,
        settings: Settings,
        producer: BatchProducer,
        metrics: EngineMetrics,
        on_restored: Callable[[EnginePartition], None],
        *,
        open_table: OpenTable = add_table,
        ownership: Ownership | None = None,
    ) -> None:
        self._producer = producer
        self._metrics = metrics
        self._flush_seconds = settings.flush_interval.ms / _MS_PER_S
        self._flush_max_records = settings.flush_max_records
        self._notes: dict[str, _Note] = {
            changelog_name(settings): self._note_changelog,
            topic_name(settings, CUSTOMER_PROFILES): self._note_profiles,
        }
        self._records = EngineRecords(settings)
        self._unflushed_records = 0
        self._flushes = 0
        self._flushing = asyncio.Lock()
        self._ownership = ownership or Ownership(settings)
        self._on_restored = on_restored
        self._owns = True
        self.table: Table = open_table(
            app, TABLE, lambda number: EnginePartition(number, self._restored)
        )
        topic = app.batch_topic(topic_name(settings, CUSTOMER_EVENTS))
        app.agent(topic, name="engine", concurrency=1)(self.take)
        app.on_drain(self.drain)

    @property
    def partitions(self) -> list[EnginePartition]:
        """The restored partitions at this worker."""
        states = self.table.states.partitions()
        return [states[number] for number in sorted(states) if states[number].is_restored]

    async def take(self, stream: StreamT[Batch]) -> None:
        """The agent: apply each batch as it comes; the flush acks it later."""
        async for event in batch_events(stream):
            batch = event.value
            partition = self.table.states.partition(batch.tp.partition)
            partition.take(event, wall_ms())
            self._metrics.taken(partition, len(batch))
            self._unflushed_records += len(batch)
            if self._unflushed_records >= self._flush_max_records:
                await self.flush()
            await asyncio.sleep(0)

    async def flush_often(self) -> None:
        """Flush at the latest after the flush interval, for ever; see to who else writes."""
        looked_s = time.monotonic()
        while True:
            await asyncio.sleep(self._flush_seconds)
            await self.flush()
            if time.monotonic() - looked_s >= self._ownership.look_every_s:
                await self._look()
                looked_s = time.monotonic()

    async def checkpoint(self) -> None:
        """Flush everything, profiles and acks too."""
        async with self._flushing:
            await self._write(checkpoint=True)

    async def drain(self) -> None:
        """A checkpoint, after which partitions may go: they are left alone until restored anew."""
        self._owns = False
        await self.checkpoint()

    def _restored(self, partition: EnginePartition) -> None:
        self._owns = True
        self._on_restored(partition)

    async def flush(self) -> None:
        """Flush outputs and states; every few times, and when many batches wait, a checkpoint."""
        self._flushes += 1
        partitions = self.partitions
        waiting = max((p.pending_events for p in partitions), default=0)
        # A customer that changes again before the next checkpoint costs one profile less.
        profiles = sum(p.pending_profiles for p in partitions)
        flushes = _BUSY_CHECKPOINT_FLUSHES if profiles > _BUSY_PROFILES else _CHECKPOINT_FLUSHES
        checkpoint = self._flushes >= flushes or waiting >= _CHECKPOINT_BATCHES
        async with self._flushing:
            if self._owns:
                await self._write(checkpoint=checkpoint)

    async def _write(self, *, checkpoint: bool) -> None:
        if checkpoint:
            self._flushes = 0
        self._unflushed_records = 0
        taken = [
            (partition, partition.take_unflushed(checkpoint=checkpoint))
            for partition in self.partitions
        ]
        await self._step("outputs", taken, self._records.outputs)
        await self._step("claim", taken, self._records.claim)
        await self._step("state", taken, self._records.states)
        if checkpoint:
            await self._step("profiles", taken, self._records.profiles)
            for partition, unflushed in taken:
                partition.seal(unflushed)
            await self._step("meta", taken, self._records.meta)
            for _, unflushed in taken:
                for event in unflushed.events:
                    event.ack()
        for _, unflushed in taken:
            self._metrics.outputs(unflushed.outputs)
            self._metrics.outputs(unflushed.profiles)
            self._metrics.dead_letters(unflushed.dead_letters)
        self._metrics.flushed(self.partitions)

    async def _step(
        self,
        name: str,
        taken: list[tuple[EnginePartition, Unflushed]],
        records_of: Callable[[int, Unflushed], Iterator[Record]],
    ) -> None:
        """Write the records of one step for all partitions, and wait until Kafka has them.

        A new policy may change every customer at once, more than the producer may hold.
        """
        started = time.monotonic()
        producer = self._producer
        counts: Counter[EnginePartition] = Counter()
        for partition, unflushed in taken:
            for record in records_of(partition.number, unflushed):
                producer.add(*record)
                counts[partition] += 1
                if producer.full:
                    await self._send(counts)
        if counts:
            await self._send(counts)
            self._metrics.step_done(name, time.monotonic() - started)

    async def _send(self, counts: Counter[EnginePartition]) -> None:
        """Wait until Kafka has what was added; `counts` says how much that is, and is cleared."""
        written = await self._producer.flush()
        for partition, count in counts.items():
            for topic, note in self._notes.items():
                last = written.get(TopicPartition(topic, partition.number))
                if last is not None:
                    await note(partition, count, last)
        counts.clear()

    # -- who else writes

    async def _look(self) -> None:
        """See whether somebody else wrote while we had nothing to write."""
        asked = self.partitions
        ends = await self._ownership.ends([partition.number for partition in asked])
        async with self._flushing:
            ours = self.partitions if self._owns else []
            for partition in [partition for partition in asked if partition in ours]:
                for topic, note in self._notes.items():
                    end = ends.get(TopicPartition(topic, partition.number))
                    if end is not None:
                        await note(partition, 0, end - 1)

    async def _note_changelog(self, partition: EnginePartition, count: int, last: int) -> None:
        """Our records are in the changelog; see whether they stand alone there."""
        states = self.table.states
        gap = gap_of(states.reflected(partition.number), count, last)
        if gap is not None:
            await self._ownership.look_through(partition, gap)
        states.advance(partition.number, last)

    async def _note_profiles(self, partition: EnginePartition, count: int, last: int) -> None:
        """Our profiles are on their topic; see whether they stand alone there."""
        known = partition.profiles_end
        gap = None if known is None else gap_of(known, count, last)
        if gap is not None:
            await self._ownership.look_through_profiles(partition, gap)
        partition.note_profiles(last, are_right=gap is None)
