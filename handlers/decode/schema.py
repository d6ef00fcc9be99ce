"""The fields of each event type, what JSON type each must have, and which values it may take.

A check returns the value in the form the event keeps, or raises `WrongType`. A bound names what is
wrong with a value of the right type, or returns None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from handlers import events
from handlers.events import BROWSE_TYPES, Event
from scoring.money import amount_of
from scoring.tags import is_usable
from scoring.timestamps import parse_date, parse_rfc3339

MAX_ID_LENGTH = 128
MAX_ATTRIBUTES = 64
MAX_CATEGORIES = 32
MAX_ATTRIBUTE_LENGTH = 1024
_MAX_INTEGER_DIGITS = 30

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

Check = Callable[[Any], Any]
Bound = Callable[[Any], str | None]


class WrongType(Exception):
    """A value of another JSON type than its field has."""


class Field(NamedTuple):
    """One field of an event type."""

    name: str
    check: Check
    bound: Bound | None = None
    kept: bool = True


class Schema(NamedTuple):
    """An event type: its class, and its fields beside the common ones."""

    event: type[Event]
    required: tuple[Field, ...] = ()
    optional: tuple[Field, ...] = ()


def valid_customer_id(customer_id: str) -> bool:
    """1 to 128 characters, none of them a control character (Unicode category Cc)."""
    return 0 < len(customer_id) <= MAX_ID_LENGTH and _CONTROL.search(customer_id) is None


def text(value: Any) -> str:
    """Any text."""
    if type(value) is not str:
        raise WrongType("must be a text")
    return value


def integer(value: Any) -> int:
    """A whole number, by value: 5 and 5.0, not 5.5, not true."""
    if type(value) is int:
        return value
    if type(value) is Decimal and value == value.to_integral_value():
        return int(value) if value.adjusted() < _MAX_INTEGER_DIGITS else 10**_MAX_INTEGER_DIGITS
    raise WrongType("must be an integer")


def boolean(value: Any) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise WrongType("must be true or false")
    return value


def amount(value: Any) -> Any:
    """A decimal text or a number, exactly; None where the text is no plain decimal."""
    if type(value) not in (str, int, Decimal):
        raise WrongType("must be a decimal text or a number")
    return amount_of(value)


def instant(value: Any) -> Any:
    """A text or an integer; whether it is a time is looked at later."""
    return value if type(value) is str else integer(value)


def attributes(value: Any) -> dict[str, str]:
    """An object of texts; names with null are left out."""
    if type(value) is not dict:
        raise WrongType("must be an object")
    return {name: text(inner) for name, inner in value.items() if inner is not None}


def items(value: Any) -> tuple[str, ...]:
    """A list of objects with the fields of an order's line; their categories are kept."""
    if type(value) is not list:
        raise WrongType("must be a list")
    for item in value:
        if type(item) is not dict:
            raise WrongType("must be a list of objects")
        for name, check in _ITEM_CHECKS:
            if item.get(name) is not None:
                check(item[name])
    return categories(item.get("category") for item in value)


def categories(names: Iterable[str | None]) -> tuple[str, ...]:
    """The categories of an order's lines, each once; the first `MAX_CATEGORIES`, not too long."""
    found: dict[str, None] = {}
    for name in names:
        if name is not None and is_usable(name):
            found[name] = None
            if len(found) == MAX_CATEGORIES:
                break
    return tuple(found)


def _number(value: Any) -> None:
    if type(value) not in (int, Decimal):
        raise WrongType("must be a number")


_ITEM_CHECKS = (("sku", text), ("category", text), ("quantity", _number), ("unit_price", amount))


def _short(value: str) -> str | None:
    if len(value) > MAX_ID_LENGTH:
        return f"has {len(value)} characters, at most {MAX_ID_LENGTH}"
    return None


def _customer_id(value: str) -> str | None:
    return None if valid_customer_id(value) else "is no customer id"


def _one_of(*allowed: str) -> Bound:
    def bound(value: str) -> str | None:
        return None if value in allowed else f"must be one of {', '.join(allowed)}"

    return bound


def _between(low: int, high: int) -> Bound:
    def bound(value: int) -> str | None:
        return None if low <= value <= high else f"must be {low} to {high}"

    return bound


