"""Makes invalid records, one of each kind that upstream systems send in practice."""

from __future__ import annotations

from collections.abc import Callable

from devtools.traffic.distributions import Draws
from devtools.traffic.record import Event, encode_json


def _changed(event: Event, **fields: object) -> bytes:
    return encode_json(event | fields)


def _without(event: Event, field: str) -> bytes:
    return encode_json({name: value for name, value in event.items() if name != field})


def _other(event: Event, **fields: object) -> bytes:
    """An event of another type, with the common fields of this one."""
    common = {name: event[name] for name in ("event_id", "customer_id", "occurred_at")}
    return encode_json(common | fields)


_ORDER = {"type": "order.placed", "order_id": "bad", "amount": "9.99", "currency": "USD"}
_TICKET = {"type": "ticket.opened", "ticket_id": "bad"}

DAMAGES: dict[str, Callable[[Event], bytes]] = {
    "not_json": lambda event: encode_json(event)[:-9],
    "missing_field": lambda event: _without(event, "occurred_at"),
    "unknown_type": lambda event: _changed(event, type="basket.forgotten"),
    "unsupported_schema_version": lambda event: _changed(event, schema_version=99),
    "wrong_type": lambda event: _changed(event, schema_version="1"),
    "invalid_customer_id": lambda event: _changed(event, customer_id=event["customer_id"] + "\n"),
    "invalid_timestamp": lambda event: _changed(event, occurred_at=event["occurred_at"][:-1]),
    "from_the_future": lambda event: _changed(event, occurred_at="9000-01-01T00:00:00Z"),
    "invalid_amount": lambda event: _other(event, **_ORDER | {"amount": "-5.00"}),
    "unknown_currency": lambda event: _other(event, **_ORDER | {"currency": "XTS"}),
    "conflict": lambda event: _changed(event, channel="told again with another content"),
    "invalid_value": lambda event: _other(event, **_TICKET | {"severity": 9}),
}
"""How to make an event invalid, by the reason of its dead letter."""

_REASONS = tuple(DAMAGES)


def damaged(draws: Draws, event: Event) -> bytes:
    """The bytes of an invalid record, made from an event that was sent before it.

    All but a conflict have an event id of their own.
    """
    reason = draws.pick(_REASONS)
    if reason != "conflict":
        event = event | {"event_id": f"{event['event_id']}-bad"}
    return DAMAGES[reason](event)
