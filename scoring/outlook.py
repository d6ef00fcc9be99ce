"""What comes if nothing more happens: which tiers the figures qualify for, and the next fall.

Without events figures only get worse: orders leave the window, and the last one grows older. So the
qualified tier is found for any later day by bisection, and only the few days on which it changes
are looked at, however many orders there are.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from scoring.grading import Beyond
from scoring.orders.ledger import Ledger
from scoring.override import Override, best_rank, in_force, overridden_rank
from scoring.rfm import figures_of
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


class Outlook:
    """The figures of a ledger on business days from today on, if nothing more happens."""

    def __init__(
        self, rules: Rules, ledger: Ledger, today: int, beyond: Beyond | None = None
    ) -> None:
        self._rules, self._beyond = rules, beyond
        self._frequency, self._monetary = ledger.frequency, ledger.monetary
        self._ever = ledger.orders_ever, ledger.spend_ever
        self._ranks: dict[int, int] = {}
        last_ms, window_days = ledger.last_order_ms, rules.window_days
        self._last_day = None if last_ms is None else rules.calendar.day(last_ms)
        changes = [(day + window_days, count, value) for day, count, value in ledger.leaving()]
        if self._last_day is not None:
            days = [self._last_day + step for step in rules.recency_steps]
            changes += [(day, 0, 0) for day in days if day > today]
        changes.sort()
        self._days = [day for day, _, _ in changes]
        self._gone = [0, *accumulate([count for _, count, _ in changes])]
        self._worth = [0, *accumulate([value for _, _, value in changes])]

    def figures(self, day: int) -> Figures | None:
        """The figures of a business day; None for a prospect."""
        if self._last_day is None:
            return None
        gone, (orders_ever, spend_ever) = bisect_right(self._days, day), self._ever
        return Figures(
            day - self._last_day,
            self._frequency - self._gone[gone],
            self._monetary - self._worth[gone],
            orders_ever,
            spend_ever,
            self._beyond,
        )

    def rank(self, day: int) -> int:
        """The rank that the figures of a business day qualify for."""
        rank = self._ranks.get(day)
        if rank is None:
            rank = self._ranks[day] = self._find_rank(day)
        return rank

    def _find_rank(self, day: int) -> int:
        rules, beyond = self._rules, self._beyond
        if self._last_day is None:
            return rules.prospect_rank
        gone, (orders_ever, spend_ever) = bisect_right(self._days, day), self._ever
        figures = figures_of(
            rules,
            day - self._last_day,
            self._frequency - self._gone[gone],
            self._monetary - self._worth[gone],
            orders_ever,
            spend_ever,
            beyond,
        )
        return rank_by(rules, figures, beyond)

    def first_worse_day(self, rank: int, after: int) -> int | None:
        """The first business day after another whose figures qualify for less than a rank."""
        days = self._days
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
