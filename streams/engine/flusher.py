"""Writes what follows from one partition of the log, step by step, and acks its batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from aiokafka.structs import TopicPartition

from streams.engine.fencing import Fencing
from streams.engine.flush_batch import FlushBatch
from streams.engine.metrics import EngineMetrics
from streams.engine.owned_partition import OwnedPartition
from streams.engine.records import EngineRecords, Record
from streams.faust_app import BatchProducer, PartitionedStore
from streams.runtime.metrics import FlushStep

_CHECKPOINT_PAUSES = 20
_CHECKPOINT_MAX_S = 5.0
_BUSY_PROFILES = 500
_BUSY_CHECKPOINTS = 5
"""Checkpoints are rarer by one interval for each so many profiles to write, at most so many times:
a customer that changes again before the next one costs one profile less."""
_MANY_BATCHES = 128
_MANY_RECORDS = 16_000
"""Batches, or records in them, for which a checkpoint comes earlier: half of what a worker reads
ahead of the acks."""
_SLICE = 250
"""Records that a step adds before others have their turn; so many profiles take some ms."""
_PAUSE_S_PER_RECORD = 0.001
"""A flush of few records is followed by the next at once, one of many after a pause."""


class Pace(NamedTuple):
    """When a partition is written.

    Attributes:
        pause_s: the longest time between two flushes while events keep coming.
        max_records: events that may be applied and not yet written.
        checkpoint_s: time from one checkpoint to the next.
    """

    pause_s: float
    max_records: int
    checkpoint_s: float

    @classmethod
    def of(cls, pause_s: float, max_records: int) -> Pace:
        """With a checkpoint every twenty pauses, at most every five seconds."""
        checkpoint_s = min(_CHECKPOINT_PAUSES * pause_s, _CHECKPOINT_MAX_S)
        return cls(pause_s, max_records, max(pause_s, checkpoint_s))


class Flusher:
    """Makes one partition durable, flush after flush, one at a time.

    A flush begins as soon as something was applied. What is applied while it is on its way goes
    with the next: so flushes grow with the load by themselves.

    Args:
        number: of the partition.
        pace: when it is written.
        producer: to Kafka.
        records: makes the records.
        fencing: sees to the records of others.
        states: the partitions at this worker.
        metrics: where flushes are counted.
    """

    def __init__(
        self,
        number: int,
        pace: Pace,
        producer: BatchProducer,
        records: EngineRecords,
        fencing: Fencing,
        states: PartitionedStore[OwnedPartition],
        metrics: EngineMetrics,
    ) -> None:
        self._owns = True
        self._number = number
        self._pace = pace
        self._out = producer.accumulator()
        self._records = records
        self._fencing = fencing
        self._states = states
        self._metrics = metrics
        self._flushing = asyncio.Lock()
        self._is_due = asyncio.Event()
        self._unwritten = 0
        self._written = 0
        self._checkpoint_due_s = time.monotonic() + pace.checkpoint_s

    # -- when

    def note_applied(self, records: int) -> None:
        """Note that so many more records were applied, which are to be written."""
        self._unwritten += records
        self._is_due.set()

    def note_restored(self) -> None:
        """Note that the partition is restored, and ours."""
        self._owns = True
        self.note_rewrites()

    def note_rewrites(self) -> None:
        """Note that there may be something to write over; a checkpoint is due."""
        self._checkpoint_due_s = 0.0
        self._is_due.set()

    @property
    def is_full(self) -> bool:
        """Whether to flush before more is applied."""
        return self._unwritten >= self._pace.max_records

    async def flush_often(self) -> None:
        """Flush whenever something was applied, and when a checkpoint is due, for ever."""
        while True:
            await self._until_due()
            self._is_due.clear()
            self._written = 0
            began_s = time.monotonic()
            await self.flush()
            pause_s = min(self._pace.pause_s, self._written * _PAUSE_S_PER_RECORD)
            left_s = began_s + pause_s - time.monotonic()
            if left_s > 0:
                await asyncio.sleep(left_s)

    async def _until_due(self) -> None:
        """Wait for something to write; where no batch waits for a checkpoint, without an end."""
        partition = self._partition
        if partition is None or not self._owns or not partition.pending_batches:
            await self._is_due.wait()
            return
        with suppress(TimeoutError):
            left_s = self._next_checkpoint_s(partition) - time.monotonic()
            await asyncio.wait_for(self._is_due.wait(), max(0.0, left_s))

    def _next_checkpoint_s(self, partition: OwnedPartition) -> float:
        """When the next checkpoint is due; at once where many batches wait for it."""
        is_waited_for = (
            partition.pending_batches >= _MANY_BATCHES or partition.pending_records >= _MANY_RECORDS
        )
        if is_waited_for:
            return 0.0
        skipped = min(partition.pending_profiles // _BUSY_PROFILES, _BUSY_CHECKPOINTS - 1)
        return self._checkpoint_due_s + skipped * self._pace.checkpoint_s

    @property
    def _partition(self) -> OwnedPartition | None:
        found = self._states.partitions().get(self._number)
        return found if found is not None and found.is_restored else None

    # -- what

    async def flush(self) -> None:
        """Write outputs and states; and go on to a checkpoint if one is due."""
        async with self._flushing:
            partition = self._partition
            if partition is not None and self._owns:
                is_due = time.monotonic() >= self._next_checkpoint_s(partition)
                await self._write(partition, checkpoint=is_due)

    async def drain(self) -> None:
        """A checkpoint, after which the partition may go: it is left alone until restored anew.

        Raises:
            ProduceFailed: also where an earlier flush failed, whose batches nobody acks any more.
        """
        self._owns = False
        await self.checkpoint()
        self._out.check()

    async def checkpoint(self) -> None:
        """Write everything, profiles and acks too."""
        async with self._flushing:
            partition = self._partition
            if partition is not None:
                await self._write(partition, checkpoint=True)

    async def compare(
        self, partition: OwnedPartition, newest: Mapping[TopicPartition, int]
    ) -> None:
        """See whether somebody else wrote while we had nothing to write.

        Args:
            partition: as it was when the offsets were asked for.
            newest: the newest offset of each topic partition.
        """
        async with self._flushing:
            if self._owns and partition is self._partition:
                await self._compare(partition, 0, newest)

    async def _write(self, partition: OwnedPartition, *, checkpoint: bool) -> None:
        """Write what was applied until now, step by step: each is awaited before the next."""
        self._is_due.clear()
        self._written, self._unwritten = self._unwritten, 0
        if checkpoint:
            self._checkpoint_due_s = time.monotonic() + self._pace.checkpoint_s
        batch = partition.take_flush_batch(checkpoint=checkpoint)
        await self._step("outputs", partition, batch, self._records.outputs)
        await self._step("claim", partition, batch, self._records.ownership)
        await self._step("state", partition, batch, self._records.states)
        if checkpoint:
            await self._step("profiles", partition, batch, self._records.profiles)
            partition.finalize(batch)
            await self._step("meta", partition, batch, self._records.meta)
            for event in batch.events:
                event.ack()
        self._metrics.flushed(batch)

    async def _step(
        self,
        name: FlushStep,
        partition: OwnedPartition,
        batch: FlushBatch,
        records_of: Callable[[int, FlushBatch], Iterator[Record]],
    ) -> None:
        """Write the records of one step, and wait until Kafka has them.

        A new policy may change every customer at once, more than the producer may hold.
        """
        began_s = time.monotonic()
        out, count = self._out, 0
        wrote = False
        for record in records_of(partition.number, batch):
            out.add(*record)
            count += 1
            if count % _SLICE == 0:
                await asyncio.sleep(0)
            if out.full:
                await self._send(partition, count)
                count, wrote = 0, True
        if count:
            await self._send(partition, count)
            wrote = True
        if wrote:
            self._metrics.step_done(name, time.monotonic() - began_s)

    async def _send(self, partition: OwnedPartition, count: int) -> None:
        """Wait until Kafka has the records that were added, which are so many."""
        await self._compare(partition, count, await self._out.flush())

    async def _compare(
        self, partition: OwnedPartition, count: int, newest: Mapping[TopicPartition, int]
    ) -> None:
        if await self._fencing.compare(partition, self._states, count, newest):
            self.note_rewrites()
