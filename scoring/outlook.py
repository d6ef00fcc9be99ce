"""What comes if nothing more happens: which tiers the figures qualify for, and the next fall.

Without events figures only get worse: orders leave the window, and the last one grows older. So the
qualified tier is found for any later day by bisection, and only the few days on which it changes
are looked at, however many orders there are.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from scoring.ledger import Ledger
from scoring.override import Override, best_rank, in_force, overridden_rank
from scoring.rfm import compute_rfm
from scoring.rules import Rules
from scoring.tiers import Bounds, qualified_rank, transition


class Figures(NamedTuple):
    """The figures of a business day that tiers follow from."""

    recency_days: int
    frequency: int
    monetary: int
    orders_ever: int
    spend_ever: int


class Outlook:
    """The figures of a ledger on business days from today on, if nothing more happens."""

    def __init__(self, rules: Rules, ledger: Ledger, today: int) -> None:
        self._rules = rules
        self._ledger = ledger
        last_ms = ledger.last_order_ms
        self._last_day = None if last_ms is None else rules.calendar.day(last_ms)
        window_days = rules.window_days
        changes = [(day + window_days, count, value) for day, count, value in ledger.leaving()]
        if self._last_day is not None:
            days = (self._last_day + step for step in rules.recency_steps)
            changes += [(day, 0, 0) for day in days if day > today]
        changes.sort()
        self._days = [day for day, _, _ in changes]
        self._gone = [0, *accumulate(count for _, count, _ in changes)]
        self._worth = [0, *accumulate(value for _, _, value in changes)]

    def figures(self, day: int) -> Figures | None:
        """The figures of a business day; None for a prospect."""
        if self._last_day is None:
            return None
        gone = bisect_right(self._days, day)
        return Figures(
            day - self._last_day,
            self._ledger.frequency - self._gone[gone],
            self._ledger.monetary - self._worth[gone],
            self._ledger.orders_ever,
            self._ledger.spend_ever,
        )

    def rank(self, day: int) -> int:
        """The rank that the figures of a business day qualify for."""
        figures = self.figures(day)
        rules = self._rules
        return qualified_rank(rules, None if figures is None else compute_rfm(rules, *figures))

    def next_worse_day(self, day: int) -> int | None:
        """The first business day after another on which the rank is worse than on that one."""
        low, high = bisect_right(self._days, day), len(self._days)
        if low == high:
            return None
        rank = self.rank(day)
        while low < high:
            middle = (low + high) // 2
            if self.rank(self._days[middle]) > rank:
                high = middle
            else:
                low = middle + 1
        return None if low == len(self._days) else self._days[low]


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

    It goes from instant to instant as the evaluations will: where the figures come to qualify for a
    worse tier, a hold or a grace ends, or the override does.
    """
    calendar = rules.calendar
    rank, grace_until_day, hold_until_day, override = standing
    at_ms, reached = now_ms, rank
    while True:
        today = calendar.day(at_ms)
        days = (outlook.next_worse_day(today), grace_until_day, hold_until_day)
        instants = [calendar.start(day) for day in days if day is not None]
        if in_force(override, rules, at_ms) is not None:
            assert override is not None
            instants.append(override.until_ms)
        at_ms = min((instant for instant in instants if instant > at_ms), default=-1)
        if at_ms < 0:
            return None
        today, forced = calendar.day(at_ms), in_force(override, rules, at_ms)
        moved = transition(
            rules,
            reached,
            overridden_rank(rules, outlook.rank(today), forced),
            grace_until_day,
            today,
            lowered_by_event=False,
            bounds=Bounds(hold_until_day, best_rank(rules, forced)),
        )
        reached, grace_until_day = moved.rank, moved.grace_until_day
        if reached > rank:
            return Fall(at_ms, reached)
