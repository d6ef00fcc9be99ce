"""What the optional sections of a policy make of a merge: points, care, satisfaction, tags."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from scoring.points.account import Account
from scoring.points.redemptions import MAX_LOTS
from scoring.policy import (
    Activity,
    CarePolicy,
    Holdout,
    Holiday,
    Movement,
    Occasion,
    PointsPolicy,
    Policy,
    Refresh,
    Satisfaction,
    Silence,
    TagRule,
    Tier,
)
from scoring.satisfaction import MAX_KEPT, Experience
from tests.builders import (
    activity,
    cancelled,
    day,
    merged,
    order,
    paid,
    profile,
    redeemed,
    refund,
    survey,
    ticket_opened,
    ticket_resolved,
    viewed,
)
from tests.driver import Driver, pick

BASE = Policy(
    tiers=(Tier("gold", min_frequency=3), Tier("base")),
    movement=Movement(grace_days=0),
    window_days=90,
)


def with_points(**points: Any) -> Policy:
    return replace(BASE, points=PointsPolicy(**points))


def movements(outputs: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    changes = [output for output in outputs if output["type"] == "points.changed"]
    return pick(changes, "cause", "delta", "balance")


# Points


def test_all_points_come_and_one_change_reports_their_sum() -> None:
    driver = Driver(with_points())
    driver.feed(order("o1", "100", day(0)), order("o2", "30", day(1), "ben"), redeemed(40, day(2)))
    told = driver.feed(merged("ben", day(3)))
    assert movements(told) == [("merge", 60, 90)]
    (change,) = told
    assert change["caused_by"] == [f"customer.merged:ana:{day(3)}"]
    assert (change["order_id"], change["activity"], change["redemption_id"]) == (None, None, None)
    expected = {"balance": 90, "earned": 130, "redeemed": 40, "taken_back": 0, "expired": 0}
    assert driver.profile("ben")["points"].items() >= expected.items()


def test_without_points_on_either_side_nothing_goes_out() -> None:
    driver = Driver(with_points())
    driver.feed(viewed(day(0)), order("o2", "30", day(1), "ben"))
    assert driver.feed(merged("ben", day(3))) == []


def test_each_point_expires_when_it_would_have() -> None:
    driver = Driver(with_points(expire_after_days=30))
    driver.feed(order("o1", "100", day(0)), order("o2", "30", day(5), "ben"), merged("ben", day(6)))
    told = [one for one in driver.pass_to(day(50)) if one["type"] == "points.changed"]
    assert pick(told, "effective_at", "cause", "delta", "balance") == [
        (day(30), "expiry", -100, 30),
        (day(35), "expiry", -30, 0),
    ]


def test_what_one_owes_is_paid_from_what_the_other_has_oldest_first() -> None:
    for debtor, creditor in (("ana", "ben"), ("ben", "ana")):
        driver = Driver(with_points(expire_after_days=30))
        driver.feed(
            order("o1", "100", day(0), debtor),
            redeemed(100, day(1), debtor),
            cancelled("o1", day(2), debtor),
            order("o2", "60", day(3), creditor),
            order("o3", "70", day(4), creditor),
            merged("ben", day(5)),
        )
        found = driver.profile("ben")["points"]
        assert (found["balance"], found["next_expiry_at"]) == (30, day(34))
        assert found["next_expiry_points"] == 30


def test_points_that_had_expired_by_then_pay_nothing() -> None:
    """The survivor's clock is ahead: what ana has is gone at it."""
    driver = Driver(with_points(expire_after_days=30), lateness_ms=2**41)
    driver.feed(
        order("o1", "100", day(0), "ben"),
        redeemed(100, day(1), "ben"),
        cancelled("o1", day(29), "ben"),
        viewed(day(40), "ben"),
        order("o2", "100", day(2)),
    )
    told = driver.feed(merged("ben", day(3)))
    assert movements(told) == []
    assert driver.profile("ben")["points"]["balance"] == -100
    assert driver.profile("ben")["points"]["expired"] == 100


