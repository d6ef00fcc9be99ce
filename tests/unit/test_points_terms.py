"""Points for each full amount, and reminders of points that expire."""

from __future__ import annotations

from typing import Any

import pytest

from config.policy_file import PolicyError, check_policy
from handlers.state.customer import pack, unpack
from handlers.state.formats import NEWEST
from scoring.policy import Movement, PointsPolicy, Policy, Tier
from tests.builders import (
    consent,
    day,
    erased,
    merged,
    order,
    redeemed,
    redemption_cancelled,
    refund,
)
from tests.driver import Driver, pick

TIERS = (Tier("gold", min_frequency=2), Tier("base"))


def driver(**points: Any) -> Driver:
    section = PointsPolicy(**points)
    policy = Policy(points=section, tiers=TIERS, movement=Movement(grace_days=0))
    return Driver(policy, format_number=NEWEST)


def deltas(outputs: list[dict[str, Any]]) -> list[int]:
    return [output["delta"] for output in outputs if output["type"] == "points.changed"]


def told(outputs: list[dict[str, Any]]) -> list[Any]:
    found = [output for output in outputs if output["type"] == "points.expiring"]
    return pick(found, "due_on", "effective_at", "points", "expires_at", "balance")


# For each full amount


@pytest.mark.parametrize(
    ("amount", "points"), [("9000.00", 10), ("900.00", 1), ("899.99", 0), ("30.00", 0)]
)
def test_there_is_one_point_for_each_full_amount(amount: str, points: int) -> None:
    run = driver(per="900")
    assert sum(deltas(run.feed(order("o1", amount, day(0))))) == points


def test_a_rate_is_given_for_each_full_amount() -> None:
    run = driver(per="50", rate="10")
    assert deltas(run.feed(order("o1", "149.99", day(0)))) == [20]


def test_a_tier_may_have_an_amount_of_its_own() -> None:
    run = driver(rate="0", pers={"base": "1000", "gold": "900"})
    assert [deltas(run.feed(order(f"o{n}", "9000", day(n)))) for n in range(3)] == [[], [9], [10]]
    run = driver(per="100", rates={"prospect": "3"}, pers={"base": "10"})
    assert [deltas(run.feed(order(f"o{n}", "1000", day(n)))) for n in range(3)] == [
        [30],
        [100],
        [10],
    ]


def test_refunds_take_back_by_the_amount_the_order_was_placed_under() -> None:
    run = driver(per="900")
    run.feed(order("o1", "2000", day(0)))
    run.activate(Policy(points=PointsPolicy(rate="5"), tiers=TIERS), "other")
    assert deltas(run.feed(refund("o1", "300", day(1)))) == [-1]
    assert unpack(pack(run.state())).ledger.orders[0].earned is not None


def test_an_order_below_the_least_amount_gives_nothing() -> None:
    run = driver(per="10", min_amount="100")
    assert deltas(run.feed(order("o1", "99.99", day(0)), order("o2", "100", day(1)))) == [10]


def problems(**points: Any) -> list[str]:
    with pytest.raises(PolicyError) as error:
        check_policy({"points": points})
    return list(error.value.problems)


def test_what_is_wrong_with_an_amount_is_named_with_its_place() -> None:
    assert problems(per="0") == ["points.per: must be above 0: the amount that gives the points"]
    assert problems(pers={"X": "5"}) == ["points.pers.X: is no tier of this policy"]
    assert problems(per="900", rate="0.5") == [
        "points.rate: must be whole points for each full amount of per, got 0.5"
    ]
    assert problems(pers={"A": "5"}, rates={"A": "1.5"}) == [
        "points.rates.A: must be whole points for each full amount of per, got 1.5"
    ]
    assert "points.per" in problems(per="9.001")[0]
    assert "points.pers.A" in problems(pers={"A": "9.001"})[0]
    assert "points.per" in problems(per="-5")[0]


