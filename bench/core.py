"""`python -m bench.core`: the pure core alone, in CPU microseconds an event, by kind of event."""

from __future__ import annotations

import argparse
import time
from collections import Counter

from bench.load import Load
from bench.offline import live_partition
from handlers.reasons import Rejection
from streams.runtime.clock import wall_ms

_PACK_EVERY = 4_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.core", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--customers", type=int, default=20_000)
    arguments = parser.parse_args()
    now_ms = wall_ms()
    load = Load(arguments.events, arguments.customers, now_ms, 180_000)
    for name, per_event_us in measure([record.value for record in load.records()]).items():
        print(f"{name:<28}{per_event_us:8.2f} µs")


def measure(values: list[bytes]) -> dict[str, float]:
    """CPU µs an event: decoding, applying, both, and applying by type."""
    partition = live_partition()
    clock = time.process_time
    began = clock()
    events = [partition.admit(value) for value in values]
    decoding = clock() - began
    spent: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    packing, packed = 0.0, 0
    ticks = time.perf_counter
    began = clock()
    for position, event in enumerate(events, 1):
        assert not isinstance(event, Rejection), event
        started = ticks()
        partition.apply(position, event)
        spent[event.type] += ticks() - started  # type: ignore[assignment]
        counts[event.type] += 1
        if position % _PACK_EVERY == 0:
            pack_began = clock()
            packed += len(partition.store.pack_changed(1))
            partition.context.outbox.clear()
            packing += clock() - pack_began
    applying = clock() - began - packing
    each = len(values) / 1e6
    result = {
        "decode and check": decoding / each,
        "apply": applying / each,
        "decode and apply": (decoding + applying) / each,
        "pack, a changed customer": packing / max(packed, 1) * 1e6,
    }
    for kind, count in counts.most_common():
        result[f"apply {kind}"] = spent[kind] / count * 1e6
    return result


if __name__ == "__main__":
    main()
