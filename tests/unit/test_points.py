"""Points: earned, taken back, spent oldest first, and gone at their instant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack

from scoring.points.account import Account
from scoring.points.redemptions import MAX_LOTS, MAX_REDEMPTIONS
from scoring.points.terms import MAX_POINTS, Terms
from scoring.policy import Activity, Movement, PointsPolicy, Policy, Tier
from tests.builders import (
    activity,
    cancelled,
    day,
    erased,
    order,
    paid,
    payment_failed,
    redeemed,
    refund,
    viewed,
)
from tests.driver import Driver, pick

TIERS = (Tier("gold", min_frequency=2), Tier("base"))


def policy(**points: Any) -> Policy:
    section = PointsPolicy(**points)
    return Policy(points=section, tiers=TIERS, movement=Movement(grace_days=0), window_days=90)


def movements(outputs: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    changes = [output for output in outputs if output["type"] == "points.changed"]
    return pick(changes, "cause", "delta", "balance")


def balance(driver: Driver) -> int:
    found: int = driver.profile()["points"]["balance"]
    return found


# Without the section


def test_without_the_section_there_are_no_points() -> None:
    driver = Driver()
    driver.feed(order("o1", "10", day(0)), activity("referral", day(1)), redeemed(5, day(2)))
    assert "points" not in driver.profile()
    assert driver.state().points is None
    assert {output["topic"] for output in driver.outputs} == {"tier-changes"}


# Orders


def test_an_order_earns_whole_points_when_it_comes_to_count() -> None:
    driver = Driver(policy(rate="0.333"))
    (told,) = driver.feed(order("o1", "100", day(0)))[-1:]
    assert told["topic"] == "profile-changes"
    assert pick([told], "cause", "delta", "balance", "order_id", "caused_by") == [
        ("order", 33, 33, "o1", [told["caused_by"][0]])
    ]
    assert told["sequence"] == 2, "after the change of tier"


def test_the_tier_before_the_order_decides_its_rate() -> None:
    driver = Driver(policy(rate="1", rates={"prospect": "2", "gold": "5"}))
    found = driver.feed(*(order(f"o{n}", "10", day(n)) for n in range(3)))
    assert movements(found) == [("order", 20, 20), ("order", 10, 30), ("order", 50, 80)]


def test_an_order_that_must_be_paid_earns_by_its_payment() -> None:
    driver = Driver(Policy(count_orders="paid", points=PointsPolicy()))
    assert movements(driver.feed(order("o1", "10", day(0)))) == []
    assert movements(driver.feed(paid("o1", day(1)))) == [("order", 10, 10)]


def test_a_foreign_order_earns_by_its_value_in_the_base_currency() -> None:
    euro = Policy(currency_rates={"EUR": "1.085"}, points=PointsPolicy(rate="2"))
    assert movements(Driver(euro).feed(order("o1", "100", day(0), currency="EUR"))) == [
        ("order", 217, 217)
    ]


def test_a_partial_refund_takes_back_the_difference_of_whole_points() -> None:
    driver = Driver(policy(rate="0.3"))
    driver.feed(order("o1", "99.99", day(0)))
    assert balance(driver) == 29
    found = driver.feed(refund("o1", "0.01", day(1)), refund("o1", "3.32", day(2), "r2"))
    assert movements(found) == [("refund", -1, 28)], "0.3 x 99.98 is still 29.9 points"


@pytest.mark.parametrize(
    ("end", "cause"),
    [
        (cancelled("o1", day(1)), "cancellation"),
        (payment_failed("o1", day(1)), "cancellation"),
        (refund("o1", "100", day(1)), "refund"),
    ],
)
def test_an_order_that_ceases_to_count_gives_all_its_points_back(end: bytes, cause: str) -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "100", day(0)))
    assert movements(driver.feed(end)) == [(cause, -100, 0)]


def test_a_payment_after_a_failed_one_earns_again_on_the_first_terms() -> None:
    driver = Driver(policy(rates={"gold": "9"}))
    driver.feed(order("o1", "100", day(0)), order("o2", "1", day(0)), order("o3", "1", day(0)))
    found = driver.feed(payment_failed("o1", day(1)), paid("o1", day(2)))
    assert movements(found) == [("cancellation", -100, 10), ("order", 100, 110)]


def test_an_order_below_the_least_amount_earns_nothing_and_loses_all_by_falling_below() -> None:
    driver = Driver(policy(min_amount="50"))
    found = driver.feed(order("o1", "49.99", day(0)), order("o2", "50", day(0)))
    assert movements(found) == [("order", 50, 50)]
    assert movements(driver.feed(refund("o2", "0.01", day(1)))) == [("refund", -50, 0)]


def test_a_late_order_out_of_the_window_still_earns_and_keeps_its_points() -> None:
    driver = Driver(policy())
    driver.feed(viewed(day(200)))
    assert movements(driver.feed(order("o1", "10", day(0)))) == [("order", 10, 10)]
    assert movements(driver.feed(cancelled("o1", day(201)))) == [], "it is frozen"


def test_what_waited_for_an_order_is_taken_into_account_at_once() -> None:
    driver = Driver(policy())
    found = driver.feed(refund("o1", "4", day(0)), order("o1", "10", day(1)))
    assert movements(found) == [("order", 6, 6)]


def test_a_worthless_change_does_not_go_out() -> None:
    driver = Driver(policy())
    assert movements(driver.feed(order("o1", "0.99", day(0)), cancelled("o1", day(1)))) == []


# Activities


def test_activities_give_points_within_their_limits() -> None:
    driver = Driver(
        policy(activities={"visit": Activity(5, per_day=1, in_all=3), "referral": Activity(100)})
    )
    found = driver.feed(
        activity("visit", day(0)),
        activity("visit", day(0, 5)),
        activity("visit", day(1)),
        activity("unknown", day(1, 1)),
        activity("referral", day(1, 2)),
        activity("visit", day(2)),
        activity("visit", day(3)),
    )
    assert movements(found) == [
        ("activity", 5, 5),
        ("activity", 5, 10),
        ("activity", 100, 110),
        ("activity", 5, 115),
    ]
    assert pick(found, "activity") == ["visit", "visit", "referral", "visit"]


# Redemption


def test_points_are_spent_oldest_first() -> None:
    driver = Driver(policy(expire_after_days=10))
    driver.feed(order("o1", "100", day(0)), order("o2", "50", day(3)))
    (told,) = driver.feed(redeemed(120, day(4)))
    assert pick([told], "cause", "delta", "balance", "redemption_id") == [
        ("redemption", -120, 30, "p1")
    ]
    assert (told["next_expiry_at"], told["next_expiry_points"]) == (day(13), 30)


def test_too_few_points_are_refused_and_nothing_changes() -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "10", day(0)))
    before = msgpack.encode(driver.state().points)
    (told,) = driver.feed(redeemed(11, day(1)))
    assert told["type"] == "points.refused"
    assert pick([told], "reason", "points", "balance", "redemption_id") == [
        ("insufficient", 11, 10, "p1")
    ]
    assert msgpack.encode(driver.state().points) == before


def test_a_refused_redemption_may_be_tried_again() -> None:
    driver = Driver(policy())
    driver.feed(redeemed(10, day(0)), order("o1", "10", day(1)))
    assert movements(driver.feed(redeemed(10, day(2)))) == [("redemption", -10, 0)]


def test_the_same_redemption_repeated_is_a_duplicate_and_with_other_points_a_conflict() -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "100", day(0)), redeemed(10, day(1)))
    assert driver.feed(redeemed(10, day(2))) == []
    assert driver.duplicates == 1
    assert driver.reject(redeemed(11, day(3))) == "conflict"
    assert balance(driver) == 90


def test_the_64_redemptions_accepted_last_are_remembered() -> None:
    account = Account()
    account.earn(1_000, 0, None)
    for number in range(MAX_REDEMPTIONS + 1):
        assert account.redeem(f"p{number}", 1)
    assert account.is_duplicate("p0", 1) is None
    assert account.is_duplicate("p1", 1) is True
    assert account.is_duplicate(f"p{MAX_REDEMPTIONS}", 2) is False


# Below zero


def test_points_already_spent_are_owed_when_taken_back_and_later_ones_fill_the_hole_first() -> None:
    driver = Driver(policy(expire_after_days=30))
    driver.feed(order("o1", "100", day(0)), redeemed(80, day(1)))
    assert movements(driver.feed(cancelled("o1", day(2)))) == [("cancellation", -100, -80)]
    assert driver.feed(redeemed(1, day(3), redemption_id="p2"))[0]["reason"] == "insufficient"
    (told,) = movements(driver.feed(order("o2", "100", day(4))))
    assert told == ("order", 100, 20)
    assert driver.profile()["points"]["next_expiry_points"] == 20


def test_points_are_taken_back_from_their_own_day_before_older_ones() -> None:
    driver = Driver(policy(expire_after_days=30))
    driver.feed(order("o1", "10", day(0)), order("o2", "20", day(5)), cancelled("o2", day(6)))
    found = driver.profile()["points"]
    assert (found["next_expiry_at"], found["next_expiry_points"]) == (day(30), 10)


# Expiry


def test_points_expire_at_the_first_instant_of_the_day() -> None:
    driver = Driver(policy(expire_after_days=10))
    driver.feed(order("o1", "10", day(0, 13)), order("o2", "7", day(0, 20)))
    assert movements(driver.pass_to(day(9, 23, 59, 59, 999))) == []
    (told,) = driver.pass_to(day(10))
    assert pick([told], "cause", "delta", "balance", "effective_at", "caused_by") == [
        ("expiry", -17, 0, day(10), [])
    ]
    assert told["next_expiry_at"] is None


def test_a_day_that_the_zone_skipped_expires_when_the_next_one_begins() -> None:
    apia = Policy(timezone="Pacific/Apia", points=PointsPolicy(expire_after_days=1))
    driver = Driver(apia)
    driver.feed(order("o1", "10", "2011-12-29T12:00:00-10:00"))
    (told,) = driver.pass_to("2012-01-02T00:00:00Z")
    assert told["effective_at"] == "2011-12-30T10:00:00.000Z"


def test_time_that_passes_all_at_once_expires_each_day_at_its_own_instant() -> None:
    driver = Driver(policy(expire_after_days=10))
    driver.feed(order("o1", "10", day(0)), order("o2", "5", day(1)))
    found = [o for o in driver.pass_to(day(60)) if o["type"] == "points.changed"]
    assert pick(found, "effective_at", "delta", "balance") == [
        (day(10), -10, 5),
        (day(11), -5, 0),
    ]


def test_nothing_is_taken_back_of_points_that_expired() -> None:
    driver = Driver(policy(expire_after_days=10))
    driver.feed(order("o1", "10", day(0)), order("o2", "8", day(9)))
    assert movements(driver.feed(cancelled("o1", day(10)))) == [("expiry", -10, 8)]
    assert movements(driver.feed(paid("o1", day(10)))) == []
    assert balance(driver) == 8


def test_a_customer_without_orders_has_points_that_expire() -> None:
    driver = Driver(policy(expire_after_days=3, activities={"visit": Activity(5)}))
    driver.feed(activity("visit", day(0)))
    assert movements(driver.pass_to(day(3))) == [("expiry", -5, 0)]


# Policies


def test_a_new_policy_changes_nothing_of_points_already_earned() -> None:
    driver = Driver(policy(expire_after_days=10))
    driver.feed(order("o1", "10", day(0)))
    assert movements(driver.activate(policy(rate="5", expire_after_days=2))) == []
    assert movements(driver.feed(refund("o1", "4", day(5)))) == [("refund", -4, 6)]
    assert movements(driver.pass_to(day(10))) == [("expiry", -6, 0)]


def test_an_order_that_counts_by_a_new_policy_earns_nothing() -> None:
    driver = Driver(Policy(count_orders="paid", points=PointsPolicy()))
    driver.feed(order("o1", "10", day(0)))
    assert movements(driver.activate(Policy(points=PointsPolicy()))) == []
    assert movements(driver.feed(refund("o1", "4", day(1)))) == []


def test_points_rest_while_no_policy_has_them_and_then_go_if_their_instant_passed() -> None:
    driver = Driver(policy(expire_after_days=10))
    driver.feed(order("o1", "10", day(0)))
    driver.activate(Policy(tiers=TIERS), "without")
    assert movements(driver.pass_to(day(12))) == []
    assert "points" not in driver.profile()
    (told,) = driver.activate(policy(expire_after_days=10), "with")
    assert pick([told], "cause", "delta", "balance", "effective_at") == [
        ("policy", -10, 0, day(12))
    ]


def test_erasure_takes_the_points_too() -> None:
    driver = Driver(policy(expire_after_days=3))
    driver.feed(order("o1", "10", day(0)), erased(day(1)))
    assert driver.state().points is None
    assert driver.pass_to(day(9)) == []


# Bounds


def test_beyond_the_bound_the_oldest_lot_joins_the_next_and_lives_as_long() -> None:
    account = Account()
    for number in range(MAX_LOTS + 1):
        account.earn(1, number, 1_000 + number)
    assert len(account.lots) == MAX_LOTS
    assert account.balance == MAX_LOTS + 1
    assert account.next_expiry() == (1_001, 2)


def test_points_of_one_day_are_one_lot() -> None:
    driver = Driver(policy(expire_after_days=10))
    driver.feed(*(order(f"o{n}", "10", day(0, n)) for n in range(20)))
    state = driver.state().points
    assert state is not None
    assert [lot.points for lot in state.lots] == [200]


def test_a_change_has_a_bound() -> None:
    assert Terms(10**6, 1, 0).points(10**12) == MAX_POINTS


_STEPS = st.lists(
    st.tuples(st.sampled_from("ebrx"), st.integers(1, 60), st.integers(0, 8)), max_size=60
)


@given(_STEPS)
def test_the_sum_of_all_changes_is_the_balance_and_the_lots_and_what_is_owed(
    steps: list[tuple[str, int, int]],
) -> None:
    account, total = Account(), 0
    for number, (kind, points, on) in enumerate(steps):
        if kind == "e":
            account.earn(points, on, 100 + on)
            total += points
        elif kind == "b":
            account.take_back(points, on, 100 + on)
            total -= points
        elif kind == "r":
            could = total >= points
            assert account.redeem(f"p{number}", points) is could
            total -= points if could else 0
        else:
            total -= account.expire(100 + on)
        left = sum(lot.points for lot in account.lots)
        assert account.balance == total == left - account.owed
        assert not (left and account.owed)
        assert all(lot.points > 0 for lot in account.lots)
        assert [lot.day for lot in account.lots] == sorted(lot.day for lot in account.lots)
