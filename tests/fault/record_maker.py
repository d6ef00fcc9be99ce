"""Makes records that are right but for one thing, each with a name and an event id of its own."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

Headers = tuple[tuple[str, Any], ...]
"""Names and values; a value is bytes or, whatever the client says of that, None."""

_LEFT_OUT = object()
_OF_TYPE: dict[str, tuple[str, dict[str, Any]]] = {
    "order.placed": ("orders", {"order_id": "{id}-order", "amount": "12.50", "currency": "USD"}),
    "order.paid": ("orders", {"order_id": "{id}-order"}),
    "order.refunded": (
        "orders",
        {"order_id": "{id}-order", "refund_id": "{id}-refund", "amount": "1.00"},
    ),
    "page.viewed": ("browse", {"session_id": "{id}-session", "url": "/"}),
    "ticket.opened": ("support", {"ticket_id": "{id}-ticket", "kind": "question", "severity": 2}),
    "ticket.resolved": ("support", {"ticket_id": "{id}-ticket"}),
    "survey.answered": ("support", {"survey": "nps", "score": 9}),
    "ticket.responded": ("support", {"ticket_id": "{id}-ticket"}),
    "followup.scheduled": ("support", {"followup_id": "{id}-contact", "on": "2031-05-04"}),
    "profile.updated": ("profiles", {"attributes": {"region": "north"}}),
    "consent.changed": ("profiles", {"marketing": True}),
    "customer.merged": ("profiles", {"into": "{customer}-2"}),
    "customer.erased": ("profiles", {}),
    "activity.recorded": ("profiles", {"activity": "referral"}),
    "points.redeemed": ("profiles", {"redemption_id": "{id}-redemption", "points": 5}),
    "points.redemption_cancelled": ("profiles", {"redemption_id": "{id}-redemption"}),
    "points.adjusted": ("profiles", {"points": -5, "reason": "given twice"}),
    "tier.overridden": ("profiles", {"tier": "C", "until": "2036-05-04T00:00:00Z", "by": "eva"}),
}


class BadRecord(NamedTuple):
    """A record that cannot be used.

    Attributes:
        name: what is wrong with it; each in the catalogue has another.
        topic: the input topic, without its prefix.
        reason: that its dead letter must bear, by SPEC §3.
        event_id: that its dead letter must bear; None if none can be read.
    """

    name: str
    topic: str
    value: bytes | None
    key: bytes | None
    headers: Headers
    reason: str
    event_id: str | None


class OddRecord(NamedTuple):
    """A record that looks wrong and is right: it must be accepted, and without a dead letter."""

    name: str
    topic: str
    value: bytes
    key: bytes | None
    headers: Headers


def json_bytes(fields: Any) -> bytes:
    """JSON as most producers write it."""
    return json.dumps(fields).encode()


class RecordMaker:
    """Gathers records under one number, so that those of another number are others.

    Args:
        number: of the occurrence; part of every event id, order id and customer id.
        at: when the events occur, RFC 3339.
    """

    def __init__(self, number: int, at: str) -> None:
        self.bad: list[BadRecord] = []
        self.odd: list[OddRecord] = []
        self.at = at
        self.number = number

    def event_id(self, name: str) -> str:
        """The event id of the record of this name."""
        return f"bad-{self.number}-{name.replace(' ', '-')}"

    def event(self, name: str, of_type: str = "order.placed", /, **fields: Any) -> dict[str, Any]:
        """A usable event of a type, but for these fields."""
        event_id = self.event_id(name)
        customer_id = f"bad-{self.number % 16}-customer"
        own = {
            field: value.format(id=event_id, customer=customer_id)
            if isinstance(value, str)
            else value
            for field, value in _OF_TYPE[of_type][1].items()
        }
        common = {
            "event_id": event_id,
            "type": of_type,
            "customer_id": customer_id,
            "occurred_at": self.at,
        }
        told = common | own | fields
        return {field: value for field, value in told.items() if value is not _LEFT_OUT}

    def refuse(
        self,
        reason: str,
        name: str,
        value: bytes | None,
        *,
        topic: str = "orders",
        event_id: str | None = None,
        headers: Headers = (),
        key: bytes | None = None,
    ) -> None:
        """Add a record of these bytes. Two of three without a key of their own are given one.

        So are all without a value: clients send nothing that has neither.
        """
        if key is None and (value is None or len(self.bad) % 3):
            key = f"key-{len(self.bad)}".encode()
        self.bad.append(BadRecord(name, topic, value, key, headers, reason, event_id))

    def refuse_event(
        self, reason: str, name: str, of_type: str = "order.placed", /, **fields: Any
    ) -> None:
        """Add an event of a type that is right but for these fields."""
        event = self.event(name, of_type, **fields)
        told = event.get("event_id")
        readable = told if isinstance(told, str) and 1 <= len(told) <= 128 else None
        topic = _OF_TYPE[of_type][0]
        self.refuse(reason, name, json_bytes(event), topic=topic, event_id=readable)

    def refuse_without(self, field: str, of_type: str) -> None:
        """Add an event that lacks a required field."""
        name = f"{of_type} without {field}"
        self.refuse_event("missing_field", name, of_type, **{field: _LEFT_OUT})

    def accept(
        self,
        name: str,
        value: bytes | dict[str, Any],
        *,
        topic: str = "orders",
        headers: Headers = (),
        key: bytes | None = None,
    ) -> None:
        """Add a record that is right, of these bytes or this object."""
        raw = value if isinstance(value, bytes) else json_bytes(value)
        self.odd.append(OddRecord(name, topic, raw, key, headers))

    def accept_event(self, name: str, of_type: str = "order.placed", /, **fields: Any) -> None:
        """Add an event that is right with these fields."""
        self.accept(name, self.event(name, of_type, **fields), topic=_OF_TYPE[of_type][0])


def cloud_headers(event_id: str, **attributes: bytes | str | None) -> Headers:
    """The headers of a CloudEvent in binary mode: an order, but for these attributes.

    An empty text leaves an attribute out, None gives a header without a value.
    """
    told: dict[str, bytes | str | None] = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/shop",
        "type": "order.placed",
        "subject": "cloud-customer",
        "time": "2025-01-01T12:00:00Z",
        **attributes,
    }
    return tuple(
        (f"ce_{name}", value.encode() if isinstance(value, str) else value)
        for name, value in told.items()
        if value != ""
    )
