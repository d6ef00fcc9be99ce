"""Compares customers whose alerts were acted on with those who were held out.

A customer stays in the group of the first alert, whatever comes after: leaving out those whose
alert was withdrawn, or who complained later, would compare unlike groups.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import msgspec
from msgspec import Struct

from handlers.events import Event, OrderChanged, OrderPlaced
from handlers.outputs import CUSTOMER_REACTIVATED, DORMANCY_ALERT
from handlers.suppression import HOLDOUT
from scoring.calendar import DAY_MS
from scoring.confidence import Count, difference, wilson
from scoring.timestamps import parse_rfc3339, rfc3339

_CANCELLED, _FAILED = "order.cancelled", "order.payment_failed"


class Question(Struct, frozen=True):
    """Which alerts count, and for how long after each a customer is observed.

    Only alerts from `since_ms` on count, and only if their whole window was observed.
    """

    level: str = "dormant"
    window_days: int = 30
    confidence: float = 0.95
    since_ms: int | None = None
    until_ms: int | None = None


class GroupView(Struct, frozen=True):
    """How many of a group did it, and the share with Wilson's interval; null for an empty group."""

    customers: int
    count: int
    share: float | None
    low: float | None
    high: float | None


class DifferenceView(Struct, frozen=True):
    """The share of the treated less that of the held out, with Newcombe's interval."""

    share: float | None
    low: float | None
    high: float | None


class OutcomeView(Struct, frozen=True):
    """One outcome in both groups."""

    treated: GroupView
    holdout: GroupView
    difference: DifferenceView


class UpliftReport(Struct, frozen=True):
    """The results. `left_out` counts customers by the reason why they are in neither group."""

    level: str
    window_days: int
    confidence: float
    since: str | None
    observed_until: str | None
    left_out: dict[str, int]
    reactivation: OutcomeView
    repurchase: OutcomeView | None
    """Null where no orders were read."""


class _AlertData(Struct):
    customer_id: str
    sequence: int
    level: str
    effective_at: str
    suppressed: str | None = None


class _AlertRecord(Struct):
    type: str
    data: _AlertData


class _Entry(NamedTuple):
    """A customer's first alert of the level."""

    at_ms: int
    suppressed: str | None


_decoder = msgspec.json.Decoder(_AlertRecord)


class Uplift:
    """Takes alerts first, then orders if there are any, and makes the report.

    It keeps a few values in memory for each customer with an alert of the level.
    """

    def __init__(self, question: Question) -> None:
        self._question = question
        self._window_ms = question.window_days * DAY_MS
        self._entries: dict[str, _Entry] = {}
        self._sequences: dict[str, int] = {}
        self._reactivated: set[str] = set()
        self._ordered: dict[tuple[str, str], None] = {}
        self._cancelled: set[tuple[str, str]] = set()
        self._failed: set[tuple[str, str]] = set()
        self._knows_orders = False
        self._newest_ms: int | None = None

    def take_alert(self, value: bytes) -> None:
        """A record of `dormancy-alerts`, those of one customer in their order.

        Raises:
            msgspec.MsgspecError: it is none.
        """
        record = _decoder.decode(value)
        data = record.data
        # The rule for every consumer: what is not greater than the last was seen before.
        if data.sequence <= self._sequences.get(data.customer_id, 0):
            return
        self._sequences[data.customer_id] = data.sequence
        at_ms = parse_rfc3339(data.effective_at)
        if at_ms is None:
            raise msgspec.ValidationError(f"{data.effective_at!r} is no time")
        self.observe(at_ms)
        entry = self._entries.get(data.customer_id)
        if entry is None:
            if record.type == DORMANCY_ALERT and data.level == self._question.level:
                since_ms = self._question.since_ms
                if since_ms is None or at_ms >= since_ms:
                    self._entries[data.customer_id] = _Entry(at_ms, data.suppressed)
        elif record.type == CUSTOMER_REACTIVATED and self._in_window(entry, at_ms):
            self._reactivated.add(data.customer_id)

    def take_event(self, event: Event) -> None:
        """Take an event of any kind; only orders and their changes count."""
        self._knows_orders = True
        self.observe(event.occurred_ms)
        entry = self._entries.get(event.customer_id)
        if entry is None:
            return
        if type(event) is OrderPlaced:
            if self._in_window(entry, event.occurred_ms):
                self._ordered[event.customer_id, event.order_id] = None
                self._pay(event.customer_id, event.order_id, event.payment_status)
        elif type(event) is OrderChanged:
            if event.type == _CANCELLED:
                self._cancelled.add((event.customer_id, event.order_id))
            else:
                status = "failed" if event.type == _FAILED else "paid"
                self._pay(event.customer_id, event.order_id, status)

    def observe(self, at_ms: int) -> None:
        """Note that everything up to this instant was observed."""
        if self._newest_ms is None or at_ms > self._newest_ms:
            self._newest_ms = at_ms

    def report(self) -> UpliftReport:
        """The outcomes of all customers whose window is over."""
        question = self._question
        end_ms = self._newest_ms
        if question.until_ms is not None and end_ms is not None:
            end_ms = min(end_ms, question.until_ms)
        treated: set[str] = set()
        held_out: set[str] = set()
        left_out: Counter[str] = Counter()
        for customer_id, entry in self._entries.items():
            if end_ms is None or entry.at_ms + self._window_ms > end_ms:
                left_out["window_open"] += 1
            elif entry.suppressed is None:
                treated.add(customer_id)
            elif entry.suppressed == HOLDOUT:
                held_out.add(customer_id)
            else:
                left_out[entry.suppressed] += 1
        undone = self._cancelled | self._failed
        bought = {order[0] for order in self._ordered if order not in undone}
        return UpliftReport(
            level=question.level,
            window_days=question.window_days,
            confidence=question.confidence,
            since=None if question.since_ms is None else rfc3339(question.since_ms),
            observed_until=None if end_ms is None else rfc3339(end_ms),
            left_out=dict(sorted(left_out.items())),
            reactivation=self._outcome(treated, held_out, self._reactivated),
            repurchase=self._outcome(treated, held_out, bought) if self._knows_orders else None,
        )

    def _in_window(self, entry: _Entry, at_ms: int) -> bool:
        return entry.at_ms < at_ms <= entry.at_ms + self._window_ms

    def _pay(self, customer_id: str, order_id: str, status: str | None) -> None:
        """A payment after a failure revives an order."""
        if status == "failed":
            self._failed.add((customer_id, order_id))
        elif status == "paid":
            self._failed.discard((customer_id, order_id))

    def _outcome(self, treated: set[str], held_out: set[str], did: set[str]) -> OutcomeView:
        confidence = self._question.confidence
        one = Count(len(treated & did), len(treated))
        two = Count(len(held_out & did), len(held_out))
        reach = difference(one, two, confidence)
        shares = one.share, two.share
        return OutcomeView(
            _group_view(one, confidence),
            _group_view(two, confidence),
            DifferenceView(
                None if shares[0] is None or shares[1] is None else shares[0] - shares[1],
                None if reach is None else reach.low,
                None if reach is None else reach.high,
            ),
        )


def _group_view(count: Count, confidence: float) -> GroupView:
    reach = wilson(count, confidence)
    return GroupView(
        count.size,
        count.hits,
        count.share,
        None if reach is None else reach.low,
        None if reach is None else reach.high,
    )
