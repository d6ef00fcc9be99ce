"""The quick way from bytes to an event, for records that are right in every respect: nearly all.

One typed pass over the bytes takes the place of checking field by field. It says yes only to what
`handlers.decode.decode` accepts, and then gives the same event. It never says no: what is wrong or
merely unusual (CloudEvents, fractions, a rare kind of event, deep nesting) is None, and `decode`
finds out what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import msgspec

from handlers.decode.decode import IN_THE_LOG, MAX_NESTING, MAX_RECORD_BYTES, Limits
from handlers.decode.digests import content_digest
from handlers.decode.fast_schema import (
    DECODER,
    TYPE_NAMES,
    Answered,
    Changed,
    Placed,
    Refunded,
    Ticketed,
    Viewed,
    Wire,
)
from handlers.decode.schema import categories, fault_of, valid_customer_id
from handlers.events import (
    Browsed,
    Event,
    OrderChanged,
    OrderPlaced,
    OrderRefunded,
    SurveyAnswered,
    TicketChanged,
)
from scoring.money import amount_of
from scoring.timestamps import parse_rfc3339

_BIG = 2**63
_SECONDS = {f":{second:02d}": second * 1_000 for second in range(60)}
_ENDS = {"Z": 0, **{f".{ms:03d}Z": ms for ms in range(1_000)}}


class _UnusualError(ValueError):
    """A number that is to be compared with care."""


def _no_fraction(_text: str) -> None:
    raise _UnusualError


_documents = msgspec.json.Decoder(dict[str, Any], float_hook=_no_fraction)
_Build = Callable[[Any, str, int, bytes], Event]


def route(value: bytes | None, limits: Limits) -> tuple[str, str] | None:
    """The customer id and the type of an event that `decode` accepts; None for `decode` to say."""
    wire = quick_wire(value, limits)
    return None if wire is None else (wire.customer_id, TYPE_NAMES[type(wire)])


def quick_wire(value: bytes | None, limits: Limits) -> Wire | None:
    """The fields of an event that `decode` accepts; None for `decode` to say."""
    if value is None or len(value) > MAX_RECORD_BYTES:
        return None
    if value.count(b"{") + value.count(b"[") > MAX_NESTING:
        return None
    try:
        wire = DECODER.decode(value)
        if not value.isascii():
            value.decode()  # the pass above skips unknown fields without a look at their text
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return None if _occurred_ms(wire, limits) is None else wire


def quick_event(value: bytes | None) -> Event | None:
    """The event of a record of the canonical log, as `decode` gives it; None for `decode` to say.

    The record has no headers of a CloudEvent.
    """
    if value is None or len(value) > MAX_RECORD_BYTES:
        return None
    try:
        wire = DECODER.decode(value)
        document = _documents.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, _UnusualError, RecursionError):
        return None
    occurred_ms = _occurred_ms(wire, IN_THE_LOG)
    if occurred_ms is None or not _is_plain(document.values(), 1):
        return None
    kind = type(wire)
    content = content_digest(document, has_decimals=False)
    event = _BUILD[kind](wire, TYPE_NAMES[kind], occurred_ms, content)
    return None if fault_of(event) is not None else event


def _occurred_ms(wire: Wire, limits: Limits) -> int | None:
    """The time of an event whose customer id and time are right; else None."""
    customer_id = wire.customer_id
    if not customer_id.isprintable() and not valid_customer_id(customer_id):
        return None
    found = wire.occurred_at
    occurred_ms = found if type(found) is int else _instant_ms(found)  # type: ignore[arg-type]
    if occurred_ms is None or occurred_ms < limits.min_event_ms:
        return None
    if limits.max_event_ms is not None and occurred_ms > limits.max_event_ms:
        return None
    return occurred_ms


@lru_cache(maxsize=4_096)
def _minute_ms(minute: str) -> int | None:
    """The instant at which a minute such as `2026-01-01T12:34` of UTC begins."""
    return parse_rfc3339(f"{minute}:00Z")


def _instant_ms(text: str) -> int | None:
    """As `parse_rfc3339`; the common forms by their parts, of which the first is often the same."""
    second_ms, end_ms = _SECONDS.get(text[16:19]), _ENDS.get(text[19:])
    if second_ms is not None and end_ms is not None:
        minute_ms = _minute_ms(text[:16])
        if minute_ms is not None:
            return minute_ms + second_ms + end_ms
    return parse_rfc3339(text)


def _is_plain(values: Iterable[Any], depth: int) -> bool:
    """Whether equal values are written alike: no large integer, and no deep nesting."""
    for value in values:
        kind = type(value)
        if kind is str:
            continue
        if kind is int:
            if not -_BIG < value < _BIG:
                return False
        elif kind is dict or kind is list:
            if depth >= MAX_NESTING:
                return False
            if not _is_plain(value.values() if kind is dict else value, depth + 1):
                return False
    return True


def _placed(wire: Placed, name: str, occurred_ms: int, content: bytes) -> Event:
    return OrderPlaced(
        event_id=wire.event_id,
        type=name,
        customer_id=wire.customer_id,
        occurred_ms=occurred_ms,
        content=content,
        channel=wire.channel,
        order_id=wire.order_id,
        amount=amount_of(wire.amount),
        currency=wire.currency,
        payment_status=wire.payment_status,
        items=categories(item.category for item in wire.items) if wire.items else (),
    )


def _changed(wire: Changed, name: str, occurred_ms: int, content: bytes) -> Event:
    return OrderChanged(
        event_id=wire.event_id,
        type=name,
        customer_id=wire.customer_id,
        occurred_ms=occurred_ms,
        content=content,
        channel=wire.channel,
        order_id=wire.order_id,
    )


def _refunded(wire: Refunded, name: str, occurred_ms: int, content: bytes) -> Event:
    return OrderRefunded(
        event_id=wire.event_id,
        type=name,
        customer_id=wire.customer_id,
        occurred_ms=occurred_ms,
        content=content,
        channel=wire.channel,
        order_id=wire.order_id,
        refund_id=wire.refund_id,
        amount=amount_of(wire.amount),
    )


def _viewed(wire: Viewed, name: str, occurred_ms: int, content: bytes) -> Event:
    return Browsed(
        event_id=wire.event_id,
        type=name,
        customer_id=wire.customer_id,
        occurred_ms=occurred_ms,
        content=content,
        channel=wire.channel,
        category=wire.category,
    )


def _ticketed(wire: Ticketed, name: str, occurred_ms: int, content: bytes) -> Event:
    return TicketChanged(
        event_id=wire.event_id,
        type=name,
        customer_id=wire.customer_id,
        occurred_ms=occurred_ms,
        content=content,
        channel=wire.channel,
        ticket_id=wire.ticket_id,
        kind=wire.kind,
        severity=wire.severity,
    )


def _answered(wire: Answered, name: str, occurred_ms: int, content: bytes) -> Event:
    return SurveyAnswered(
        event_id=wire.event_id,
        type=name,
        customer_id=wire.customer_id,
        occurred_ms=occurred_ms,
        content=content,
        channel=wire.channel,
        survey=wire.survey,
        score=wire.score,
        ticket_id=wire.ticket_id,
    )


_BY_BASE: dict[type[Wire], _Build] = {
    Placed: _placed,
    Changed: _changed,
    Refunded: _refunded,
    Viewed: _viewed,
    Ticketed: _ticketed,
    Answered: _answered,
}
_BUILD: dict[type[Wire], _Build] = {
    kind: _BY_BASE[kind.__bases__[0]]  # each is a base with its name in the JSON
    for kind in TYPE_NAMES
}
