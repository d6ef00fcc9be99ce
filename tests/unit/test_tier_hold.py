"""`movement.hold_days`: who rose stays at least so long."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.state.formats import NEWEST
from scoring.policy import Cutoffs, Movement, Policy, Tier
from tests.builders import day, merged, order, overridden, refund, viewed
from tests.driver import Driver, pick

TIERS = (Tier("gold", min_monetary="500"), Tier("silver", min_monetary="100"), Tier("base"))


def policy(hold_days: int, grace_days: int = 0, **changes: Any) -> Policy:
    """Tiers by the money of the last ten days; recency changes nothing."""
    given: dict[str, Any] = {
        "tiers": TIERS,
        "window_days": 10,
        "movement": Movement(grace_days, soft_landing=False, hold_days=hold_days),
        "cutoffs": Cutoffs(recency_days=(9_000, 9_001, 9_002, 9_003)),
    }
    return Policy(**{**given, **changes})


def driver(hold_days: int, grace_days: int = 0) -> Driver:
    return Driver(policy(hold_days, grace_days), format_number=NEWEST)


def moves(outputs: list[dict[str, Any]]) -> list[Any]:
    found = [output for output in outputs if output["type"] == "tier.changed"]
    return pick(found, "tier", "reason", "effective_at")


@pytest.mark.parametrize(("hold_days", "fall"), [(0, 10), (9, 10), (10, 10), (11, 11), (30, 30)])
def test_without_grace_the_fall_waits_for_the_end_of_the_hold(hold_days: int, fall: int) -> None:
    found = driver(hold_days)
    [rise] = found.feed(order("o1", "500", day(0, 15)))
    assert rise["keeps_until"] == day(fall)
    assert moves(found.pass_to(day(60))) == [("base", "window", day(fall))]


def test_a_grace_begins_when_the_hold_ends() -> None:
    found = driver(30, grace_days=5)
    [rise] = found.feed(order("o1", "500", day(0)))
    found.pass_to(day(29))
    assert found.state().grace is None
    assert found.profile()["keeps_until"] == rise["keeps_until"] == day(35)
    assert moves(found.pass_to(day(60))) == [("base", "grace_expired", day(35))]


def test_the_hold_is_that_of_the_last_rise() -> None:
    found = driver(20)
    found.feed(order("o1", "100", day(0)), order("o2", "400", day(8)))
    assert moves(found.pass_to(day(60))) == [("base", "window", day(28))]


def test_a_refund_takes_the_tier_at_once_and_ends_the_hold() -> None:
    """Silver from day 2 on, after the refund, is no rise: only the window keeps it."""
    found = driver(30)
    found.feed(order("o1", "500", day(0)))
    assert moves(found.feed(refund("o1", "300", day(2)))) == [("silver", "refund", day(2))]
    assert moves(found.pass_to(day(60))) == [("base", "window", day(10))]


def test_a_rise_by_hand_starts_no_hold_and_one_that_runs_goes_on() -> None:
    found = driver(20)
    found.feed(viewed(day(0)), overridden("gold", day(1), until=day(3)))
    assert moves(found.pass_to(day(3))) == [("prospect", "override", day(3))]
    found.feed(order("o1", "100", day(4)), overridden("gold", day(6), until=day(8)))
    found.feed(overridden(None, day(7)))
    assert found.profile()["tier"] == "gold"
    assert moves(found.pass_to(day(60))) == [("base", "window", day(24))]


def test_a_rise_at_the_end_of_a_ceiling_starts_no_hold() -> None:
    found = driver(30)
    found.feed(order("o1", "500", day(0)))
    found.feed(overridden("base", day(1), until=day(5), mode="ceiling"))
    assert moves(found.pass_to(day(60))) == [
        ("gold", "override", day(5)),
        ("base", "window", day(10)),
    ]


def test_the_survivor_of_a_merge_keeps_its_own_hold() -> None:
    found = driver(20)
    found.feed(order("o1", "500", day(0)), order("o2", "500", day(5), "ben"))
    found.feed(merged("ben", day(6)))
    assert moves(found.pass_to(day(60))) == [("base", "window", day(25))]


def test_a_rise_by_a_merge_starts_a_hold() -> None:
    found = driver(20)
    found.feed(order("o1", "400", day(0)), order("o2", "100", day(5), "ben"))
    assert moves(found.feed(merged("ben", day(6)))) == [("gold", "merge", day(6))]
    assert found.profile("ben")["keeps_until"] == day(26)


def test_a_policy_that_asks_for_a_hold_counts_from_the_rise_before_it() -> None:
    found = driver(0)
    found.feed(order("o1", "500", day(0)))
    found.pass_to(day(5))
    found.activate(policy(20, version="v2"), "v2")
    assert moves(found.pass_to(day(60))) == [("base", "window", day(20))]


def test_a_longer_hold_makes_a_grace_wait_that_runs() -> None:
    found = driver(0, grace_days=5)
    found.feed(order("o1", "500", day(0)))
    found.pass_to(day(12))
    found.activate(policy(20, 5, version="v2"), "v2")
    assert found.profile()["keeps_until"] == day(20)
    assert moves(found.pass_to(day(60))) == [("base", "grace_expired", day(20))]


def test_an_older_format_keeps_no_day_of_a_rise() -> None:
    found = Driver(policy(0), format_number=2)
    found.feed(order("o1", "500", day(0)))
    found.pack()
    assert found.state().rose_day is None


def test_customers_with_the_same_figures_fall_when_their_own_orders_leave() -> None:
    """The next fall is remembered by the figures, but not where it follows from single orders."""
    found = driver(0)
    for customer, second in (("ana", 1), ("ben", 3)):
        for step, (amount, at) in enumerate((("100", 0), ("300", second), ("200", 5))):
            found.feed(order(f"{customer}-{step}", amount, day(at), customer))
    found.pass_to(day(5))
    for _ in range(2):
        assert found.profile("ana")["keeps_until"] == day(11)
        assert found.profile("ben")["keeps_until"] == day(13)
