"""`python -m bench.growth.size CUSTOMERS HISTORIES`: one size, in a process of its own.

One partition restores that many customers with ten orders each from fetches of its changelog,
without Kafka. Then comes a day of ticks on which 1% of the customers fall due, then ticks at which
nobody does, and then events of all customers. The engine's code does all of it, to the batches of
records that a worker would send.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from faust.types import TP

from bench.growth.customers import DAY_MS, Known, read_known, states
from bench.guard.inputs import END_MS, Fetch, Row, as_batch, fetch_of, log_row
from bench.guard.work import EngineWork, SilentProducer
from bench.load import Load
from bench.processes import peak_resident_bytes, resident_bytes
from handlers.control_records import ClockTick, encode_control
from streams.engine.owned_partition import OwnedPartition
from streams.kafka.topics import CUSTOMER_EVENTS
from streams.runtime.gc_tuning import collect_rarely

EVENTS = 10_000
DUE_SHARE = 0.01
_SPAN_MS = 180_000
_FETCH = 1_000
_CHANGELOG_FETCH = 2_000
_TICK_MS = 60_000
_TICKS_IN_FETCH = 60
_IDLE_TICKS = 5_000
_TELL_EVERY = 250_000

_LOG, _CHANGELOG = TP(CUSTOMER_EVENTS, 0), TP("changelog", 0)


class Size(NamedTuple):
    """What was measured with so many customers. Times are CPU time of this process."""

    customers: int
    state_bytes: float
    """Of a packed state, mean."""
    memory_bytes: float
    """What the process grew by for each customer, packed as all are kept."""
    peak_bytes: int
    """The most memory of the process during the restore."""
    restore_seconds: float
    event_us: float
    """From the log to the records that follow, an event."""
    due_customers: int
    day_seconds: float
    due_us: float
    """What a due customer took of the day."""
    idle_tick_us: float


def measure(customers: int, found: Known, tell: Callable[[str], None]) -> Size:
    """Measure one size in this process.

    Args:
        customers: how many.
        found: what their states are made of. It should come from another process: what this one
            used before, and freed, would hide how much memory customers take.
        tell: is told how far it is.
    """
    collect_rarely()  # as a worker does
    return asyncio.run(_measure(customers, found, tell))


async def _measure(customers: int, found: Known, tell: Callable[[str], None]) -> Size:
    producer = SilentProducer()
    try:
        return _measured(customers, found, producer, tell)
    finally:
        await producer.stop()


def _measured(
    customers: int, found: Known, producer: SilentProducer, tell: Callable[[str], None]
) -> Size:
    owned = OwnedPartition(0, lambda _: None)
    gc.collect()
    empty_bytes = resident_bytes(os.getpid())
    restore_s, value_bytes = _restore(owned, found, customers, tell)
    peak_bytes = peak_resident_bytes(os.getpid())
    gc.collect()
    grown_bytes = resident_bytes(os.getpid()) - empty_bytes
    tell(f"{customers:,} customers: a day")
    engine, offset, end_ms = EngineWork(producer, owned), found.offset + 1, END_MS + DAY_MS
    day = [_tick(at_ms) for at_ms in range(END_MS + _TICK_MS, end_ms + 1, _TICK_MS)]
    day_s = _spent_on(engine, _fetches(day, offset, _TICKS_IN_FETCH))
    due = engine.states_written
    offset += len(day)
    idle = [_tick(end_ms + number) for number in range(_IDLE_TICKS)]
    idle_s = _spent_on(engine, _fetches(idle, offset, _TICKS_IN_FETCH))
    tick_us = idle_s * 1e6 / _IDLE_TICKS
    offset += _IDLE_TICKS
    tell(f"{customers:,} customers: events")
    load = Load(EVENTS, customers, end_ms + _SPAN_MS, _SPAN_MS)
    rows = (log_row(record, number) for number, record in enumerate(load.records()))
    events_s = _spent_on(engine, _fetches(rows, offset, _FETCH))
    return Size(
        customers=customers,
        state_bytes=value_bytes / customers,
        memory_bytes=grown_bytes / customers,
        peak_bytes=peak_bytes,
        restore_seconds=restore_s,
        event_us=events_s * 1e6 / EVENTS,
        due_customers=due,
        day_seconds=day_s,
        due_us=(day_s * 1e6 - len(day) * tick_us) / due,
        idle_tick_us=tick_us,
    )


def _restore(
    owned: OwnedPartition, found: Known, customers: int, tell: Callable[[str], None]
) -> tuple[float, int]:
    """CPU seconds of the restore, and the bytes of all states."""
    spent_s, value_bytes, count = 0.0, 0, 0
    records = states(found, customers, DUE_SHARE)
    while chunk := list(islice(records, _CHANGELOG_FETCH)):
        rows: list[Row] = [(END_MS, key, value, []) for key, value in chunk]
        fetch = fetch_of(_CHANGELOG, rows, count)
        began_s = time.process_time()
        owned.restore(as_batch(fetch).value)
        spent_s += time.process_time() - began_s
        value_bytes += sum(len(value) for _, value in chunk)
        before, count = count, count + len(chunk)
        if before // _TELL_EVERY < count // _TELL_EVERY:
            tell(f"{customers:,} customers: {count:,} restored")
    began_s = time.process_time()
    owned.on_restored(1)
    return spent_s + time.process_time() - began_s, value_bytes


def _tick(at_ms: int) -> Row:
    return at_ms, None, encode_control(ClockTick(at_ms)), []


def _fetches(rows: Iterable[Row], offset: int, size: int) -> Iterator[Fetch]:
    rows = iter(rows)
    while chunk := list(islice(rows, size)):
        yield fetch_of(_LOG, chunk, offset)
        offset += len(chunk)


def _spent_on(engine: EngineWork, fetches: Iterable[Fetch]) -> float:
    """CPU seconds for these fetches, not for making them."""
    spent_s = 0.0
    for fetch in fetches:
        began_s = time.process_time()
        engine.take(fetch)
        spent_s += time.process_time() - began_s
    began_s = time.process_time()
    engine.write()
    return spent_s + time.process_time() - began_s


def main(arguments: Sequence[str]) -> None:
    """Measure, tell progress on standard error, and print JSON."""

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    found = read_known(Path(arguments[1]))
    print(json.dumps(measure(int(arguments[0]), found, tell)._asdict()))


if __name__ == "__main__":
    main(sys.argv[1:])
