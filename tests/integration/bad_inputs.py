"""At least one record for every reason why a record cannot be used."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

from handlers import reasons
from tests.integration.deployment import Message

ERASED = "gone"
"""A customer who must have been erased before the last of these records."""

MIN_EVENT_TIME = "1980-01-01T00:00:00Z"
"""The `min_event_time` that they are made for: not the default."""


class BadInput(NamedTuple):
    """A record, why it is refused, and the event id that can be read in it."""

    reason: str
    message: Message
    event_id: str | None


class _Made:
    """Gives each record an id, a key and a timestamp of its own."""

    def __init__(self) -> None:
        self.inputs: list[BadInput] = []

    def raw(
        self,
        reason: str,
        value: bytes | None,
        *,
        event_id: str | None = None,
        topic: str = "orders",
        headers: tuple[tuple[str, Any], ...] = (),
    ) -> None:
        number = len(self.inputs)
        key = f"key-{number}".encode() if number % 3 else None
        timestamp_ms = 1_735_689_600_000 + number
        message = Message(topic, value, key, 0, timestamp_ms, headers)
        self.inputs.append(BadInput(reason, message, event_id))

    def event(self, reason: str, *, topic: str = "orders", **fields: Any) -> None:
        """An order that is right but for these fields; None leaves one out."""
        event_id = f"bad-{len(self.inputs)}"
        event = order(event_id, "customer") | fields
        told = event["event_id"]
        value = json.dumps({k: v for k, v in event.items() if v is not None}).encode()
        is_readable = isinstance(told, str) and 0 < len(told) <= 128
        self.raw(reason, value, event_id=told if is_readable else None, topic=topic)


def order(event_id: str, customer_id: str, **fields: Any) -> dict[str, Any]:
    """A native event: an order."""
    return {
        "event_id": event_id,
        "type": "order.placed",
        "customer_id": customer_id,
        "occurred_at": "2025-01-01T12:00:00Z",
        "order_id": f"order-of-{event_id}",
        "amount": "12.50",
        "currency": "USD",
    } | fields


def good_events() -> list[Message]:
    """What must be there before: an order to be in conflict with, and a customer erased."""
    erasure = {
        "event_id": "erasure",
        "type": "customer.erased",
        "customer_id": ERASED,
        "occurred_at": "2025-01-02T00:00:00Z",
    }
    events = [order("known", "customer"), order("first", ERASED), erasure]
    return [Message("orders", json.dumps(event).encode(), None, 0) for event in events]


def bad_inputs() -> list[BadInput]:
    """The records, for partition 0 of their topics."""
    made = _Made()
    _add_unreadable(made)
    _add_misshapen(made)
    _add_untimely(made)
    made.event(reasons.INVALID_AMOUNT, amount="-1")
    made.event(reasons.INVALID_AMOUNT, amount="1.005")
    made.event(reasons.INVALID_AMOUNT, amount="ten")
    made.event(reasons.INVALID_AMOUNT, amount=10**11)
    data = b'{"order_id":"o1","amount":"-1","currency":"USD"}'
    headers = _cloud("c-2", "order.placed")
    made.raw(reasons.INVALID_AMOUNT, data, event_id="c-2", headers=headers)
    made.event(reasons.UNKNOWN_CURRENCY, currency="EUR")
    ticket = {"type": "ticket.opened", "ticket_id": "t1"}
    made.event(reasons.INVALID_VALUE, topic="support", **ticket, severity=9)
    made.event(reasons.INVALID_VALUE, topic="support", **ticket, kind="praise")
    survey = {"type": "survey.answered", "survey": "nps"}
    made.event(reasons.INVALID_VALUE, topic="support", **survey, score=11)
    made.event(reasons.INVALID_VALUE, event_id="i" * 129)
    made.event(reasons.CONFLICT, event_id="known", amount="99.00")
    made.event(reasons.CONFLICT, order_id="order-of-known", amount="99.00")
    made.event(reasons.ERASED_CUSTOMER, customer_id=ERASED)
    made.event(reasons.ERASED_CUSTOMER, customer_id=ERASED, event_id="first")
    return made.inputs


def _add_unreadable(made: _Made) -> None:
    made.event(reasons.TOO_LARGE, comment="x" * 256 * 1024)
    made.inputs[-1] = made.inputs[-1]._replace(event_id=None)  # it is not even looked into
    right = json.dumps(order("unread", "customer")).encode()
    for value in (
        b"not json",
        b"",
        b"[]",
        b'"text"',
        right[:-1],
        right + b"}",
        right.replace(b"unread", b"\xff\xfe"),
        right.replace(b'"12.50"', b"NaN"),
        right[:-1] + b',"deep":' + b"[" * 33 + b"]" * 33 + b"}",
        None,
    ):
        made.raw(reasons.NOT_JSON, value)


def _add_misshapen(made: _Made) -> None:
    made.event(reasons.MISSING_FIELD, order_id=None)
    made.event(reasons.MISSING_FIELD, type="")
    made.event(reasons.MISSING_FIELD, event_id="")
    made.event(reasons.MISSING_FIELD, topic="profiles", type="customer.merged")
    made.event(reasons.UNKNOWN_TYPE, type="order.shipped")
    made.event(reasons.UNKNOWN_TYPE, type=7)
    # What the canonical log has beside events cannot be put there from outside.
    made.event(reasons.UNKNOWN_TYPE, type="clock.tick", at=10**15)
    made.event(reasons.UNSUPPORTED_SCHEMA_VERSION, schema_version=2)
    made.event(reasons.WRONG_TYPE, amount=True)
    made.event(reasons.WRONG_TYPE, schema_version="1")
    made.event(reasons.WRONG_TYPE, topic="profiles", type="consent.changed", marketing="yes")
    made.event(reasons.WRONG_TYPE, topic="browse", type="page.viewed", url=["/"])
    made.event(reasons.INVALID_CUSTOMER_ID, customer_id="a\u0007b")
    made.event(reasons.INVALID_CUSTOMER_ID, customer_id="c" * 129)
    made.raw(reasons.UNKNOWN_TYPE, b"{}", event_id="c-1", headers=_cloud("c-1", "order.sent"))
    empty = (("ce_specversion", None), ("ce_id", None))
    made.raw(reasons.MISSING_FIELD, b"{}", headers=empty)


def _cloud(event_id: str, type_name: str) -> tuple[tuple[str, bytes], ...]:
    """The headers of a CloudEvent in binary mode."""
    attributes = {
        "specversion": "1.0",
        "id": event_id,
        "type": type_name,
        "subject": "customer",
        "time": "2025-01-01T12:00:00Z",
    }
    return tuple((f"ce_{name}", value.encode()) for name, value in attributes.items())


def _add_untimely(made: _Made) -> None:
    made.event(reasons.INVALID_TIMESTAMP, occurred_at="2025-01-01T12:00:00")
    made.event(reasons.INVALID_TIMESTAMP, occurred_at="2025-02-29T12:00:00Z")
    made.event(reasons.INVALID_TIMESTAMP, occurred_at="1979-12-31T23:59:59Z")
    in_an_hour_ms = time.time_ns() // 1_000_000 + 3_600_000
    made.event(
        reasons.FROM_THE_FUTURE, topic="browse", type="page.viewed", occurred_at=in_an_hour_ms
    )
