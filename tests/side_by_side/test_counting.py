"""The comparison's own arithmetic: what it must notice, and what it must not make up."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import pytest

from tests.side_by_side.counting import Counts, count
from tests.side_by_side.orders import (
    FEWEST,
    MOST,
    Change,
    Figures,
    Truth,
    make_orders,
    times_counted,
    truth_of,
)
from tests.side_by_side.timetable import KINDS, ROUND, timetable

CLEAN = Counts(0, 0, 0, 0, 0, 0, 0, 0)
TO_BRONZE: Change = ("prospect", "bronze")
TO_SILVER: Change = ("bronze", "silver")


def figures_after(*times: int) -> Figures:
    """Of a customer whose order number k was counted so often."""
    return Figures(sum(times), sum(n * 8**nth for nth, n in enumerate(times)))


SIX = figures_after(*[1] * 6)
TRUTH = Truth({"ana": SIX}, {"ana": (TO_BRONZE, TO_SILVER)})


def judged(found: Figures, *told: Change, most: int = 0) -> Counts:
    changes = told or TRUTH.changes["ana"]
    return count(TRUTH, {"ana": found}, {"ana": max(most, found.frequency)}, {"ana": changes})


def test_all_right_is_clean() -> None:
    assert judged(SIX) == CLEAN
    assert CLEAN.is_clean


def test_a_lost_order_is_seen_beside_one_counted_twice() -> None:
    """In the number of orders they would cancel out."""
    found = figures_after(1, 0, 1, 2, 1, 1)
    assert found.frequency == SIX.frequency
    assert judged(found) == CLEAN._replace(orders_lost=1, orders_twice=1, customers_wrong=1)


def test_each_time_beyond_the_first_counts() -> None:
    counts = judged(figures_after(1, 1, 1, 4, 1, 1))
    assert (counts.orders_twice, counts.customers_in_wrong_tier) == (3, 1)


def test_a_customer_unknown_has_lost_all_orders() -> None:
    counts = count(TRUTH, {}, {}, TRUTH.changes)
    assert (counts.orders_lost, counts.customers_wrong) == (6, 1)
    assert counts.customers_in_wrong_tier == 1


def test_a_customer_who_was_further_before_is_rolled_back() -> None:
    counts = judged(figures_after(1, 1, 1, 1, 1), most=6)
    assert counts == CLEAN._replace(orders_lost=1, customers_wrong=1, customers_rolled_back=1)
    assert judged(figures_after(1, 1, 1, 1, 1)).customers_rolled_back == 0


def test_changes_are_missing_repeated_or_wrong() -> None:
    assert judged(SIX, TO_BRONZE) == CLEAN._replace(changes_missing=1)
    assert judged(SIX, TO_BRONZE, TO_SILVER, TO_SILVER) == CLEAN._replace(changes_repeated=1)
    assert judged(SIX, TO_BRONZE, TO_SILVER, ("silver", "gold")) == CLEAN._replace(changes_wrong=1)


def test_truth_of_the_orders_names_every_figure_and_change() -> None:
    orders = make_orders(7, 3_000, 1_767_225_600_000)
    truth = truth_of(order.value for order in orders)
    had = Counter(order.customer_id for order in orders)
    assert {name: found.frequency for name, found in truth.figures.items()} == had
    assert min(had.values()) == FEWEST
    assert max(had.values()) == MOST
    for name, found in truth.figures.items():
        assert times_counted(found.monetary_minor) == (1,) * had[name] + (0,) * (MOST - had[name])
    steps = {name: [TO_BRONZE, TO_SILVER, ("silver", "gold")] for name in had}
    for name, number in had.items():
        due = 1 + (number >= 5) + (number >= 9)
        assert list(truth.changes[name]) == steps[name][:due]


def test_orders_of_a_seed_are_always_the_same_and_rise_in_time() -> None:
    orders = make_orders(7, 500, 1_767_225_600_000)
    assert orders == make_orders(7, 500, 1_767_225_600_000)
    assert orders != make_orders(8, 500, 1_767_225_600_000)
    times = [json.loads(order.value)["occurred_at"] for order in orders]
    assert times == sorted(set(times))


@pytest.mark.parametrize("seed", range(5))
def test_each_fault_has_its_bursts_to_itself(seed: int) -> None:
    plan = timetable(seed, 2, 2)
    assert plan == timetable(seed, 2, 2)
    assert Counter(fault.kind for fault in plan.faults) == Counter(2 * ROUND)
    for fault, following in pairwise(plan.faults):
        assert following.burst == fault.burst + KINDS[fault.kind]
    assert plan.bursts == plan.faults[-1].burst + KINDS[plan.faults[-1].kind]
