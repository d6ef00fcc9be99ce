"""`python -m bench.core`: the pure core alone, in CPU microseconds an event, by kind of event.

And an order of a customer who has as many as are kept one by one.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from statistics import median

import orjson

from bench.load import Load
from bench.offline import live_partition
from config.build import build
from handlers.reasons import Rejection
from scoring.orders.order_limits import MAX_ORDERS
from scoring.satisfaction import HOUR_MS
from scoring.timestamps import rfc3339
from streams.runtime.clock import wall_ms

_PACK_EVERY = 4_000
_READINGS = 20_000
_MORE_ORDERS = 100


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.core", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--customers", type=int, default=20_000)
    arguments = parser.parse_args()
    now_ms = wall_ms()
    load = Load(arguments.events, arguments.customers, now_ms, 180_000)
    print(f"{build()} build")
    found = measure([record.value for record in load.records()])
    found[f"an order after {MAX_ORDERS:,}"] = of_a_large_customer(now_ms)
    for name, per_event_us in found.items():
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
    ticks = time.thread_time
    tick = _cost_of(ticks)
    began = clock()
    for position, event in enumerate(events, 1):
        assert not isinstance(event, Rejection), event
        started = ticks()
        partition.apply(position, event)
        spent[event.type] += ticks() - started - tick  # type: ignore[assignment]
        counts[event.type] += 1
        if position % _PACK_EVERY == 0:
            pack_began = clock()
            packed += len(partition.store.pack_changed(1))
            partition.context.outbox.clear()
            packing += clock() - pack_began
    applying = clock() - began - packing - 2 * tick * len(values)
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


def of_a_large_customer(now_ms: int) -> float:
    """CPU µs of an order of a customer who has as many as are kept: half of them take no longer."""
    partition, ticks, spent = live_partition(), time.thread_time, list[float]()
    for number in range(MAX_ORDERS + _MORE_ORDERS):
        at_ms = now_ms - (MAX_ORDERS + _MORE_ORDERS - number) * HOUR_MS
        event = partition.admit(_order(number, at_ms))
        assert not isinstance(event, Rejection), event
        started = ticks()
        partition.apply(number + 1, event)
        if number >= MAX_ORDERS:
            spent.append(ticks() - started)
    return (median(spent) - _cost_of(ticks)) * 1e6


def _order(number: int, at_ms: int) -> bytes:
    document = {
        "event_id": f"e{number}",
        "type": "order.placed",
        "customer_id": "customer",
        "occurred_at": rfc3339(at_ms),
        "order_id": f"o{number:010d}",
        "amount": "12.50",
        "currency": "USD",
        "payment_status": "paid",
    }
    return orjson.dumps(document)


def _cost_of(ticks: Callable[[], float]) -> float:
    """What reading a clock takes, in seconds of the same clock."""
    started = ticks()
    for _ in range(_READINGS):
        ticks()
    return (ticks() - started) / _READINGS


if __name__ == "__main__":
    main()
