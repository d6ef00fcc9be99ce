"""How many orders, and of what total, reach a tier or keep it.

All conditions on orders and money are lower bounds, and digits and score rise with both. So with
more orders, or with a larger total of as many, a customer qualifies for no worse a tier. The
smallest number therefore lies where a cut-off or a condition is reached, and only those are tried.
With a number given, each condition of a tier asks for a total of its own: the largest reaches the
tier.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from scoring.grading import Beyond
from scoring.money import MAX_MINOR_UNITS
from scoring.rfm import Measured, figures_of
from scoring.rules import MONETARY, SCORE, SPEND_EVER, Condition, F, M, R, Rules

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
    for count in _counts(rules, base, rank, most_orders):
        total = _least_total(rules, base, rank, count)
        if total is not None and total <= count * MAX_MINOR_UNITS:
            return Needed(count, total)
    return None


def _least_total(rules: Rules, base: Base, rank: int, count: int) -> int | None:
    """The smallest total of so many orders that reaches a tier or a better one; None if none."""
    beyond, least = base.beyond, None
    figures = figures_of(
        rules,
        base.recency_days,
        base.frequency + count if base.in_window else base.frequency,
        base.monetary,
        base.orders_ever + count,
        base.spend_ever,
        beyond,
    )
    at = -1
    for tier in rules.tiers[: rank + 1]:
        at += 1
        if beyond is not None and at in beyond.closed:
            continue
        total: int | None = 0
        for condition in tier.conditions:
            measure_at, cutoff, at_most = condition
            if (figures[measure_at] > cutoff) if at_most else (figures[measure_at] < cutoff):
                missing = _missing_amount(rules, base, figures, condition)
                if missing is None:
                    total = None
                    break
                total = max(total or 0, missing)
        if total is not None and (least is None or total < least):
            least = total
    return least


def _missing_amount(
    rules: Rules, base: Base, figures: Measured, condition: Condition
) -> int | None:
    """The total with which a condition holds that does not with orders of 0.00; None if none."""
    measure_at, cutoff, _ = condition
    if measure_at == SPEND_EVER:
        return cutoff - base.spend_ever
    if measure_at == MONETARY:
        least = cutoff
    else:
        digit = cutoff if measure_at == M else _digit_for_score(rules, base, figures, condition)
        if digit is None or digit - 2 >= len(rules.monetary_cutoffs):
            return None
        least = rules.monetary_cutoffs[digit - 2]
    return least - base.monetary if base.in_window else None


def _digit_for_score(
    rules: Rules, base: Base, figures: Measured, condition: Condition
) -> int | None:
    """The digit M with which a score is reached that is not yet.

    None if no digit reaches it, or the condition is on something else.
    """
    if condition.measure_at != SCORE:
        return None
    of_r, of_f, of_m = rules.points_by_digit
    points = -(-condition.cutoff * rules.most_points // 100) - of_r[figures[R]] - of_f[figures[F]]
    if base.beyond is not None:
        points -= base.beyond.points
    digit = bisect_left(of_m, points, figures[M] + 1)
    return digit if digit < len(of_m) else None


def _totals(rules: Rules, base: Base, rank: int) -> set[int]:
    """The totals at which something is reached."""
    missing = {step - base.monetary for step in rules.monetary_cutoffs}
    missing |= _missing(rules, rank, "monetary", base.monetary)
    missing |= _missing(rules, rank, "spend_ever", base.spend_ever)
    return missing


def _counts(rules: Rules, base: Base, rank: int, most_orders: int) -> Iterator[int]:
    """The numbers of orders at which something is reached, ascending from 1.

    A total is reached by as many orders as it takes of the largest amount.
    """
    if most_orders >= 1:
        yield 1
    counts = {step - base.frequency for step in rules.frequency_cutoffs}
    counts |= _missing(rules, rank, "frequency", base.frequency)
    counts |= _missing(rules, rank, "orders_ever", base.orders_ever)
    counts.update(-(-total // MAX_MINOR_UNITS) for total in _totals(rules, base, rank))
    yield from sorted(count for count in counts if 1 < count <= most_orders)


def _missing(rules: Rules, rank: int, measure: str, value: int) -> set[int]:
    """What is missing from a value of a measure to each condition of a tier or a better one."""
    return {
        condition.cutoff - value
        for tier in rules.tiers[: rank + 1]
        for condition in tier.conditions
        if condition.measure == measure
    }
