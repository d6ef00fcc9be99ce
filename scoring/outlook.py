"""What comes if nothing more happens: which tiers the figures qualify for, and the next fall.

Without events figures only get worse: orders leave the window, and the last one grows older. Until
an order leaves, the day of a fall follows from the conditions by themselves. Behind that it is
found by bisection, and only the few days on which figures change are looked at.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from scoring.grading import Beyond
from scoring.orders.ledger import Ledger
from scoring.override import Override, best_rank, in_force, overridden_rank
from scoring.recency import ENDLESS, recency_limit
from scoring.rfm import Measured, figures_of
from scoring.rules import Rules
from scoring.tiers import Bounds, rank_by, transition


class Figures(NamedTuple):
    """The figures of a business day that tiers follow from."""

    recency_days: int
    frequency: int
    monetary: int
    orders_ever: int
    spend_ever: int
    beyond: Beyond | None = None


class _Changes(NamedTuple):
    """The days on which figures change, and what has left the window by then."""

    days: list[int]
    counts: list[int]
    """How many orders have left after so many of the days."""
    values: list[int]


class Outlook:
    """The figures of a ledger on business days from today on, if nothing more happens."""

    def __init__(
        self, rules: Rules, ledger: Ledger, today: int, beyond: Beyond | None = None
    ) -> None:
        self._rules, self._ledger, self._beyond = rules, ledger, beyond
        self._today = today
        last_ms = ledger.last_order_ms
        self._last_day = None if last_ms is None else rules.calendar.day(last_ms)
        self._leaving_day = ledger.next_leaving_day(rules)
        self._found: _Changes | None = None

    def figures(self, day: int) -> Figures | None:
        """The figures of a business day; None for a prospect."""
        if self._last_day is None:
            return None
        ledger, count, value = self._ledger, 0, 0
        if self._leaving_day is not None and self._leaving_day <= day:
            changes = self._changes()
            at = bisect_right(changes.days, day)
            count, value = changes.counts[at], changes.values[at]
        return Figures(
            day - self._last_day,
            ledger.frequency - count,
            ledger.monetary - value,
            ledger.orders_ever,
            ledger.spend_ever,
            self._beyond,
        )

    def rank(self, day: int) -> int:
        """The rank that the figures of a business day qualify for."""
        measured = self._measured(day)
        if measured is None:
            return self._rules.prospect_rank
        return rank_by(self._rules, measured, self._beyond)

    def first_worse_day(self, rank: int, after: int) -> int | None:
        """The first business day after another whose figures qualify for less than a rank."""
        now, leaving_day = self._measured(after), self._leaving_day
        if now is not None and self._last_day is not None:
            limit = self._last_day + recency_limit(self._rules, now, self._beyond, rank)
            if limit >= after and (leaving_day is None or leaving_day > limit):
                return limit + 1 if limit < ENDLESS else None  # before any order leaves
        return self._search(rank, after)

    def _search(self, rank: int, after: int) -> int | None:
        days = self._changes().days
        low, high = bisect_right(days, after), len(days)
        ahead = 1
        while low + ahead < high:  # falls are mostly near: look at the next days first
            if self.rank(days[low + ahead - 1]) > rank:
                high = low + ahead - 1
                break
            low, ahead = low + ahead, 2 * ahead
        while low < high:
            middle = (low + high) // 2
            if self.rank(days[middle]) > rank:
                high = middle
            else:
                low = middle + 1
        return None if low == len(days) else days[low]

    def _measured(self, day: int) -> Measured | None:
        figures = self.figures(day)
        return None if figures is None else figures_of(self._rules, *figures)

    def _changes(self) -> _Changes:
        if self._found is None:
            window_days = self._rules.window_days
            leaving = self._ledger.leaving()
            changes = [(day + window_days, count, value) for day, count, value in leaving]
            if self._last_day is not None:
                days = [self._last_day + step for step in self._rules.recency_steps]
                changes += [(day, 0, 0) for day in days if day > self._today]
            changes.sort()
            self._found = _Changes(
                [day for day, _, _ in changes],
                [0, *accumulate([count for _, count, _ in changes])],
                [0, *accumulate([value for _, _, value in changes])],
            )
        return self._found


class Standing(NamedTuple):
    """Where a customer stands after an evaluation."""

    rank: int
    grace_until_day: int | None
    hold_until_day: int | None
    """The business day on which a hold ends; it may have passed."""
    override: Override | None


class Fall(NamedTuple):
    """The next fall in tier if nothing more happens."""

    at_ms: int
    rank: int
    """The tier after it."""


def next_fall(rules: Rules, outlook: Outlook, standing: Standing, now_ms: int) -> Fall | None:
    """The first instant at which the tier is worse than now; None if none will be.

    It goes from instant to instant as the evaluations will: where the figures come to qualify for
    less than the tier, a hold or a grace ends, or the override does. While a grace runs, worse
    figures change nothing before its end.
    """
    calendar = rules.calendar
    rank, grace_until_day, hold_until_day, override = standing
    at_ms, reached, today = now_ms, rank, calendar.day(now_ms)
    override = in_force(override, rules, now_ms)
    while True:
        day = grace_until_day
        if day is None or day <= today:
            day = outlook.first_worse_day(reached, today)
        next_ms = None if day is None else calendar.start(day)
        if hold_until_day is not None and hold_until_day > today:
            next_ms = _earlier(next_ms, calendar.start(hold_until_day))
        if override is not None:
            next_ms = _earlier(next_ms, override.until_ms)
        if next_ms is None:
            return None
        at_ms, today = next_ms, calendar.day(next_ms)
        override = in_force(override, rules, at_ms)
        moved = transition(
            rules,
            reached,
            overridden_rank(rules, outlook.rank(today), override),
            grace_until_day,
            today,
            lowered_by_event=False,
            bounds=Bounds(hold_until_day, best_rank(rules, override)),
        )
        reached, grace_until_day = moved.rank, moved.grace_until_day
        if reached > rank:
            return Fall(at_ms, reached)


def _earlier(instant_ms: int | None, other_ms: int) -> int:
    return other_ms if instant_ms is None or other_ms < instant_ms else instant_ms