def test_amounts_are_read_from_a_file() -> None:
    found = check_policy({"points": {"per": 900, "pers": {"A": "800.50"}}}).points
    assert found is not None
    assert (found.per, found.pers) == ("900", {"A": "800.50"})


# Reminders


def test_points_that_expire_are_reminded_of_so_many_days_ahead() -> None:
    run = driver(expire_after_days=30, warn_days=7, warn_action="spend")
    run.feed(order("o1", "100", day(0, 15)), order("o2", "50", day(10)), redeemed(20, day(11)))
    found = run.pass_to(day(100))
    assert told(found) == [
        ("2025-01-31", day(23), 80, day(30), 130),
        ("2025-02-10", day(33), 50, day(40), 50),
    ]
    (first, _) = (output for output in found if output["type"] == "points.expiring")
    assert pick([first], "topic", "action", "suppressed", "tier") == [
        ("care-reminders", "spend", None, "gold")
    ]


def test_points_that_are_spent_before_are_not_reminded_of() -> None:
    run = driver(expire_after_days=30, warn_days=7)
    run.feed(order("o1", "100", day(0)), redeemed(100, day(11)))
    assert told(run.pass_to(day(100))) == []


def test_an_expiry_that_comes_to_be_known_late_is_told_on_the_next_day() -> None:
    run = driver(expire_after_days=5, warn_days=7)
    run.feed(order("o1", "100", day(0, 10)))
    assert told(run.pass_to(day(100))) == [("2025-01-06", day(1), 100, day(5), 100)]
    run = driver(expire_after_days=1, warn_days=7)
    run.feed(order("o1", "100", day(0, 10)))
    assert told(run.pass_to(day(100))) == [], "the next day is that of the expiry"


def test_each_expiry_is_told_once_also_one_that_comes_back() -> None:
    run = driver(expire_after_days=30, warn_days=7)
    run.feed(order("o1", "100", day(0)), redeemed(100, day(1)), order("o2", "40", day(2)))
    assert len(told(run.pass_to(day(26)))) == 1
    run.feed(redemption_cancelled(day(26)), redeemed(5, day(26, 1), redemption_id="p2"))
    assert told(run.pass_to(day(100))) == [("2025-01-31", day(27), 95, day(30), 135)]


def test_a_new_policy_reminds_of_points_that_were_earned_before() -> None:
    run = driver(expire_after_days=30)
    run.feed(order("o1", "100", day(0)))
    run.pass_to(day(25))
    run.activate(Policy(points=PointsPolicy(expire_after_days=10, warn_days=7)), "warns")
    assert [found[1:3] for found in told(run.pass_to(day(100)))] == [(day(26), 100)]


def test_who_refused_marketing_is_told_with_a_mark() -> None:
    run = driver(expire_after_days=30, warn_days=7)
    run.feed(order("o1", "100", day(0)), consent(False, day(1)))
    (reminder,) = (out for out in run.pass_to(day(26)) if out["type"] == "points.expiring")
    assert reminder["suppressed"] == "no_consent"


def test_merged_an_expiry_is_not_told_twice() -> None:
    run = driver(expire_after_days=30, warn_days=7)
    run.feed(order("o1", "100", day(0)), order("o2", "50", day(0), customer="bob"))
    run.pass_to(day(24))
    run.feed(merged("ana", day(25), customer="bob"))
    assert told(run.pass_to(day(100))) == []


def test_nothing_is_told_after_an_erasure() -> None:
    run = driver(expire_after_days=30, warn_days=7)
    run.feed(order("o1", "100", day(0)), erased(day(1)))
    assert told(run.pass_to(day(100))) == []


def test_the_keys_of_the_reminder_are_checked() -> None:
    assert problems(warn_days=0) == [
        "points.warn_days: must be a whole number from 1 to 180, got 0"
    ]
    assert problems(warn_action="spend") == [
        "points.warn_action: needs warn_days: nobody is reminded"
    ]
