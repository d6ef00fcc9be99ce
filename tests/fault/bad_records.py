"""The catalogue of malformed and hostile records, with the reason that SPEC §3 asks for each.

Reasons are worked out by hand from the contract, not by the product. `odd_records` has the other
side: what looks wrong and must be accepted all the same.
"""

from __future__ import annotations

from collections.abc import Collection

from tests.fault.bad_shapes import add_misshapen
from tests.fault.bad_syntax import add_unreadable
from tests.fault.bad_values import add_impossible
from tests.fault.record_maker import BadRecord, OddRecord, RecordMaker, json_bytes

__all__ = [
    "AT",
    "ERASED",
    "KNOWN",
    "NEEDS_GROUNDWORK",
    "BadRecord",
    "OddRecord",
    "bad_records",
    "groundwork",
    "odd_records",
]

AT = "2025-01-01T12:00:00Z"
"""When the events occur, unless the caller says another time."""

ERASED = "gone"
"""A customer who must have been erased before, see `groundwork`."""

KNOWN = "known"
"""A customer who must have an order before, and never gets another event."""

NEEDS_GROUNDWORK = frozenset({"conflict", "erased_customer"})
"""Reasons that depend on what was accepted before, see `groundwork`."""


def bad_records(number: int = 0, *, at: str = AT, rates: Collection[str] = ()) -> list[BadRecord]:
    """The records, with ids that bear the number.

    They are made for a policy whose base currency is USD.

    Args:
        number: of the occurrence.
        at: when the events occur, RFC 3339; for `conflict` the time given to `groundwork`.
        rates: the other currencies the policy has a rate for; neither XTS nor XXX.
    """
    make = _made(number, at, rates)
    make.refuse_event("conflict", "an event told with other content", **_known(amount="99.00"))
    make.refuse_event("conflict", "an event told with a field more", **_known(channel="app"))
    other_event = {"event_id": make.event_id("an order told with another amount")}
    make.refuse_event(
        "conflict", "an order told with another amount", **_known(amount="99.00") | other_event
    )
    make.refuse_event("erased_customer", "an order of nobody", customer_id=ERASED)
    make.refuse_event("erased_customer", "a view of nobody", "page.viewed", customer_id=ERASED)
    make.refuse_event(
        "erased_customer", "a profile of nobody", "profile.updated", customer_id=ERASED
    )
    return make.bad


def odd_records(number: int = 0, *, at: str = AT, rates: Collection[str] = ()) -> list[OddRecord]:
    """What looks wrong and is right, with ids that bear the number."""
    return _made(number, at, rates).odd


def groundwork(at: str = AT) -> list[tuple[str, bytes]]:
    """Topic and value of what must have been accepted before the first of the bad records.

    The order must still be in the window when the last of them is taken.
    """
    order = {"type": "order.placed", "customer_id": KNOWN, "occurred_at": at} | _known()
    erasure = {
        "event_id": "erasure",
        "type": "customer.erased",
        "customer_id": ERASED,
        "occurred_at": at,
    }
    return [("orders", json_bytes(order)), ("profiles", json_bytes(erasure))]


def _made(number: int, at: str, rates: Collection[str]) -> RecordMaker:
    make = RecordMaker(number, at)
    add_unreadable(make)
    add_misshapen(make)
    add_impossible(make, rates)
    return make


def _known(**fields: str) -> dict[str, str]:
    own = {"event_id": "known", "customer_id": KNOWN, "order_id": "order-of-known"}
    return own | {"amount": "12.50", "currency": "USD"} | fields
