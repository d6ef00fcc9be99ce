"""The ingest agent: upstream records in, checked and keyed by customer into the canonical log."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import NamedTuple

from faust.types import TP, StreamT

from config.settings import Settings
from handlers.decode.decode import Limits, decode
from handlers.decode.fast import raw_event
from handlers.decode.policy_checks import check_values, precheck
from handlers.events import Event
from handlers.failures import failed
from handlers.reasons import Rejection
from handlers.state.partition_state import Source
from scoring.rules import Rules
from streams.faust_app import Batch, BatchProducer, Record, StreamApp
from streams.faust_app.batch import BatchEvent, batch_events
from streams.ingest.breaker import Breaker
from streams.ingest.stops import PartitionStops
from streams.ingest.time_merge import TimeMerge
from streams.kafka.dead_letter import MAX_BYTES, dead_letter, with_first_bytes_of_key
from streams.kafka.headers import (
    COMPLETE,
    Headers,
    Origin,
    canonical_headers,
    cloud_event_headers,
    source_headers,
)
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import CUSTOMER_EVENTS, DEAD_LETTERS, INPUT_TOPICS, topic_name
from streams.runtime.metrics import Metrics, type_label

_log = logging.getLogger(__name__)

_POLL_S = 0.1
_STAGE = "ingest"


class _Read(NamedTuple):
    """What ingest needs of an event; `bad` is the reason for which the engine would refuse it."""

    customer_id: str
    type_name: str
    bad: str | None


class Ingest:
    """Forwards well-formed records in order, and acks them once Kafka has them.

    In replay mode the inputs are merged by time first (`time_merge`). A partition with too many bad
    records is stopped (`stops`).

    Args:
        partitions: of the canonical log.
        now_ms: the wall clock, once it is known to be right.
        rules: those in force at this worker; None while it has no partition of the log. What the
            engine would refuse by them counts as bad, too.
    """

    def __init__(
        self,
        app: StreamApp,
        settings: Settings,
        producer: BatchProducer,
        metrics: Metrics,
        partitions: int,
        now_ms: Callable[[], Awaitable[int]],
        rules: Callable[[], Rules | None] = lambda: None,
    ) -> None:
        self._app = app
        self._settings = settings
        self._producer = producer
        self._metrics = metrics
        self._partitions = partitions
        self._events_topic = topic_name(settings, CUSTOMER_EVENTS)
        self._dead_letters_topic = topic_name(settings, DEAD_LETTERS)
        self._labels = {topic_name(settings, name): name for name in INPUT_TOPICS}
        self._pending: list[BatchEvent] = []
        self._merge = TimeMerge() if settings.mode == "replay" else None
        self._wake = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._stops = PartitionStops(app, settings, metrics)
        self._earliest_ms = settings.min_event_time_ms
        self._limits = Limits()
        self._now_ms = now_ms
        self._rules_now = rules
        # A short id, empty where unknown, tells a topic from a former one of its name.
        self._topic_id_of = app.topic_guard.short_topic_id
        self._rules: Rules | None = None
        self._counts: Counter[tuple[str, str]] = Counter()
        topics = app.topic(*self._labels, maxsize=app.batch_topic("any").maxsize)
        app.agent(topics, name="ingest", concurrency=1)(self.take)
        app.on_drain(self.drain)

    @property
    def topics(self) -> Collection[str]:
        """The input topics, by their full names."""
        return self._labels.keys()

    @property
    def stopped(self) -> Collection[TP]:
        """The input partitions that are stopped for their bad records."""
        return self._stops.stopped

    async def take(self, stream: StreamT[Batch]) -> None:
        """The agent: forward the records of each batch; the flush acks it later."""
        async for event in batch_events(stream):
            batch = event.value
            await self._set_limits()
            if not self._stops.admits(batch.tp, batch.first_offset):
                continue
            self._metrics.batch_records.labels(_STAGE).observe(len(batch))
            if self._merge is not None:
                self._merge.add(event, time.monotonic())
            elif self._forward_all(batch):
                self._pending.append(event)
            self._wake.set()
            if self._producer.full:
                await self.flush()
            await asyncio.sleep(0)

    async def flush_often(self) -> None:
        """Flush again and again: what was forwarded during one flush goes with the next."""
        while True:
            polls = self._merge is not None or self._stops.changes_by_itself
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _POLL_S if polls else None)
            self._wake.clear()
            if self._merge is not None:
                await self._release_merged()
            if self._pending or self._stops.has_tripped:
                await self.flush()
            self._stops.show()

    async def flush(self) -> None:
        """Wait until Kafka has what was forwarded, then ack it, and stop what has tripped."""
        async with self._flushing:
            events, self._pending = self._pending, []
            counts, self._counts = self._counts, Counter()
            tripped = self._stops.take_tripped()
            await self._producer.flush()
            for event in events:
                event.ack()
            self._stops.stop(tripped)
            for (source, kind), count in counts.items():
                self._metrics.events.labels(source, kind, "forwarded").inc(count)

    async def drain(self) -> None:
        """Forward and ack everything taken, merged or not."""
        if self._merge is not None:
            await self._set_limits()
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
        inputs = {
            tp: found
            for tp, found in progress.items()
            if tp.topic in self._labels and tp not in self._stops.stopped
        }
        ends = {tp: found.end for tp, found in inputs.items()}
        starts = {tp: found.acked for tp, found in inputs.items()}
        merge.note_ends(ends, starts, checked_s)
        await self._set_limits()
        for count, (record, event) in enumerate(merge.release(), 1):
            self._forward_merged(record, event)
            if count % 2_000 == 0:
                if self._producer.full:
                    await self.flush()
                await asyncio.sleep(0)
                await self._set_limits()

    def _forward_merged(self, record: Record, event: BatchEvent) -> None:
        batch = event.value
        assert self._merge is not None
        if not self._forward(record, batch.tp, self._stops.breaker(batch.tp)):
            self._merge.drop(batch.tp)
        elif record.offset == batch.last_offset:
            self._pending.append(event)

    def _forward_all(self, batch: Batch) -> bool:
        """Forward the records of a batch; False if the breaker of its partition trips."""
        tp = batch.tp
        breaker, forward = self._stops.breaker(tp), self._forward
        return all(forward(record, tp, breaker) for record in batch.records)

    async def _set_limits(self) -> None:
        latest_ms = await self._now_ms() + self._settings.max_future_skew_ms
        self._limits = Limits(self._earliest_ms, latest_ms)
        self._rules = self._rules_now()

    def _forward(self, record: Record, tp: TP, breaker: Breaker) -> bool:
        """Forward a record, or make it a dead letter; False if it trips the breaker instead."""
        read = self._read(record, tp)
        if isinstance(read, Rejection):
            if self._stops.trips(tp, record.offset, read.reason):
                return False
            self._reject(record, self._origin(record, tp), read)
            return True
        customer_id, type_name, bad = read
        if bad is None:
            breaker.taken += 1
        elif self._stops.trips(tp, record.offset, bad):
            return False
        key = customer_id.encode()
        self._producer.add(
            self._events_topic,
            partition_of(key, self._partitions),
            key,
            record.value,
            self._headers(record, tp, key),
        )
        self._counts[self._labels[tp.topic], type_name] += 1
        return True

    def _origin(self, record: Record, tp: TP) -> Origin:
        topic, partition = tp
        source = Source(topic, partition, record.offset, self._topic_id_of(topic))
        return Origin(source, record.timestamp, record.key)

    def _headers(self, record: Record, tp: TP, key: bytes) -> Headers:
        """The headers of a record in the log."""
        if record.key == key and not record.headers:  # as nearly all are
            topic, partition = tp
            topic_id = self._topic_id_of(topic)
            return source_headers(topic, topic_id, partition, record.offset, record.timestamp)
        origin, left_out = self._origin(record, tp), COMPLETE
        if record.key is not None and len(record.key) > MAX_BYTES:
            origin, left_out = with_first_bytes_of_key(origin, record.value)
        return canonical_headers(origin, key, record.headers, left_out)

    def _read(self, record: Record, tp: TP) -> _Read | Rejection:
        """Read a record, by the fast path where it applies; a fault in it is a dead letter."""
        rules, label = self._rules, self._labels[tp.topic]
        attributes = cloud_event_headers(record.headers)
        try:
            raw = raw_event(record.value, self._limits, label) if attributes is None else None
            if raw is not None:
                bad = None if rules is None else precheck(raw, rules)
                return _Read(raw.customer_id, raw.declared.name, bad)
        except Exception as error:
            self._tell_fault(error, record, tp)
        try:
            event = decode(record.value, attributes, self._limits, topic=label, with_content=False)
            if isinstance(event, Rejection):
                return event
            bad = None if rules is None else _refusal(event, rules)
            return _Read(event.customer_id, event.type, bad)
        except Exception as error:
            self._tell_fault(error, record, tp)
            return failed("reading it", error)

    def _tell_fault(self, error: Exception, record: Record, tp: TP) -> None:
        """Log and count a fault in what reads records; without memory the worker stops."""
        if isinstance(error, MemoryError):
            raise error
        where = f"{tp.topic}/{tp.partition} offset {record.offset}"
        _log.error("%s: reading it raised", where, exc_info=error)
        self._metrics.processing_failed.labels("record").inc()

    def _reject(self, record: Record, origin: Origin, rejection: Rejection) -> None:
        self._producer.add(
            self._dead_letters_topic,
            origin.source.partition % self._partitions,
            *dead_letter(record.key, record.value, origin, rejection, record.headers),
        )
        source = self._labels[origin.source.topic]
        self._metrics.dead_letters.labels(source, rejection.reason).inc()
        self._metrics.events.labels(source, type_label(None), "dead_letter").inc()


def _refusal(event: Event, rules: Rules) -> str | None:
    """The reason for which the engine would refuse an event under these rules."""
    rejection = check_values(event, rules)
    return None if rejection is None else rejection.reason
