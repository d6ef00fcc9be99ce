"""Where the time of an event goes: the worker's code without Kafka, stage by stage.

Each stage runs alone over all events, so a stage's figure is its own; then the whole of it runs
once more under cProfile, whose figures are inflated but tell the functions.
"""

from __future__ import annotations

import asyncio
import cProfile
import io
import pstats
import time
from collections.abc import Callable
from typing import NamedTuple

from bench.load import Load
from bench.offline import OfflineProducer, StoredRecord, activation
from handlers.control_records import encode_control
from handlers.decode.decode import IN_THE_LOG, Limits, decode
from handlers.decode.fast import fast_event, raw_event
from handlers.decode.policy_checks import check_values
from handlers.outputs import Output
from handlers.reasons import Rejection
from handlers.state.partition_state import Source
from streams.engine.owned_partition import OwnedPartition
from streams.kafka.headers import Origin, canonical_headers, origin_of, source_headers
from streams.kafka.partitioner import partition_of
from streams.runtime.clock import wall_ms
from streams.runtime.gc_tuning import collect_rarely

_PARTITIONS = 4
_FLUSH_EVENTS = 4_000
"""Events of one flush: 200 ms at 20,000 a second."""
_CHECKPOINT_FLUSHES = 5
_TOPIC = "orders"


class Stage(NamedTuple):
    """What a stage costs: CPU µs for each thing it handles, and how many things an event is."""

    name: str
    each_us: float
    per_event: float

    @property
    def event_us(self) -> float:
        """CPU µs an event."""
        return self.each_us * self.per_event


class Profile(NamedTuple):
    """All stages, and the functions that take most of the time."""

    stages: list[Stage]
    functions: str


async def profile(load: Load, functions: int) -> Profile:
    """Measure all stages over a load; needs a running loop for the producer's batches.

    Args:
        functions: how many to list.
    """
    records = _stored(load)
    producer = OfflineProducer()
    try:
        stages = _ingest_stages(records, producer) + _engine_stages(records, producer)
        profiler = cProfile.Profile()
        profiler.enable()
        _ingest(records, producer)
        _Engine(records, producer).run()
        profiler.disable()
    finally:
        await producer.stop()
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("tottime").print_stats(functions)
    return Profile(stages, text.getvalue())


def _stored(load: Load) -> list[StoredRecord]:
    return [
        StoredRecord(offset, record.at_ms, record.key, record.value)
        for offset, record in enumerate(load.records())
    ]


def _spent(work: Callable[[], int]) -> tuple[float, int]:
    """CPU µs a thing, and the number of things."""
    began_s = time.process_time()
    count = work()
    return (time.process_time() - began_s) * 1e6 / max(count, 1), count


# -- ingest


def _ingest_stages(records: list[StoredRecord], producer: OfflineProducer) -> list[Stage]:
    limits = Limits(max_event_ms=records[-1].timestamp + 300_000)

    def decoding() -> int:
        for record in records:
            assert _routed(record, limits) is not None
        return len(records)

    def routing() -> int:
        for record in records:
            assert record.key is not None
            source_headers(_TOPIC, "", 0, record.offset, record.timestamp)
            partition_of(record.key, _PARTITIONS)
        return len(records)

    def adding() -> int:
        for record in records:
            producer.add(_TOPIC, 0, record.key, record.value, _HEADERS)
            if producer.full:
                producer.throw_away()
        producer.throw_away()
        return len(records)

    found = []
    for name, work in (
        ("ingest: decode", decoding),
        ("ingest: headers and partition", routing),
        ("ingest: producer.add", adding),
    ):
        each_us, _ = _spent(work)
        found.append(Stage(name, each_us, 1.0))
    return found


_HEADERS = [("source", b"3/123456/1767225600000/orders")]


def _routed(record: StoredRecord, limits: Limits) -> tuple[str, str]:
    raw = raw_event(record.value, limits)
    if raw is not None:
        return raw.customer_id, raw.declared.name
    event = decode(record.value, None, limits, with_content=False)
    assert not isinstance(event, Rejection)
    return event.customer_id, event.type


def _ingest(records: list[StoredRecord], producer: OfflineProducer) -> None:
    """As `streams.ingest.agent.Ingest` forwards records, without its metrics."""
    limits = Limits(max_event_ms=records[-1].timestamp + 300_000)
    for record in records:
        customer_id, _ = _routed(record, limits)
        key = customer_id.encode()
        producer.add(
            _TOPIC,
            partition_of(key, _PARTITIONS),
            key,
            record.value,
            source_headers(_TOPIC, "", 0, record.offset, record.timestamp),
        )
        if producer.full:
            producer.throw_away()


