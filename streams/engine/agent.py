"""The engine agent: batches of the canonical log in, outputs, state and profiles out, then acks.

The life of an event here: `take` reads a batch, and for each record it decodes -> skips what was
applied -> fires due instants -> applies -> collects outputs (`streams.engine.apply`). A flush sends
outputs, awaits -> writes state, awaits. A checkpoint goes on: it writes profiles and the
partition's own record, awaits -> acks the batches, whose offsets Faust then commits.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Protocol

from faust.types import StreamT

from config.settings import Settings
from streams.engine.fencing import Fencing
from streams.engine.flush_batch import FlushBatch
from streams.engine.metrics import EngineMetrics
from streams.engine.owned_partition import OwnedPartition
from streams.engine.records import EngineRecords, Record
from streams.faust_app import Batch, BatchProducer, PartitionedStore, StreamApp, add_table
from streams.faust_app.batch import batch_events
from streams.kafka.clients import new_consumer
from streams.kafka.topics import CUSTOMER_EVENTS, TABLE, topic_name
from streams.runtime.clock import wall_ms
from streams.runtime.metrics import FlushStep

_CHECKPOINT_FLUSHES = 5
"""Flushes from one checkpoint to the next, if the batches in flight do not ask for it earlier."""
_BUSY_CHECKPOINT_FLUSHES = 15
_BUSY_PROFILES = 2_000
"""More profiles than this to write make checkpoints rarer."""
_CHECKPOINT_BATCHES = 8
_MS_PER_S = 1_000


class Table(Protocol):
    """What the engine uses of its table."""

    @property
    def states(self) -> PartitionedStore[OwnedPartition]:
        """The partitions that are at this worker."""


OpenTable = Callable[[StreamApp, str, Callable[[int], OwnedPartition]], Table]


class Engine:
    """Applies the canonical log, and makes what follows from it durable in the right order.

    Args:
        on_restored: called with each partition that is restored.
        open_table: declares the table of customers.
        fencing: sees to the records of others.
    """

    def __init__(
        self,
        app: StreamApp,
        settings: Settings,
        producer: BatchProducer,
        metrics: EngineMetrics,
        on_restored: Callable[[OwnedPartition], None],
        *,
        open_table: OpenTable = add_table,
        fencing: Fencing | None = None,
    ) -> None:
        self._producer = producer
        self._metrics = metrics
        self._flush_seconds = settings.flush_interval.ms / _MS_PER_S
        self._flush_max_records = settings.flush_max_records
        self._records = EngineRecords(settings)
        self._records_since_flush = 0
        self._flushes = 0
        self._flushing = asyncio.Lock()
        self._fencing = fencing or Fencing(
            settings, foreign=metrics.foreign, open_committed=new_consumer
        )
        self._on_restored = on_restored
        self._owns = True
        self.table: Table = open_table(
            app,
            TABLE,
            lambda number: OwnedPartition(
                number, self._restored, settings.processing_failed_per_minute, metrics.foreign
            ),
        )
        log = topic_name(settings, CUSTOMER_EVENTS)
        app.keep_state(log, self._is_restored)
        topic = app.batch_topic(log)
        app.agent(topic, name="engine", concurrency=1)(self.take)
        app.on_drain(self.drain)

    @property
    def partitions(self) -> list[OwnedPartition]:
        """The restored partitions at this worker."""
        states = self.table.states.partitions()
        return [states[number] for number in sorted(states) if states[number].is_restored]

    def _is_restored(self, number: int) -> bool:
        found = self.table.states.partitions().get(number)
        return found is not None and found.is_restored

    # -- the life of an event

    async def take(self, stream: StreamT[Batch]) -> None:
        """The agent: apply each batch as it comes; the flush acks it later."""
        async for event in batch_events(stream):
            batch = event.value
            partition = self.table.states.partition(batch.tp.partition)
            partition.take(event, wall_ms())
            self._metrics.taken(partition, len(batch))
            self._records_since_flush += len(batch)
            if self._records_since_flush >= self._flush_max_records:
                await self.flush()
            await asyncio.sleep(0)

    async def flush(self) -> None:
        """Flush outputs and states; every few times, and when many batches wait, a checkpoint."""
        self._flushes += 1
        partitions = self.partitions
        waiting = max((p.pending_batches for p in partitions), default=0)
        # A customer that changes again before the next checkpoint costs one profile less.
        profiles = sum(p.pending_profiles for p in partitions)
        flushes = _BUSY_CHECKPOINT_FLUSHES if profiles > _BUSY_PROFILES else _CHECKPOINT_FLUSHES
        checkpoint = self._flushes >= flushes or waiting >= _CHECKPOINT_BATCHES
        async with self._flushing:
            if self._owns:
                await self._write(checkpoint=checkpoint)

    async def _write(self, *, checkpoint: bool) -> None:
        """Write what was applied until now, step by step: each is awaited before the next."""
        if checkpoint:
            self._flushes = 0
        self._records_since_flush = 0
        taken = [
            (partition, partition.take_flush_batch(checkpoint=checkpoint))
            for partition in self.partitions
        ]
        await self._step("outputs", taken, self._records.outputs)
        await self._step("claim", taken, self._records.ownership)
        await self._step("state", taken, self._records.states)
        if checkpoint:
            await self._step("profiles", taken, self._records.profiles)
            for partition, batch in taken:
                partition.finalize(batch)
            await self._step("meta", taken, self._records.meta)
            for _, batch in taken:
                for event in batch.events:
                    event.ack()
        for _, batch in taken:
            self._metrics.outputs(batch.outputs)
            self._metrics.outputs(batch.profiles)
            self._metrics.dead_letters(batch.dead_letters)
        self._metrics.flushed(self.partitions)

    async def _step(
        self,
        name: FlushStep,
        taken: list[tuple[OwnedPartition, FlushBatch]],
        records_of: Callable[[int, FlushBatch], Iterator[Record]],
    ) -> None:
        """Write the records of one step for all partitions, and wait until Kafka has them.

        A new policy may change every customer at once, more than the producer may hold.
        """
        started = time.monotonic()
        producer = self._producer
        counts: Counter[OwnedPartition] = Counter()
        for partition, batch in taken:
            for record in records_of(partition.number, batch):
                producer.add(*record)
                counts[partition] += 1
                if producer.full:
                    await self._send(counts)
        if counts:
            await self._send(counts)
            self._metrics.step_done(name, time.monotonic() - started)

    async def _send(self, counts: Counter[OwnedPartition]) -> None:
        """Wait until Kafka has what was added; `counts` says how much that is, and is cleared."""
        written = await self._producer.flush()
        for partition, count in counts.items():
            await self._fencing.compare(partition, self.table.states, count, written)
        counts.clear()

    # -- when it flushes

    async def flush_often(self) -> None:
        """Flush at the latest after the flush interval, for ever; look for foreign writes too."""
        checked_s = time.monotonic()
        while True:
            await asyncio.sleep(self._flush_seconds)
            await self.flush()
            if time.monotonic() - checked_s >= self._fencing.check_every_s:
                await self._check_foreign_writes()
                checked_s = time.monotonic()

    async def checkpoint(self) -> None:
        """Flush everything, profiles and acks too."""
        async with self._flushing:
            await self._write(checkpoint=True)

    async def drain(self) -> None:
        """A checkpoint, after which partitions may go: they are left alone until restored anew."""
        self._owns = False
        await self.checkpoint()

    def _restored(self, partition: OwnedPartition) -> None:
        self._owns = True
        self._on_restored(partition)

    async def _check_foreign_writes(self) -> None:
        """See whether somebody else wrote while we had nothing to write."""
        asked = self.partitions
        newest = await self._fencing.newest_offsets([partition.number for partition in asked])
        async with self._flushing:
            ours = self.partitions if self._owns else []
            for partition in [partition for partition in asked if partition in ours]:
                await self._fencing.compare(partition, self.table.states, 0, newest)
