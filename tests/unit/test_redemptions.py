"""Points that come back from a cancelled redemption, and points moved by hand."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.state.customer import pack, unpack
from handlers.state.formats import NEWEST
from scoring.points.account import Account
from scoring.points.redemptions import MAX_LOTS, MAX_REDEMPTIONS
from scoring.policy import PointsPolicy, Policy
from tests.builders import (
    adjusted,
    day,
    day_ms,
    edited,
    merged,
    order,
    redeemed,
    redemption_cancelled,
    refund,
    without,
)
from tests.driver import Driver, pick


def driver(number: int = NEWEST, **points: Any) -> Driver:
    return Driver(Policy(points=PointsPolicy(**points)), format_number=number)


def movements(outputs: list[dict[str, Any]]) -> list[Any]:
    changes = [output for output in outputs if output["type"] == "points.changed"]
    return pick(changes, "cause", "delta", "balance")


def points(run: Driver, customer: str = "ana") -> dict[str, Any]:
    found: dict[str, Any] = run.profile(customer)["points"]
    return found


# Cancelled redemptions


def test_points_of_a_cancelled_redemption_come_back_with_their_old_expiry() -> None:
    run = driver(expire_after_days=30)
    run.feed(order("o1", "100", day(0)), order("o2", "50", day(10)), redeemed(120, day(11)))
    (told,) = run.feed(redemption_cancelled(day(12)))
    assert pick([told], "type", "cause", "delta", "balance", "redemption_id") == [
        ("points.changed", "redemption_cancelled", 120, 150, "p1")
    ]
    assert (told["next_expiry_at"], told["next_expiry_points"]) == (day(30), 100)
    assert points(run)["redeemed"] == 0
    assert movements(run.pass_to(day(100))) == [("expiry", -100, 50), ("expiry", -50, 0)]


def test_what_expired_while_it_was_spent_does_not_come_back() -> None:
    run = driver(expire_after_days=30)
    run.feed(order("o1", "100", day(0)), order("o2", "50", day(10)), redeemed(120, day(11)))
    run.pass_to(day(35))
    assert movements(run.feed(redemption_cancelled(day(35)))) == [("redemption_cancelled", 20, 50)]
    assert points(run)["expired"] == 100


def test_a_redemption_all_of_which_expired_gives_nothing_back() -> None:
    run = driver(expire_after_days=30)
    run.feed(order("o1", "100", day(0)), redeemed(100, day(11)))
    run.pass_to(day(40))
    assert run.feed(redemption_cancelled(day(40))) == []
    assert points(run)["balance"] == 0


def test_cancelled_twice_it_gives_back_once() -> None:
    run = driver()
    run.feed(order("o1", "100", day(0)), redeemed(80, day(1)), redemption_cancelled(day(2)))
    assert run.feed(redemption_cancelled(day(3))) == []
    assert points(run)["balance"] == 100
    assert run.partition.context.tally.unmatched == 0


def test_a_redemption_told_again_after_its_cancellation_is_a_duplicate() -> None:
    run = driver()
    run.feed(order("o1", "100", day(0)), redeemed(80, day(1)), redemption_cancelled(day(2)))
    assert run.feed(redeemed(80, day(3))) == []
    assert run.reject(redeemed(70, day(4))) == "conflict"
    assert points(run)["balance"] == 100


def test_a_cancellation_that_comes_first_leaves_neither_an_effect() -> None:
    run = driver()
    run.feed(order("o1", "100", day(0)))
    assert run.feed(redemption_cancelled(day(3)), redeemed(80, day(2))) == []
    assert run.reject(redeemed(70, day(5))) == "conflict", "its id is taken"
    assert points(run)["balance"] == 100
    assert movements(run.feed(redeemed(30, day(6), redemption_id="p2"))) == [
        ("redemption", -30, 70)
    ]


def test_a_redemption_that_was_cancelled_first_may_be_cancelled_again() -> None:
    run = driver()
    run.feed(order("o1", "100", day(0)), redemption_cancelled(day(3)), redeemed(80, day(2)))
    assert run.feed(redemption_cancelled(day(4))) == []
    assert run.unmatched == 0


def test_cancellations_that_never_meet_their_redemption_are_counted() -> None:
    run = driver()
    for number in range(MAX_REDEMPTIONS + 2):
        run.feed(redemption_cancelled(day(1, 0, number), redemption_id=f"x{number}"))
    assert run.partition.context.tally.unmatched == 2


def test_what_comes_back_is_set_against_what_is_owed_first() -> None:
    run = driver()
    run.feed(order("o1", "100", day(0)), redeemed(100, day(1)), refund("o1", "100", day(2)))
    assert points(run)["balance"] == -100
    assert movements(run.feed(redemption_cancelled(day(3)))) == [("redemption_cancelled", 100, 0)]
    assert movements(run.feed(order("o2", "10", day(4)))) == [("order", 10, 10)]


def test_a_merge_brings_a_cancellation_to_its_redemption() -> None:
    run = driver(expire_after_days=30)
    run.feed(
        order("o1", "100", day(0)),
        redeemed(100, day(1)),
        redemption_cancelled(day(2), customer="bob"),
    )
    changes = movements(run.feed(merged("ana", day(3), customer="bob")))
    assert changes == [("merge", 100, 100)]
    assert movements(run.feed(redemption_cancelled(day(4)))) == []


def test_merged_redemptions_can_still_be_cancelled() -> None:
    run = driver()
    run.feed(
        order("o1", "100", day(0), customer="bob"),
        redeemed(60, day(1), customer="bob", redemption_id="theirs"),
        order("o2", "50", day(0)),
        redeemed(50, day(1), redemption_id="own"),
        merged("ana", day(2), customer="bob"),
    )
    given = run.feed(
        redemption_cancelled(day(3), redemption_id="theirs"),
        redemption_cancelled(day(3), redemption_id="own"),
    )
    assert movements(given) == [
        ("redemption_cancelled", 60, 100),
        ("redemption_cancelled", 50, 150),
    ]


def test_lots_of_so_many_redemptions_are_kept() -> None:
    account = Account()
    for number in range(MAX_REDEMPTIONS * 2):
        for lot in range(20):
            account.earn(1, number * 20 + lot, None)
        assert account.redeem(f"r{number}", 20)
    assert sum(len(spent.lots) for spent in account.spent.spent) <= MAX_LOTS
    assert account.cancel(f"r{MAX_REDEMPTIONS * 2 - 1}", 0) == 0
    assert account.balance == 20
    assert account.cancel(f"r{MAX_REDEMPTIONS + 1}", 0) == 1, "its lots are forgotten"


def test_a_redemption_of_an_older_format_cannot_be_cancelled() -> None:
    run = driver(number=2)
    run.feed(order("o1", "100", day(0)), redeemed(80, day(1)))
    assert pack(run.state(), 2)
    assert run.reject(redemption_cancelled(day(2))) == "unknown_type"
    assert run.reject(adjusted(5, day(2))) == "unknown_type"


def test_after_the_format_has_risen_only_newer_redemptions_can_be_cancelled() -> None:
    run = driver(number=2)
    run.feed(order("o1", "100", day(0)), redeemed(80, day(1)))
    run.raise_format(NEWEST)
    assert run.feed(redemption_cancelled(day(2))) == []
    assert run.unmatched == 1
    run.feed(redeemed(20, day(3), redemption_id="new"))
    cancelled = run.feed(redemption_cancelled(day(4), redemption_id="new"))
    assert movements(cancelled) == [("redemption_cancelled", 20, 20)]


def test_without_points_in_the_policy_nothing_moves() -> None:
    run = Driver(format_number=NEWEST)
    run.feed(order("o1", "100", day(0)))
    assert run.feed(redemption_cancelled(day(2)), adjusted(5, day(2))) == []
    assert run.state().points is None


def test_a_state_keeps_what_can_be_cancelled() -> None:
    run = driver(expire_after_days=30)
    run.feed(order("o1", "100", day(0)), redeemed(80, day(1)))
    run.feed(redemption_cancelled(day(2), redemption_id="later"))
    account = unpack(pack(run.state())).points
    assert account is not None
    assert account.cancel("p1", day_ms(3)) == 0
    assert account.balance == 100
    assert account.was_cancelled("later", 5)


# By hand


def test_points_given_by_hand_expire_like_earned_ones() -> None:
    run = driver(expire_after_days=30)
    (told,) = run.feed(adjusted(250, day(2), reason="broken parcel"))
    assert pick([told], "cause", "delta", "balance", "adjustment_reason", "next_expiry_at") == [
        ("adjustment", 250, 250, "broken parcel", day(32))
    ]
    assert points(run)["earned"] == 250


def test_points_taken_by_hand_are_the_oldest() -> None:
    run = driver(expire_after_days=30)
    run.feed(order("o1", "100", day(0)), order("o2", "50", day(10)))
    assert movements(run.feed(adjusted(-120, day(11)))) == [("adjustment", -120, 30)]
    assert points(run)["next_expiry_at"] == day(40)
    assert points(run)["taken_back"] == 120


def test_points_taken_by_hand_may_leave_a_balance_below_zero() -> None:
    run = driver()
    run.feed(order("o1", "30", day(0)))
    assert movements(run.feed(adjusted(-50, day(1)))) == [("adjustment", -50, -20)]
    assert movements(run.feed(adjusted(70, day(2)))) == [("adjustment", 70, 50)]
    assert movements(run.feed(redeemed(50, day(3)))) == [("redemption", -50, 0)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (adjusted(0, day(1)), "invalid_value"),
        (adjusted(10**12 + 1, day(1)), "invalid_value"),
        (adjusted(-(10**12) - 1, day(1)), "invalid_value"),
        (adjusted(1.5, day(1)), "wrong_type"),
        (adjusted("5", day(1)), "wrong_type"),
        (adjusted(True, day(1)), "wrong_type"),
        (adjusted(5, day(1), reason=""), "missing_field"),
        (without(adjusted(5, day(1)), "reason"), "missing_field"),
        (adjusted(5, day(1), reason="r" * 129), "invalid_value"),
        (adjusted(5, day(1), reason="r" * 128), None),
        (adjusted(-(10**12), day(1)), None),
        (without(redemption_cancelled(day(1)), "redemption_id"), "missing_field"),
    ],
)
def test_what_a_movement_by_hand_must_be(line: bytes, reason: str | None) -> None:
    assert driver().reject(line) == reason


def test_an_adjustment_told_again_moves_once() -> None:
    run = driver()
    line = adjusted(5, day(1))
    run.feed(line, line)
    assert points(run)["balance"] == 5
    assert run.reject(edited(line, points=6)) == "conflict"
