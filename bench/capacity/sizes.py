"""`python -m bench.capacity.sizes`: how many records an event makes, and of how many bytes.

The load of the benchmark goes through the engine's code without Kafka. Bytes are those of a record
in its batch, not compressed: key, value, headers and framing.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from faust.types import TP

from bench.guard.inputs import END_MS, Row, as_batch, fetch_of, inputs
from bench.guard.work import empty_partition
from config.settings import Settings
from handlers import outputs
from handlers.control_records import ClockTick, encode_control
from handlers.state.partition_state import pack_meta
from streams.engine.records import EngineRecords, Record
from streams.kafka.headers import META_KEY
from streams.kafka.topics import CUSTOMER_EVENTS, changelog_name

_EVENTS = 2_500
_BATCH_BYTES = 61
"""The head of a record batch."""


class Size(NamedTuple):
    """Records of one kind."""

    per_event: float
    record_bytes: float


def measure(events: int = _EVENTS) -> dict[str, Size]:
    """By kind: the event upstream and in the log, outputs, states, profiles."""
    given = inputs(events)
    upstream_bytes = sum(len(fetch.content) - _BATCH_BYTES for fetch in given.upstream)
    log_bytes = sum(len(fetch.content) - _BATCH_BYTES for fetch in given.log)
    counts: Counter[str] = Counter()
    total_bytes: Counter[str] = Counter()
    settings, owned = Settings(), empty_partition()
    made = EngineRecords(settings)
    topics = {changelog_name(settings): "state", outputs.CUSTOMER_PROFILES: "profile"}
    for fetch in given.log:
        owned.take(as_batch(fetch), END_MS)
        batch = owned.take_flush_batch(checkpoint=True)
        for records in (made.outputs, made.states, made.profiles):
            for record in records(0, batch):
                kind = topics.get(record[0], "output")
                counts[kind] += 1
                total_bytes[kind] += _bytes_of(record)
    found = {
        "upstream": Size(1, upstream_bytes / events),
        "log": Size(1, log_bytes / events),
    }
    for kind, count in counts.items():
        found[kind] = Size(count / events, total_bytes[kind] / count)
    return found | _idle(pack_meta(owned.partition.meta))


def _idle(meta: bytes) -> dict[str, Size]:
    """What a second without events writes for each partition: each record has its own batch."""
    tick = (CUSTOMER_EVENTS, 0, None, encode_control(ClockTick(END_MS)), ())
    own = (changelog_name(Settings()), 0, META_KEY, meta, ())
    return {
        "tick": Size(0, _bytes_of(tick) + _BATCH_BYTES),
        "partition's own record": Size(0, _bytes_of(own) + _BATCH_BYTES),
    }


def _bytes_of(record: Record) -> int:
    topic, _, key, value, headers = record
    row: Row = (END_MS, key, value or b"", list(headers))
    return len(fetch_of(TP(topic, 0), [row], 0).content) - _BATCH_BYTES


def main() -> None:
    """Measure and print."""
    for name, size in measure().items():
        print(f"{name:<24}{size.per_event:6.2f} an event{size.record_bytes:8.0f} bytes")


if __name__ == "__main__":
    main()
