"""How many orders, and of what total, reach a tier or keep it.

All conditions on orders and money are lower bounds, and digits and score rise with both. So with
more orders, or with a larger total of as many, a customer qualifies for no worse a tier. The
smallest number and the smallest total therefore lie where a cut-off or a condition is reached, and
only those are tried.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import NamedTuple

from scoring.grading import Beyond
from scoring.money import MAX_MINOR_UNITS
from scoring.rfm import compute_rfm
from scoring.rules import Rules
from scoring.tiers import qualified_rank

MOST_ORDERS = 100


class Needed(NamedTuple):
    """The fewest orders that are enough, and the smallest total of so many, in minor units."""

    orders: int
    total_minor: int


class Base(NamedTuple):
    """The figures that orders of today are added to, as of a business day today or later."""

    recency_days: int
    """From today to that day: the last order is then one of today."""
    frequency: int
    monetary: int
    orders_ever: int
    spend_ever: int
    in_window: bool
    """Whether orders of today are still in the window on that day."""
    beyond: Beyond | None = None
    """What else the customer is graded by; orders do not change it."""


@lru_cache(maxsize=8_192)
def orders_needed(
    rules: Rules, base: Base, rank: int, most_orders: int = MOST_ORDERS
) -> Needed | None:
    """The fewest orders of today with which a customer qualifies for a tier or a better one.

    They are taken as paid. None if so many orders of the largest amount are not enough.

    Args:
        rules: in force.
        base: the figures without the orders.
        rank: of the tier.
        most_orders: how many orders are tried.
    """
    totals = _totals(rules, base, rank)
    for count in _counts(rules, base, rank, totals, most_orders):
        at_most = count * MAX_MINOR_UNITS
        if not _qualifies(rules, base, rank, count, at_most):
            continue
        place = bisect_left(
            totals, True, key=lambda total: _qualifies(rules, base, rank, count, total)
        )
        if place < len(totals) and totals[place] <= at_most:
            return Needed(count, totals[place])
    return None


def _qualifies(rules: Rules, base: Base, rank: int, count: int, total: int) -> bool:
    added = count if base.in_window else 0
    worth = total if base.in_window else 0
    rfm = compute_rfm(
        rules,
        base.recency_days,
        base.frequency + added,
        base.monetary + worth,
        base.orders_ever + count,
        base.spend_ever + total,
        base.beyond,
    )
    return qualified_rank(rules, rfm) <= rank


def _totals(rules: Rules, base: Base, rank: int) -> list[int]:
    """The totals at which something is reached, ascending from 0."""
    missing = {step - base.monetary for step in rules.monetary_cutoffs}
    missing |= _missing(rules, rank, "monetary", base.monetary)
    missing |= _missing(rules, rank, "spend_ever", base.spend_ever)
    return sorted({0, *(amount for amount in missing if amount > 0)})


def _counts(rules: Rules, base: Base, rank: int, totals: list[int], most_orders: int) -> list[int]:
    """The numbers of orders at which something is reached, ascending from 1.

    A total is reached by as many orders as it takes of the largest amount.
    """
    counts = {1, *(step - base.frequency for step in rules.frequency_cutoffs)}
    counts |= _missing(rules, rank, "frequency", base.frequency)
    counts |= _missing(rules, rank, "orders_ever", base.orders_ever)
    counts.update(-(-total // MAX_MINOR_UNITS) for total in totals)
    return sorted(count for count in counts if 1 <= count <= most_orders)


def _missing(rules: Rules, rank: int, measure: str, value: int) -> set[int]:
    """What is missing from a value of a measure to each condition of a tier or a better one."""
    return {
        condition.cutoff - value
        for tier in rules.tiers[: rank + 1]
        for condition in tier.conditions
        if condition.measure == measure
    }