def _attribute_values(value: dict[str, str]) -> str | None:
    if len(value) > MAX_ATTRIBUTES:
        return f"has {len(value)} names, at most {MAX_ATTRIBUTES}"
    for name, inner in value.items():
        if len(name) > MAX_ID_LENGTH or len(inner) > MAX_ATTRIBUTE_LENGTH:
            return f"{name[:MAX_ID_LENGTH]!r} is longer than {MAX_ATTRIBUTE_LENGTH} characters"
    birth_date = value.get("birth_date")
    if birth_date and parse_date(birth_date) is None:
        return "birth_date must be a date such as 1990-12-31"
    registered = value.get("registered_at")
    if registered and parse_date(registered) is None and parse_rfc3339(registered) is None:
        return "registered_at must be a date or an RFC 3339 time"
    return None


def identifier(name: str) -> Field:
    """A field with a text of at most 128 characters."""
    return Field(name, text, _short)


def _unused(name: str, check: Check = text, bound: Bound | None = None) -> Field:
    return Field(name, check, bound, kept=False)


COMMON_FIELDS = (
    Field("event_id", text),
    Field("customer_id", text),
    Field("occurred_at", instant),
)
"""Required of every event beside `type`."""

_ORDER_ID = identifier("order_id")
_TICKET_ID = identifier("ticket_id")
_ORDER_CHANGED = Schema(events.OrderChanged, (_ORDER_ID,))
_TICKET_CHANGED = Schema(events.TicketChanged, (_TICKET_ID,))
_BROWSED = Schema(
    events.Browsed,
    (),
    (
        _unused("session_id", text, _short),
        Field("category", text),
        *(_unused(name) for name in ("sku", "query", "url")),
    ),
)

SCHEMAS: dict[str, Schema] = {
    "order.placed": Schema(
        events.OrderPlaced,
        (_ORDER_ID, Field("amount", amount), Field("currency", text)),
        (
            Field("payment_status", text, _one_of("pending", "paid", "failed")),
            Field("items", items),
        ),
    ),
    "order.paid": _ORDER_CHANGED,
    "order.cancelled": _ORDER_CHANGED,
    "order.payment_failed": _ORDER_CHANGED,
    "order.refunded": Schema(
        events.OrderRefunded, (_ORDER_ID, identifier("refund_id"), Field("amount", amount))
    ),
    **dict.fromkeys(BROWSE_TYPES, _BROWSED),
    "ticket.opened": Schema(
        events.TicketChanged,
        (_TICKET_ID,),
        (
            Field("kind", text, _one_of("complaint", "question", "return", "other")),
            Field("severity", integer, _between(1, 5)),
        ),
    ),
    "ticket.resolved": _TICKET_CHANGED,
    "ticket.reopened": _TICKET_CHANGED,
    "survey.answered": Schema(
        events.SurveyAnswered,
        (Field("survey", text, _one_of("csat", "nps")), Field("score", integer)),
        (_TICKET_ID, _unused("comment")),
    ),
    "profile.updated": Schema(
        events.ProfileUpdated, (Field("attributes", attributes, _attribute_values),)
    ),
    "consent.changed": Schema(events.ConsentChanged, (Field("marketing", boolean),)),
    "customer.merged": Schema(events.CustomerMerged, (Field("into", text, _customer_id),)),
    "customer.erased": Schema(events.CustomerErased),
    "activity.recorded": Schema(events.ActivityRecorded, (identifier("activity"),)),
    "points.redeemed": Schema(
        events.PointsRedeemed,
        (identifier("redemption_id"), Field("points", integer, _between(1, 10**12))),
    ),
}
"""What each event type must and may have. `channel` may be in all of them."""


def fault_of(event: Event) -> str | None:
    """What is wrong between fields that are each right, or with the event's own id."""
    if len(event.event_id) > MAX_ID_LENGTH:
        return f"event_id {_short(event.event_id)}"
    if type(event) is events.SurveyAnswered:
        high = 5 if event.survey == "csat" else 10
        if not (1 if event.survey == "csat" else 0) <= event.score <= high:
            return f"score {event.score} is out of range for {event.survey}"
    elif type(event) is events.CustomerMerged and event.into == event.customer_id:
        return "a customer cannot be merged into itself"
    return None