def test_what_an_order_gave_under_both_ids_is_taken_back_once() -> None:
    driver = Driver(with_points())
    driver.feed(order("o1", "100", day(0)), order("o1", "100", day(1), "ben"))
    assert movements(driver.feed(merged("ben", day(2)))) == []
    assert driver.profile("ben")["points"].items() >= {"balance": 100, "taken_back": 100}.items()
    driver.feed(cancelled("o1", day(3)))
    assert driver.profile("ben")["points"]["balance"] == 0


def test_what_an_order_gave_under_the_old_id_alone_stays() -> None:
    """It was pending under one id, and paid under the other."""
    driver = Driver(replace(with_points(), count_orders="paid"))
    driver.feed(order("o1", "100", day(0)), paid("o1", day(0)), order("o1", "100", day(1), "ben"))
    assert movements(driver.feed(merged("ben", day(2)))) == [("merge", 100, 100)]
    assert driver.profile("ben")["points"]["taken_back"] == 0


def test_a_refund_that_had_waited_takes_points_back_by_the_merge() -> None:
    driver = Driver(with_points())
    driver.feed(order("o1", "100", day(0), "ben"), refund("o1", "30", day(1)))
    assert movements(driver.feed(merged("ben", day(2)))) == [("merge", -30, 70)]


def test_an_order_that_comes_to_count_by_the_merge_earns_by_the_survivors_tier_before() -> None:
    policy = with_points(rate="1", rates={"prospect": "3"})
    driver = Driver(replace(policy, count_orders="paid"))
    driver.feed(order("o1", "100", day(0)), paid("o1", day(1), "ben"))
    assert movements(driver.feed(merged("ben", day(2)))) == [("merge", 300, 300)]


def test_redemptions_of_both_are_known_each_in_its_points() -> None:
    driver = Driver(with_points())
    driver.feed(
        order("o1", "100", day(0)),
        order("o2", "100", day(0), "ben"),
        redeemed(10, day(1), redemption_id="r"),
        redeemed(20, day(1), "ben", redemption_id="r"),
        merged("ben", day(2)),
    )
    driver.feed(redeemed(10, day(3), redemption_id="r"), redeemed(20, day(4), redemption_id="r"))
    assert (driver.duplicates, driver.dead_letters) == (2, [])
    assert driver.reject(redeemed(30, day(5), redemption_id="r")) == "conflict"


def test_activities_of_both_count_towards_their_limits() -> None:
    referral = Activity(50, in_all=3)
    driver = Driver(with_points(activities={"referral": referral, "visit": Activity(5, per_day=2)}))
    driver.feed(
        *(activity("referral", day(n)) for n in range(2)),
        activity("referral", day(2), "ben"),
        activity("visit", day(3, 1)),
        activity("visit", day(3, 2), "ben"),
        merged("ben", day(3, 3)),
    )
    assert movements(driver.feed(activity("referral", day(3, 4)))) == []
    assert movements(driver.feed(activity("visit", day(3, 5)))) == []
    assert movements(driver.feed(activity("visit", day(4)))) == [("activity", 5, 165)]


def test_of_another_day_than_the_newest_no_activity_counts_towards_the_limit_of_a_day() -> None:
    driver = Driver(with_points(activities={"visit": Activity(5, per_day=2)}))
    driver.feed(activity("visit", day(2), "ben"), activity("visit", day(3)))
    driver.feed(merged("ben", day(3, 1)))
    told = driver.feed(activity("visit", day(3, 2)), activity("visit", day(3, 3)))
    assert movements(told) == [("activity", 5, 15)]


def test_what_came_while_no_policy_had_points_goes_out_when_one_has() -> None:
    driver = Driver(with_points())
    driver.feed(order("o1", "100", day(0)), order("o2", "30", day(0), "ben"))
    driver.activate(BASE, "without")
    assert movements(driver.feed(merged("ben", day(1)))) == []
    told = driver.activate(with_points(), "with")
    assert movements(told) == [("policy", 100, 130)]
    assert movements(driver.activate(BASE, "off") + driver.activate(with_points(), "on")) == []


