"""What the guard's work reads: fetches as Kafka sends them, of a load that is always the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from aiokafka.consumer.fetcher import READ_UNCOMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from faust.types import TP

from bench.load import Load
from bench.offline import activation
from devtools.traffic.record import TrafficRecord
from handlers.control_records import encode_control
from handlers.state.partition_state import Source
from streams.faust_app.batch import Batch
from streams.faust_app.lenient_headers import FetchedRecords
from streams.faust_app.lenient_headers import PartitionRecords as WorkersRecords
from streams.kafka.headers import Headers, Origin, canonical_headers
from streams.kafka.topics import CUSTOMER_EVENTS

END_MS = 1_764_460_800_000
_SPAN_MS = 180_000
_EVENTS_PER_CUSTOMER = 5
_FETCH_RECORDS = 250
"""Records of one fetch, batch and flush. Each is timed alone: in so short a time most are left
alone by what else the machine does, in one round or another."""
_MAGIC, _NO_PRODUCER = 2, -1


class Inputs(NamedTuple):
    """The same events twice: as upstream sent them, and as they stand in the log.

    Each fetch is its topic partition, the offset of its first record, and its bytes. `values` are
    those of the events in the log, cut like its fetches.
    """

    events: int
    upstream: list[Fetch]
    log: list[Fetch]
    values: list[list[bytes]]


class Fetch(NamedTuple):
    """The records that one fetch brought of one partition."""

    tp: TP
    first_offset: int
    content: bytes


class Taken(NamedTuple):
    """A batch as an agent gets it; acks change nothing here."""

    value: Batch

    def ack(self) -> bool:
        """Nothing waits for it."""
        return True


def inputs(events: int) -> Inputs:
    """Fetches of so many events, of a fifth as many customers."""
    load = Load(events, max(1, events // _EVENTS_PER_CUSTOMER), END_MS, _SPAN_MS)
    records = list(load.records())
    by_topic: dict[str, list[TrafficRecord]] = {}
    for record in records:
        by_topic.setdefault(record.topic, []).append(record)
    upstream = [
        fetch
        for topic, found in by_topic.items()
        for fetch in _fetches(TP(topic, 0), [(r.at_ms, r.key, r.value, []) for r in found])
    ]
    log: list[Row] = [(END_MS, None, encode_control(activation()), [])]
    log += (log_row(record, number) for number, record in enumerate(records))
    values = [
        [record.value for record in records[first : first + _FETCH_RECORDS]]
        for first in range(0, events, _FETCH_RECORDS)
    ]
    return Inputs(events, upstream, _fetches(TP(CUSTOMER_EVENTS, 0), log), values)


Row = tuple[int, bytes | None, bytes, Headers]
"""Timestamp, key, value and headers of a record."""


def log_row(record: TrafficRecord, number: int) -> Row:
    """An event as ingest forwards it, which had this offset in its input topic."""
    assert record.key is not None
    origin = Origin(Source(record.topic, 0, number), record.at_ms, record.key)
    return record.at_ms, record.key, record.value, canonical_headers(origin, record.key, ())


def _fetches(tp: TP, rows: Sequence[Row]) -> list[Fetch]:
    return [
        fetch_of(tp, rows[first : first + _FETCH_RECORDS], first)
        for first in range(0, len(rows), _FETCH_RECORDS)
    ]


def fetch_of(tp: TP, rows: Sequence[Row], first_offset: int) -> Fetch:
    """Records as one batch, which a broker gave the offset of its first record."""
    builder = DefaultRecordBatchBuilder(
        _MAGIC, 0, False, _NO_PRODUCER, _NO_PRODUCER, _NO_PRODUCER, 2**30
    )
    for number, (at_ms, key, value, headers) in enumerate(rows):
        builder.append(number, at_ms, key, value, list(headers))
    content = bytearray(builder.build())
    content[:8] = first_offset.to_bytes(8, "big")
    return Fetch(tp, first_offset, bytes(content))


def plainly_read(fetch: Fetch) -> Iterator[Any]:
    """The records of a fetch as aiokafka's consumer gives them."""
    return _read(fetch, PartitionRecords, MemoryRecords)


def as_batch(fetch: Fetch) -> Taken:
    """The records of a fetch as the worker's consumer gives them to an agent."""
    records = list(_read(fetch, WorkersRecords, FetchedRecords))
    return Taken(Batch.of(fetch.tp, records))


def _read(fetch: Fetch, records: Any, batches: Any) -> Iterator[Any]:
    tp = TopicPartition(*fetch.tp)
    content = batches(fetch.content)
    found: Iterator[Any] = records(
        tp, content, [], fetch.first_offset, None, None, True, READ_UNCOMMITTED
    )
    return found
