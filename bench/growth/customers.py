"""Packed states of very many customers with ten orders each, and who of them falls due next day.

The states are made by the product's own rules from some thousand histories; each serves many
customers, under their own ids.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import orjson

from bench.load import browsing
from bench.offline import live_partition
from handlers.control_records import ClockTick, encode_control
from handlers.partition import Partition
from handlers.reasons import Rejection
from handlers.state.customer import pack, unpack, unpack_head
from handlers.state.partition_state import pack_meta
from scoring.timestamps import rfc3339
from streams.kafka.headers import META_KEY

ORDERS = 10
DAY_MS = 86_400_000
_VIEWS = 20
"""Two page views for each order."""
_HISTORIES = 800
_EPOCH = 3
_LAST_ORDER_DAYS = 200
_BETWEEN_ORDERS_DAYS = 15


class Known(NamedTuple):
    """Packed states after histories: of customers due within the next day, and of others."""

    due: list[bytes]
    not_due: list[bytes]
    meta: bytes
    """The partition's own record."""
    offset: int
    """The offset of the log that the states reflect."""


def write_known(found: Known, file: Path) -> None:
    """Keep it for another process."""
    file.write_bytes(msgspec.msgpack.encode(found))


def read_known(file: Path) -> Known:
    """What another process has written."""
    return msgspec.msgpack.decode(file.read_bytes(), type=Known)


def known(end_ms: int, seed: int = 1) -> Known:
    """Histories that end at an instant."""
    partition, offset = live_partition(), 0
    events = sorted(_events(end_ms, random.Random(seed)), key=lambda found: found[0])
    tick_ms = events[0][0]
    for at_ms, document in events:
        while tick_ms < at_ms:
            tick_ms += DAY_MS
            offset += 1
            _tick(partition, offset, min(tick_ms, at_ms))
        offset += 1
        document["event_id"] = f"e{offset}"
        event = partition.admit(orjson.dumps(document))
        assert not isinstance(event, Rejection), event
        assert partition.apply(offset, event) is None
    _tick(partition, offset + 1, end_ms)
    partition.context.outbox.clear()
    partition.meta.epoch, partition.meta.applied = _EPOCH, offset + 1
    # The clock of a partition stays behind the ticks, by the lateness that is allowed.
    within_ms = end_ms - partition.meta.allowed_lateness_ms + DAY_MS
    due, not_due = [], []
    for _, packed in partition.store.pack_changed(_EPOCH):
        due_ms = unpack_head(packed).next_due_ms
        if due_ms is None or due_ms > within_ms + DAY_MS:
            not_due.append(packed)
        elif due_ms <= within_ms:
            due.append(packed)
    return Known(due, not_due, pack_meta(partition.meta), offset + 1)


def states(found: Known, customers: int, due_share: float) -> Iterator[tuple[bytes, bytes]]:
    """Key and packed state of so many customers, of whom a share falls due within the next day."""
    every = round(1 / due_share)
    due, not_due = [*map(unpack, found.due)], [*map(unpack, found.not_due)]
    for number in range(customers):
        histories = not_due if number % every else due
        customer = histories[number // (1 if number % every else every) % len(histories)]
        customer.customer_id = f"customer-{number:08d}"
        yield customer.customer_id.encode(), pack(customer)
    yield META_KEY, found.meta


def _tick(partition: Partition, offset: int, at_ms: int) -> None:
    partition.control(offset, encode_control(ClockTick(at_ms)))


def _events(end_ms: int, draws: random.Random) -> Iterator[tuple[int, dict[str, Any]]]:
    for number in range(_HISTORIES):
        at_ms = end_ms - draws.randrange(_LAST_ORDER_DAYS * DAY_MS)
        for order in range(ORDERS):
            fields = {"type": "order.placed", "order_id": f"o{number}-{order}", "currency": "USD"}
            fields |= {"amount": f"{draws.randrange(5, 200)}.50", "payment_status": "paid"}
            yield _event(number, at_ms, fields)
            for view in range(_VIEWS // ORDERS):
                fields = browsing(draws, number * _VIEWS + view)
                yield _event(number, at_ms - draws.randrange(1, DAY_MS), fields)
            at_ms -= draws.randrange(DAY_MS, 2 * _BETWEEN_ORDERS_DAYS * DAY_MS)


def _event(number: int, at_ms: int, fields: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    who = {"customer_id": f"history-{number:05d}", "occurred_at": rfc3339(at_ms)}
    return at_ms, {**fields, **who}
