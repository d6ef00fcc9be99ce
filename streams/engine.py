"""The engine agent: batches of the canonical log in, outputs, state and profiles out, then acks.

The life of an event here: read batch -> decode -> skip what was applied -> fire due instants ->
apply -> collect outputs -> (flush) send outputs, await -> write state, await -> (checkpoint) write
profiles and the partition's own record, await -> ack the batches -> commit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiokafka import TopicPartition
from faust.types import StreamT

from config.deployment import Settings
from handlers import outputs
from streams.batch_events import batch_events
from streams.engine_metrics import EngineMetrics
from streams.engine_partition import DeadLetter, EnginePartition, Unflushed
from streams.faust_app import Batch, BatchProducer, PartitionedTable, StreamApp, add_table
from streams.ownership import Ownership, gap_of
from streams.records import META_KEY, dead_letter_headers, dead_letter_value
from streams.topics import (
    CUSTOMER_EVENTS,
    DEAD_LETTERS,
    OUTPUTS,
    TABLE,
    changelog_name,
    topic_name,
)

_CHECKPOINT_FLUSHES = 5
"""Flushes from one checkpoint to the next, if the batches in flight do not ask for it earlier."""
_CHECKPOINT_BATCHES = 8
_MS_PER_S = 1_000


class Engine:
    """Applies the canonical log, and makes what follows from it durable in the right order."""

    def __init__(
        self,
        app: StreamApp,
        settings: Settings,
        producer: BatchProducer,
        metrics: EngineMetrics,
        on_restored: Callable[[EnginePartition], None],
    ) -> None:
        self._producer = producer
        self._metrics = metrics
        self._flush_seconds = settings.flush_interval.ms / _MS_PER_S
        self._flush_max_records = settings.flush_max_records
        self._changelog = changelog_name(settings)
        self._dead_letters = topic_name(settings, DEAD_LETTERS)
        self._topics = {
            name: topic_name(settings, name) for name in (*OUTPUTS, outputs.CUSTOMER_PROFILES)
        }
        self._unflushed_records = 0
        self._flushes = 0
        self._flushing = asyncio.Lock()
        self._ownership = Ownership(settings)
        self.table: PartitionedTable[EnginePartition] = add_table(
            app, TABLE, lambda number: EnginePartition(number, on_restored)
        )
        topic = app.batch_topic(topic_name(settings, CUSTOMER_EVENTS))
        app.agent(topic, name="engine", concurrency=1)(self.take)
        app.on_drain(self.checkpoint)

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
            partition.take(event, time.time_ns() // 1_000_000)
            self._metrics.taken(partition, len(batch))
            self._unflushed_records += len(batch)
            if self._unflushed_records >= self._flush_max_records:
                await self.flush()
            await asyncio.sleep(0)

    async def flush_often(self) -> None:
        """Flush at the latest after the flush interval, for ever."""
        while True:
            await asyncio.sleep(self._flush_seconds)
            await self.flush()

    async def checkpoint(self) -> None:
        """Flush everything, profiles and acks too."""
        await self._write(checkpoint=True)

    async def flush(self) -> None:
        """Flush outputs and states; every few times, and when many batches wait, a checkpoint."""
        self._flushes += 1
        waiting = max((p.pending_events for p in self.partitions), default=0)
        checkpoint = self._flushes >= _CHECKPOINT_FLUSHES or waiting >= _CHECKPOINT_BATCHES
        await self._write(checkpoint=checkpoint)

    async def _write(self, *, checkpoint: bool) -> None:
        async with self._flushing:
            if checkpoint:
                self._flushes = 0
            self._unflushed_records = 0
            taken = [
                (partition, partition.take_unflushed(checkpoint=checkpoint))
                for partition in self.partitions
            ]
            await self._step("outputs", taken, self._add_outputs)
            await self._step("state", taken, self._add_states)
            if checkpoint:
                await self._step("profiles", taken, self._add_profiles)
                await self._step("meta", taken, self._add_meta)
                for _, unflushed in taken:
                    for event in unflushed.events:
                        event.ack()
            self._metrics.flushed(self.partitions)

    async def _step(
        self,
        name: str,
        taken: list[tuple[EnginePartition, Unflushed]],
        add: Callable[[int, Unflushed], int],
    ) -> None:
        """Add the records of one step for all partitions, and wait until Kafka has them."""
        started = time.monotonic()
        counts = {partition: add(partition.number, unflushed) for partition, unflushed in taken}
        if not any(counts.values()):
            return
        written = await self._producer.flush()
        self._metrics.step_done(name, time.monotonic() - started)
        for partition, count in counts.items():
            last = written.get(TopicPartition(self._changelog, partition.number))
            if last is not None:
                await self._note_changelog(partition, count, last)

    async def _note_changelog(self, partition: EnginePartition, count: int, last: int) -> None:
        """Our records are in the changelog; see whether they stand alone there."""
        states = self.table.states
        gap = gap_of(states.reflected(partition.number), count, last)
        if gap is not None:
            await self._ownership.look_through(partition, gap)
        states.advance(partition.number, last)

    def _add_outputs(self, number: int, unflushed: Unflushed) -> int:
        add, topics = self._producer.add, self._topics
        for topic, customer_id, value in unflushed.outputs:
            add(topics[topic], number, customer_id.encode(), value)
        for letter in unflushed.dead_letters:
            self._add_dead_letter(number, letter)
        self._metrics.outputs(unflushed.outputs)
        self._metrics.dead_letters(unflushed.dead_letters)
        return len(unflushed.outputs) + len(unflushed.dead_letters)

    def _add_dead_letter(self, number: int, letter: DeadLetter) -> None:
        key, value, origin, rejection, headers = letter
        self._producer.add(
            self._dead_letters,
            number,
            key,
            dead_letter_value(value, rejection),
            dead_letter_headers(origin, rejection, headers),
        )

    def _add_states(self, number: int, unflushed: Unflushed) -> int:
        add, changelog = self._producer.add, self._changelog
        for customer_id, packed in unflushed.states:
            add(changelog, number, customer_id.encode(), packed)
        return len(unflushed.states)

    def _add_profiles(self, number: int, unflushed: Unflushed) -> int:
        add, topics = self._producer.add, self._topics
        for topic, customer_id, value in unflushed.profiles:
            add(topics[topic], number, customer_id.encode(), value)
        self._metrics.outputs(unflushed.profiles)
        return len(unflushed.profiles)

    def _add_meta(self, number: int, unflushed: Unflushed) -> int:
        if unflushed.meta is None:
            return 0
        self._producer.add(self._changelog, number, META_KEY, unflushed.meta)
        return 1