@given(
    st.lists(
        st.tuples(
            st.booleans(), st.sampled_from(["earn", "redeem", "back", "expire"]), st.integers(1, 60)
        )
    )
)
def test_joined_accounts_keep_the_sum_and_owe_only_what_they_have_not(
    told: list[tuple[bool, str, int]],
) -> None:
    accounts = Account(), Account()
    for number, (which, kind, points) in enumerate(told):
        account = accounts[which]
        if kind == "earn":
            account.earn(points, number // 3, 20 + number if points % 2 else None)
        elif kind == "redeem":
            account.redeem(f"r{number}", points)
        elif kind == "back":
            account.take_back(points, number // 3, None)
        else:
            account.expire(number)
    own, other = accounts
    balance = own.balance + other.balance
    expiring = {lot.expires_ms for account in accounts for lot in account.lots}
    own.join(other)
    assert own.balance == balance == sum(lot.points for lot in own.lots) - own.owed
    assert not (own.owed and own.lots)
    assert all(lot.points > 0 and lot.expires_ms in expiring for lot in own.lots)
    assert [lot.day for lot in own.lots] == sorted(lot.day for lot in own.lots)


def test_joined_accounts_keep_to_the_limit_of_days() -> None:
    own, other = Account(), Account()
    for number in range(MAX_LOTS):
        own.earn(1, 2 * number, None)
        other.earn(1, 2 * number + 1, None)
    own.join(other)
    assert (len(own.lots), own.balance) == (MAX_LOTS, 2 * MAX_LOTS)


# Care


def care(**sections: Any) -> Policy:
    return replace(BASE, care=CarePolicy(**sections))


def reminders(driver: Driver, until: str) -> list[tuple[str, str, str]]:
    told = [one for one in driver.pass_to(until) if one["topic"] == "care-reminders"]
    return pick(told, "subject", "type", "effective_at")


def test_nobody_is_reminded_of_a_date_twice() -> None:
    spring = Holiday("spring", ("2025-02-10",), days_ahead=7)
    policy = care(birthday=Occasion(days_ahead=7), holidays=(spring,))
    driver = Driver(policy)
    driver.feed(order("o1", "5", day(0)), profile({"birth_date": "1990-02-12"}, day(0)))
    assert len(reminders(driver, day(35))) == 2
    driver.feed(
        order("o2", "5", day(1), "ben"),
        profile({"birth_date": "1990-02-12"}, day(1), "ben"),
        merged("ben", day(35, 1)),
    )
    assert reminders(driver, day(300)) == [], "ben would have been reminded on the next day"


def test_nobody_is_reminded_of_a_silence_twice_and_the_newest_of_both_begins_it() -> None:
    driver = Driver(care(checkin={"base": Silence(days=10)}))
    driver.feed(order("o1", "5", day(0)), order("o2", "5", day(5), "ben"))
    driver.feed(merged("ben", day(6)))
    assert reminders(driver, day(40)) == [("ben", "checkin.due", day(15))]


def test_an_old_profile_of_which_one_was_reminded_goes_out_once() -> None:
    driver = Driver(care(profile_refresh=Refresh(days=30)))
    driver.feed(viewed(day(0)))
    assert len(reminders(driver, day(30))) == 1
    driver.feed(viewed(day(29), "ben"), merged("ben", day(31)))
    driver.activate(care(profile_refresh=Refresh(days=50)))
    assert reminders(driver, day(200)) == [], "nor under a new rule"


def test_a_silence_reminded_of_under_one_is_not_reminded_of_under_the_other_by_another_tier() -> (
    None
):
    driver = Driver(care(checkin={"base": Silence(days=10), "gold": Silence(days=20)}))
    driver.feed(*(order(f"o{n}", "5", day(2), "ben") for n in range(3)), order("o9", "5", day(5)))
    assert reminders(driver, day(15)) == [("ana", "checkin.due", day(15))]
    driver.feed(merged("ben", day(16)))
    assert driver.profile("ben")["tier"] == "gold"
    assert reminders(driver, day(80)) == []


def test_an_old_profile_is_one_since_the_newest_word_of_both() -> None:
    driver = Driver(care(profile_refresh=Refresh(days=30)))
    driver.feed(profile({"region": "n"}, day(0)), profile({"region": "s"}, day(8), "ben"))
    driver.feed(merged("ben", day(9)))
    assert reminders(driver, day(90)) == [("ben", "profile.refresh_due", day(38))]


# Satisfaction


def test_answers_and_resolutions_of_both_make_the_means() -> None:
    driver = Driver(replace(BASE, satisfaction=Satisfaction(answers=3, resolutions=5)))
    driver.feed(
        survey(1, day(0)),
        survey(5, day(2)),
        survey(4, day(1), "ben"),
        survey(2, day(3), "ben"),
        ticket_opened("t1", day(0)),
        ticket_resolved("t1", day(1)),
        ticket_opened("t2", day(0), "ben"),
        ticket_resolved("t2", day(3), "ben"),
        merged("ben", day(4)),
    )
    found = driver.profile("ben")["satisfaction"]
    assert (found["csat_last"], found["csat_mean"], found["csat_answers"]) == (2, "3.67", 3)
    assert (found["resolution_hours_mean"], found["resolutions"]) == ("48.00", 2)


def test_of_answers_of_both_the_newest_32_are_kept() -> None:
    own = Experience(csat=[(2 * n, 1) for n in range(MAX_KEPT)])
    own.join(Experience(csat=[(2 * n + 1, 2) for n in range(MAX_KEPT)]))
    assert own.csat == [(n, 1 + n % 2) for n in range(MAX_KEPT, 2 * MAX_KEPT)]


# Holdout


def test_the_survivors_place_in_the_holdout_is_that_of_its_own_id() -> None:
    driver = Driver(replace(BASE, holdout=Holdout(share="0.5", salt="s")))
    driver.feed(*(viewed(day(0), f"c{n}") for n in range(8)))
    before = {f"c{n}": driver.profile(f"c{n}")["holdout"] for n in range(8)}
    out = next(name for name, held in before.items() if held)
    kept = next(name for name, held in before.items() if not held)
    driver.feed(merged(kept, day(1), out))
    assert driver.profile(kept)["holdout"] is False


# Tags


TAGS = (
    TagRule("looks", "count", events=("page.viewed",), days=10, at_least="3"),
    TagRule("likes", "top", of="category", top=1, at_least="0.1"),
    TagRule("buyer", "orders", of="ever", at_least="1"),
)


def test_what_was_counted_and_weighed_of_both_makes_the_tags() -> None:
    driver = Driver(replace(BASE, tags=TAGS))
    driver.feed(
        viewed(day(0), category="hats"),
        viewed(day(1), category="hats"),
        viewed(day(1, 1), "ben", category="shoes"),
        order("o1", "5", day(1), "ben"),
    )
    (told,) = [one for one in driver.feed(merged("ben", day(2))) if one["type"] == "tags.changed"]
    assert pick(told["added"], "tag") == ["likes:hats", "looks"]
    assert pick(told["removed"], "tag") == ["likes:shoes"]
    assert pick([told], "reason", "late") == [("merge", False)]
    assert told["caused_by"] == [f"customer.merged:ana:{day(2)}"]
    assert pick(driver.profile("ben")["tags"], "tag") == ["buyer", "likes:hats", "looks"]


def test_what_is_counted_for_ever_is_the_sum_of_both() -> None:
    ever = TagRule("regular", "count", events=("page.viewed",), at_least="5")
    driver = Driver(replace(BASE, tags=(ever,)))
    driver.feed(*(viewed(day(n)) for n in range(3)), *(viewed(day(n), "ben") for n in range(2)))
    assert driver.profile("ben")["tags"] == []
    driver.feed(merged("ben", day(300)))
    assert pick(driver.profile("ben")["tags"], "tag") == ["regular"]


def test_counted_days_of_both_leave_the_window_on_their_own() -> None:
    driver = Driver(replace(BASE, tags=TAGS[:1]))
    driver.feed(*(viewed(day(n), who) for n, who in ((0, "ana"), (1, "ben"), (2, "ana"))))
    driver.feed(merged("ben", day(3)))
    (told,) = driver.pass_to(day(40))
    assert pick([told], "effective_at", "reason") == [(day(10), "time")]


def test_a_tag_of_who_was_merged_alone_is_new_for_the_survivor() -> None:
    """Since when it is true of the survivor, is the merge."""
    driver = Driver(replace(BASE, tags=TAGS))
    driver.feed(order("o1", "5", day(0)), viewed(day(1), "ben"), merged("ben", day(2)))
    assert driver.profile("ben")["tags"] == [{"tag": "buyer", "since": day(2)}]