# -- engine


def _canonical(record: StoredRecord, position: int) -> StoredRecord:
    key = record.key
    assert key is not None
    origin = Origin(Source(_TOPIC, 0, record.offset), record.timestamp, key)
    headers = tuple(canonical_headers(origin, key, ()))
    return StoredRecord(position, record.timestamp, key, record.value, headers)


class _Engine:
    """One partition as `streams.engine.agent.Engine` runs it, its steps timed apart."""

    def __init__(self, records: list[StoredRecord], producer: OfflineProducer) -> None:
        self._log = [_canonical(record, position) for position, record in enumerate(records, 1)]
        self._partition = OwnedPartition(0, lambda _: None)
        self._partition.on_restored(1)
        self._partition.partition.control(0, encode_control(activation()))
        self._producer = producer
        self.seconds: dict[str, float] = {}
        self.counts: dict[str, int] = {}

    def run(self) -> None:
        """All events, flushed as at 20,000 a second."""
        partition = self._partition.partition
        for flush, start in enumerate(range(0, len(self._log), _FLUSH_EVENTS), 1):
            chunk = self._log[start : start + _FLUSH_EVENTS]
            self._timed("origin", self._origins, chunk)
            admitted = self._timed("admit", self._admit, chunk)
            self._timed("apply", self._apply, admitted)
            context = partition.context
            produced, context.outbox = context.outbox, []
            self._timed("output", self._add_outputs, produced)
            packed = self._timed("pack", lambda _: partition.store.pack_changed(1), None)
            self._timed("state", self._add_states, packed)
            if flush % _CHECKPOINT_FLUSHES == 0:
                stale, partition.stale_profiles = partition.stale_profiles, {}
                profiles = self._timed("profile", self._profiles, stale)
                self._timed("profile add", self._add_outputs, profiles)
            self._producer.throw_away()

    def _timed(self, name: str, work: Callable[..., list], given: object) -> list:  # type: ignore[type-arg]
        began_s = time.process_time()
        found = work(given)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - began_s
        self.counts[name] = self.counts.get(name, 0) + len(found)
        return found

    def _origins(self, chunk: list[StoredRecord]) -> list[StoredRecord]:
        partition = self._partition.partition
        for record in chunk:
            assert record.key is not None
            origin = origin_of(record.headers, record.key)
            assert origin is not None
            assert not partition.is_applied(origin.source)
        return chunk

    def _admit(self, chunk: list[StoredRecord]) -> list[tuple[int, object]]:
        partition = self._partition.partition
        admitted: list[tuple[int, object]] = []
        for record in chunk:
            event = fast_event(record.value)
            if event is None:
                found = partition.admit(record.value, None, IN_THE_LOG)
            else:
                found = check_values(event, partition.rules) or event
            admitted.append((record.offset, found))
        return admitted

    def _apply(self, admitted: list) -> list:  # type: ignore[type-arg]
        apply = self._partition.partition.apply
        for position, event in admitted:
            apply(position, event)
        return admitted

    def _profiles(self, stale: dict[str, None]) -> list[Output]:
        profile_of = self._partition.partition.profile
        return [profile_of(customer_id) for customer_id in stale]

    def _add_outputs(self, produced: list[Output]) -> list[Output]:
        for topic, customer_id, value in produced:
            self._producer.add(topic, 0, customer_id.encode(), value)
        return produced

    def _add_states(self, packed: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        for customer_id, value in packed:
            self._producer.add("changelog", 0, customer_id.encode(), value)
        return packed


_ENGINE_STAGES = {
    "origin": "engine: origin, seen before?",
    "admit": "engine: decode, check, digest",
    "apply": "engine: apply (identity to outputs)",
    "output": "engine: outputs, producer.add",
    "pack": "engine: pack changed states",
    "state": "engine: states, producer.add",
    "profile": "engine: profiles",
    "profile add": "engine: profiles, producer.add",
}


def _engine_stages(records: list[StoredRecord], producer: OfflineProducer) -> list[Stage]:
    engine = _Engine(records, producer)
    engine.run()
    return [
        Stage(
            name,
            engine.seconds.get(key, 0.0) * 1e6 / max(engine.counts.get(key, 0), 1),
            engine.counts.get(key, 0) / len(records),
        )
        for key, name in _ENGINE_STAGES.items()
    ]


def measure(events: int, customers: int, functions: int = 40) -> Profile:
    """The profile of a load that ends now."""
    collect_rarely()  # as a worker does
    load = Load(events, customers, wall_ms(), 180_000)

    async def run() -> Profile:
        return await profile(load, functions)

    return asyncio.run(run())
