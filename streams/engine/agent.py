"""The engine agent: batches of the canonical log in, outputs, state and profiles out, then acks.

The life of an event here: `take` reads a batch, and for each record it decodes -> skips what was
applied -> fires due instants -> applies -> collects outputs (`streams.engine.apply`). A flush sends
outputs, awaits -> writes state, awaits. A checkpoint goes on: it writes profiles and the
partition's own record, awaits -> acks the batches, whose offsets Faust then commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from faust.types import StreamT

from config.settings import Settings
from streams.engine.fencing import Fencing
from streams.engine.flusher import Flusher, Pace
from streams.engine.metrics import EngineMetrics
from streams.engine.owned_partition import OwnedPartition
from streams.engine.records import EngineRecords
from streams.faust_app import Batch, BatchProducer, PartitionedStore, StreamApp, add_table
from streams.faust_app.batch import batch_events
from streams.kafka.clients import new_consumer
from streams.kafka.topics import CUSTOMER_EVENTS, TABLE, topic_name
from streams.runtime.clock import wall_ms

_SHOW_EVERY_S = 1.0


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
        self._metrics = metrics
        self._fencing = fencing or Fencing(
            settings, foreign=metrics.foreign, open_committed=new_consumer
        )
        self._on_restored = on_restored
        self.table: Table = open_table(
            app,
            TABLE,
            lambda number: OwnedPartition(
                number, self._restored, settings.processing_failed_per_minute, metrics.foreign
            ),
        )
        pace = Pace.of(settings.flush_interval.seconds, settings.flush_max_records)
        records, states = EngineRecords(settings), self.table.states
        self._flushers = [
            Flusher(number, pace, producer, records, self._fencing, states, metrics)
            for number in range(settings.partitions)
        ]
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
            flusher = self._flushers[partition.number]
            flusher.note_applied(len(batch))
            if flusher.is_full:
                await flusher.flush()
            await asyncio.sleep(0)

    # -- when it flushes

    async def flush_often(self) -> None:
        """Flush each partition whenever there is something to write, for ever.

        Look for foreign writes too, and show how things are.
        """
        flushing = (flusher.flush_often() for flusher in self._flushers)
        await asyncio.gather(*flushing, self._look_for_foreign_writes(), self._show())

    async def flush(self) -> None:
        """Flush each partition that is ours."""
        await asyncio.gather(*(flusher.flush() for flusher in self._flushers))

    async def checkpoint(self) -> None:
        """Flush everything, profiles and acks too."""
        await asyncio.gather(*(flusher.checkpoint() for flusher in self._flushers))

    async def drain(self) -> None:
        """A checkpoint, after which partitions may go: they are left alone until restored anew."""
        await asyncio.gather(*(flusher.drain() for flusher in self._flushers))

    def _restored(self, partition: OwnedPartition) -> None:
        self._flushers[partition.number].note_restored()
        self._on_restored(partition)

    async def _look_for_foreign_writes(self) -> None:
        """See from time to time whether somebody else wrote while we had nothing to write."""
        while True:
            await asyncio.sleep(self._fencing.check_every_s)
            asked = self.partitions
            newest = await self._fencing.newest_offsets([partition.number for partition in asked])
            for partition in asked:
                await self._flushers[partition.number].compare(partition, newest)

    async def _show(self) -> None:
        while True:
            await asyncio.sleep(_SHOW_EVERY_S)
            self._metrics.show(self.partitions)
