"""Compares customers whose alerts were acted on with those who were held out.

A customer stays in the group of the first alert, whatever comes after: leaving out those whose
alert was withdrawn, or who complained later, would compare unlike groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from msgspec import Struct

from handlers.outputs import CUSTOMER_REACTIVATED, DORMANCY_ALERT
from handlers.state.customer import Customer
from handlers.suppression import HOLDOUT
from scoring.calendar import DAY_MS
from scoring.confidence import Count, difference, wilson
from scoring.timestamps import parse_rfc3339, rfc3339

NO_ACTION = "(none)"
"""Stands for alerts without an action."""


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


class Outcomes(Struct, frozen=True):
    """What some of the customers did."""

    reactivation: OutcomeView
    repurchase: OutcomeView | None
    """Null where no orders were read."""


class UpliftReport(Struct, frozen=True):
    """The results. `left_out` counts customers by the reason why they are in neither group.

    Tier and action are those of a customer's alert.
    """

    level: str
    window_days: int
    confidence: float
    since: str | None
    observed_until: str | None
    left_out: dict[str, int]
    reactivation: OutcomeView
    repurchase: OutcomeView | None
    """Null where no orders were read."""
    by_tier: dict[str, Outcomes]
    by_action: dict[str, Outcomes]
    policy_versions: list[str]
    """The policies that the alerts name."""


class _AlertData(Struct):
    customer_id: str
    sequence: int
    level: str
    effective_at: str
    suppressed: str | None = None
    tier: str = ""
    action: str | None = None
    policy_version: str = ""


class _AlertRecord(Struct):
    type: str
    data: _AlertData


class _Entry(NamedTuple):
    """A customer's first alert of the level."""

    at_ms: int
    suppressed: str | None
    tier: str
    action: str


class _Groups(NamedTuple):
    """Who is compared."""

    treated: set[str]
    held_out: set[str]

    def only(self, customer_ids: set[str]) -> _Groups:
        """Those of them who are among others."""
        return _Groups(self.treated & customer_ids, self.held_out & customer_ids)


_decoder = msgspec.json.Decoder(_AlertRecord)


class Uplift:
    """Takes alerts first, then customers as the rules see them, and makes the report.

    It keeps a few values in memory for each customer with an alert of the level.
    """

    def __init__(self, question: Question) -> None:
        self._question = question
        self._window_ms = question.window_days * DAY_MS
        self._entries: dict[str, _Entry] = {}
        self._sequences: dict[str, int] = {}
        self._reactivated: set[str] = set()
        self._orders: dict[str, dict[tuple[str, int], bool]] = {}
        """Whether each order in a customer's window counts, by its id and time."""
        self._versions: set[str] = set()
        self.knows_orders = False
        """Whether orders were read: without them repurchase is not known."""
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
                    action = data.action or NO_ACTION
                    entry = _Entry(at_ms, data.suppressed, data.tier, action)
                    self._entries[data.customer_id] = entry
                    self._versions.add(data.policy_version)
        elif record.type == CUSTOMER_REACTIVATED and self._in_window(entry, at_ms):
            self._reactivated.add(data.customer_id)

    def take_customer(self, customer: Customer) -> None:
        """Take a customer as an event or time left it: which orders count in its window.

        The orders of a customer who was merged into it are among its own.
        """
        for customer_id in (customer.customer_id, *customer.also):
            entry = self._entries.get(customer_id)
            if entry is None:
                continue
            found = self._orders.setdefault(customer_id, {})
            for order in customer.ledger.orders:
                if self._in_window(entry, order.placed_ms):
                    found[order.order_id, order.placed_ms] = order.counts

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
        groups = _Groups(treated, held_out)
        everybody = self._outcomes(groups)
        return UpliftReport(
            level=question.level,
            window_days=question.window_days,
            confidence=question.confidence,
            since=None if question.since_ms is None else rfc3339(question.since_ms),
            observed_until=None if end_ms is None else rfc3339(end_ms),
            left_out=dict(sorted(left_out.items())),
            reactivation=everybody.reactivation,
            repurchase=everybody.repurchase,
            by_tier=self._by(groups, lambda entry: entry.tier),
            by_action=self._by(groups, lambda entry: entry.action),
            policy_versions=sorted(self._versions - {""}),
        )

    def _by(self, groups: _Groups, name_of: Callable[[_Entry], str]) -> dict[str, Outcomes]:
        """The outcomes of customers by a name that their alert has."""
        ids: dict[str, set[str]] = {}
        for customer_id in groups.treated | groups.held_out:
            ids.setdefault(name_of(self._entries[customer_id]), set()).add(customer_id)
        return {name: self._outcomes(groups.only(ids[name])) for name in sorted(ids)}

    def _outcomes(self, groups: _Groups) -> Outcomes:
        bought = {name for name, orders in self._orders.items() if any(orders.values())}
        return Outcomes(
            self._outcome(groups, self._reactivated),
            self._outcome(groups, bought) if self.knows_orders else None,
        )

    def _in_window(self, entry: _Entry, at_ms: int) -> bool:
        return entry.at_ms < at_ms <= entry.at_ms + self._window_ms

    def _outcome(self, groups: _Groups, did: set[str]) -> OutcomeView:
        confidence = self._question.confidence
        treated, held_out = groups
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
