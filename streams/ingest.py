"""The ingest agent: upstream records in, checked and keyed by customer into the canonical log."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress

from faust.types import StreamT

from config.deployment import Settings
from handlers.decode import Limits, decode
from handlers.partition import Source
from handlers.reasons import Rejection
from streams.batch_events import BatchEvent, batch_events
from streams.faust_app import Batch, BatchProducer, Record, StreamApp
from streams.metrics import Metrics, type_label
from streams.quick_decode import route
from streams.records import (
    Origin,
    canonical_headers,
    cloud_event_headers,
    dead_letter_headers,
    partition_of,
)
from streams.time_merge import TimeMerge
from streams.topics import CUSTOMER_EVENTS, DEAD_LETTERS, INPUTS, topic_name

_IDLE_S = 0.01
_MERGE_POLL_S = 0.1
_STAGE = "ingest"


class Ingest:
    """Forwards what is well-formed, in order, and acks it once Kafka has it.

    In replay mode the inputs are merged by time first (`streams.time_merge`).
    """

    def __init__(
        self,
        app: StreamApp,
        settings: Settings,
        producer: BatchProducer,
        metrics: Metrics,
        partitions: int,
    ) -> None:
        self._app = app
        self._settings = settings
        self._producer = producer
        self._metrics = metrics
        self._partitions = partitions
        self._events_topic = topic_name(settings, CUSTOMER_EVENTS)
        self._dead_letters_topic = topic_name(settings, DEAD_LETTERS)
        self._labels = {topic_name(settings, name): name for name in INPUTS}
        self._pending: list[BatchEvent] = []
        self._merge = TimeMerge() if settings.mode == "replay" else None
        self._wake = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._limits = Limits()
        self._counts: Counter[tuple[str, str]] = Counter()
        topics = app.topic(*self._labels, maxsize=app.batch_topic("any").maxsize)
        app.agent(topics, name="ingest", concurrency=1)(self.take)
        app.on_drain(self.drain)

    async def take(self, stream: StreamT[Batch]) -> None:
        """The agent: take each batch as it comes; the flush acks it later."""
        async for event in batch_events(stream):
            batch = event.value
            self._metrics.batch_records.labels(_STAGE).observe(len(batch))
            if self._merge is not None:
                self._merge.add(event, time.monotonic())
            else:
                self._forward_all(batch)
                self._pending.append(event)
            self._wake.set()
            if self._producer.full:
                await self.flush()
            await asyncio.sleep(0)

    async def flush_often(self) -> None:
        """Send whatever was taken while the last sending was under way, for ever."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _MERGE_POLL_S)
            self._wake.clear()
            if self._merge is not None:
                await self._release_merged()
            if self._pending:
                await self.flush()
            await asyncio.sleep(_IDLE_S)

    async def flush(self) -> None:
        """Wait until Kafka has what was forwarded, then ack it."""
        async with self._flushing:
            events, self._pending = self._pending, []
            counts, self._counts = self._counts, Counter()
            await self._producer.flush()
            for event in events:
                event.ack()
            for (source, kind), count in counts.items():
                self._metrics.events.labels(source, kind, "forwarded").inc(count)

    async def drain(self) -> None:
        """Forward and ack everything taken, merged or not."""
        if self._merge is not None:
            for record, tp_event in self._merge.release_all():
                self._forward_merged(record, tp_event)
        await self.flush()

    async def _release_merged(self) -> None:
        merge = self._merge
        assert merge is not None
        if not merge.waiting:
            return
        checked_s = time.monotonic()
        progress = await self._app.batch_consumer.progress()
        ends = {tp: found.end for tp, found in progress.items() if tp.topic in self._labels}
        starts = {tp: found.acked for tp, found in progress.items() if tp.topic in self._labels}
        merge.note_ends(ends, starts, checked_s)
        for count, (record, event) in enumerate(merge.release(), 1):
            self._forward_merged(record, event)
            if count % 2_000 == 0:
                if self._producer.full:
                    await self.flush()
                await asyncio.sleep(0)

    def _forward_merged(self, record: Record, event: BatchEvent) -> None:
        batch = event.value
        self._set_limits()
        self._forward(batch.tp.topic, batch.tp.partition, record)
        if record.offset == batch.last_offset:
            self._pending.append(event)

    def _forward_all(self, batch: Batch) -> None:
        self._set_limits()
        topic, partition = batch.tp
        for record in batch.records:
            self._forward(topic, partition, record)

    def _set_limits(self) -> None:
        latest_ms = time.time_ns() // 1_000_000 + self._settings.max_future_skew_ms
        self._limits = Limits(self._settings.min_event_time_ms, latest_ms)

    def _forward(self, topic: str, partition: int, record: Record) -> None:
        headers = record.headers
        attributes = cloud_event_headers(headers)
        origin = Origin(Source(topic, partition, record.offset), record.timestamp, record.key)
        routed = route(record.value, self._limits) if attributes is None else None
        if routed is None:
            event = decode(record.value, attributes, self._limits, with_content=False)
            if isinstance(event, Rejection):
                self._reject(record, origin, event)
                return
            routed = event.customer_id, event.type
        customer_id, type_name = routed
        key = customer_id.encode()
        self._producer.add(
            self._events_topic,
            partition_of(key, self._partitions),
            key,
            record.value,
            canonical_headers(origin, key, headers),
        )
        self._counts[self._labels[topic], type_name] += 1

    def _reject(self, record: Record, origin: Origin, rejection: Rejection) -> None:
        self._producer.add(
            self._dead_letters_topic,
            origin.source.partition % self._partitions,
            record.key,
            record.value,
            dead_letter_headers(origin, rejection, record.headers),
        )
        source = self._labels[origin.source.topic]
        self._metrics.dead_letters.labels(source, rejection.reason).inc()
        self._metrics.events.labels(source, type_label(None), "dead_letter").inc()
