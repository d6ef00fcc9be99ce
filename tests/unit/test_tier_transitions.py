"""The four rules of movement, as verdicts and through the state machine."""

from __future__ import annotations

import pytest

from scoring.policy import Cutoffs, Movement, Policy, Tier
from scoring.rules import Rules
from scoring.tiers import Transition, transition
from tests.builders import (
    cancelled,
    consent,
    day,
    order,
    paid,
    payment_failed,
    refund,
    viewed,
)
from tests.driver import Driver, pick

GOLD, SILVER, BRONZE, BASE, PROSPECT = range(5)
TODAY = 100
TIERS = (
    Tier("gold", min_monetary="1000"),
    Tier("silver", min_monetary="500"),
    Tier("bronze", min_monetary="100"),
    Tier("base"),
)


def policy(grace_days: int = 30, *, soft_landing: bool = True, window_days: int = 365) -> Policy:
    """Tiers by money alone; digits change with no recency that a test reaches."""
    return Policy(
        window_days=window_days,
        tiers=TIERS,
        movement=Movement(grace_days, soft_landing),
        cutoffs=Cutoffs(recency_days=(9_000, 9_001, 9_002, 9_003)),
    )


def verdict(
    current: int,
    qualified: int,
    until: int | None = None,
    *,
    grace_days: int = 30,
    soft_landing: bool = True,
    lowered: bool = False,
) -> Transition:
    rules = Rules(policy(grace_days, soft_landing=soft_landing))
    return transition(rules, current, qualified, until, TODAY, lowered_by_event=lowered)


def stays(rank: int, until: int | None = None, *, starts: bool = False) -> Transition:
    return Transition(rank, until, grace_starts=starts, grace_ended=False)


def falls(rank: int) -> Transition:
    """A fall at once, which ends a hold."""
    return stays(rank)._replace(hold_ends=True)


@pytest.mark.parametrize("until", [None, TODAY - 1, TODAY + 9])
def test_rule_1_better_moves_there_at_once_and_clears_the_grace(until: int | None) -> None:
    assert verdict(BRONZE, GOLD, until) == stays(GOLD)


@pytest.mark.parametrize("until", [None, TODAY - 1, TODAY + 9])
def test_rule_2_equal_clears_the_grace(until: int | None) -> None:
    assert verdict(SILVER, SILVER, until) == stays(SILVER)


@pytest.mark.parametrize("until", [None, TODAY + 9])
@pytest.mark.parametrize("soft_landing", [True, False])
def test_rule_3_lowered_by_this_event_moves_there_at_once_and_clears_the_grace(
    until: int | None, soft_landing: bool
) -> None:
    assert verdict(GOLD, BASE, until, soft_landing=soft_landing, lowered=True) == falls(BASE)


def test_rule_3_makes_a_prospect_without_steps() -> None:
    assert verdict(GOLD, PROSPECT, lowered=True) == falls(PROSPECT)


def test_rule_4_without_grace_days_moves_there_at_once() -> None:
    assert verdict(GOLD, BASE, grace_days=0) == stays(BASE)


def test_rule_4_starts_a_grace() -> None:
    assert verdict(GOLD, BASE) == stays(GOLD, TODAY + 30, starts=True)


def test_rule_4_lets_a_running_grace_run() -> None:
    assert verdict(GOLD, BASE, TODAY + 1) == stays(GOLD, TODAY + 1)


@pytest.mark.parametrize("until", [TODAY, TODAY - 5])
def test_rule_4_a_soft_landing_is_one_step_and_a_new_grace(until: int) -> None:
    assert verdict(GOLD, BASE, until) == Transition(
        SILVER, TODAY + 30, grace_starts=True, grace_ended=True
    )


def test_rule_4_the_last_step_of_a_soft_landing_starts_no_grace() -> None:
    assert verdict(BRONZE, BASE, TODAY) == Transition(
        BASE, None, grace_starts=False, grace_ended=True
    )


def test_rule_4_a_hard_landing_goes_to_the_qualified_tier() -> None:
    assert verdict(GOLD, BASE, TODAY, soft_landing=False) == Transition(
        BASE, None, grace_starts=False, grace_ended=True
    )


def test_an_order_lifts_over_several_tiers_at_once() -> None:
    driver = Driver(policy())
    [change] = driver.feed(order("o1", "1000", day(0)))
    assert (change["previous_tier"], change["tier"], change["direction"]) == (
        "prospect",
        "gold",
        "up",
    )


def test_no_event_is_needed_for_a_tier_to_fall_step_by_step() -> None:
    driver = Driver(policy(grace_days=10, window_days=100))
    driver.feed(order("o1", "1000", day(0, 15)))
    falls = driver.pass_to(day(300))
    assert [(f["tier"], f["reason"], f["effective_at"]) for f in changes(falls)] == [
        ("silver", "grace_expired", day(110)),
        ("bronze", "grace_expired", day(120)),
        ("base", "grace_expired", day(130)),
    ]


def changes(outputs: list[dict[str, object]]) -> list[dict[str, object]]:
    return [output for output in outputs if output["type"] == "tier.changed"]


def test_a_hard_landing_falls_once() -> None:
    driver = Driver(policy(grace_days=10, soft_landing=False, window_days=100))
    driver.feed(order("o1", "1000", day(0, 15)))
    [fall] = changes(driver.pass_to(day(300)))
    assert (fall["tier"], fall["effective_at"]) == ("base", day(110))


def test_without_grace_days_a_tier_falls_the_day_an_order_leaves() -> None:
    driver = Driver(policy(grace_days=0, window_days=100))
    driver.feed(order("o1", "1000", day(0, 15)))
    [fall] = changes(driver.pass_to(day(300)))
    assert (fall["tier"], fall["reason"], fall["effective_at"]) == ("base", "window", day(100))
    assert fall["caused_by"] == ["o1"]


def test_a_grace_ends_at_the_start_of_its_last_business_day_not_before() -> None:
    driver = Driver(policy(grace_days=10, window_days=100))
    driver.feed(order("o1", "1000", day(0)))
    assert not changes(driver.pass_to(day(109, 23, 59, 59, 999)))
    assert pick(changes(driver.pass_to(day(110))), "tier") == ["silver"]


def test_an_order_within_the_grace_keeps_the_tier_without_a_word() -> None:
    driver = Driver(policy(grace_days=10, window_days=100))
    driver.feed(order("o1", "1000", day(0)))
    driver.pass_to(day(105))
    assert driver.state().grace is not None
    assert not changes(driver.feed(order("o2", "1000", day(106))))
    assert driver.state().grace is None
    assert not changes(driver.pass_to(day(205)))


def test_an_order_that_is_not_enough_leaves_the_grace_as_it_runs() -> None:
    driver = Driver(policy(grace_days=10, window_days=100))
    driver.feed(order("o1", "1000", day(0)))
    driver.feed(order("o2", "500", day(105)))
    [fall] = changes(driver.pass_to(day(111)))
    assert (fall["tier"], fall["effective_at"]) == ("silver", day(110))


def test_refund_withdraws_the_upgrade_it_caused() -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "100", day(0)), order("o2", "900", day(1)))
    [fall] = driver.feed(refund("o2", "900", day(2)))
    assert (fall["previous_tier"], fall["tier"], fall["reason"]) == ("gold", "bronze", "refund")
    assert fall["direction"] == "down"


@pytest.mark.parametrize(
    ("lowering", "reason"),
    [
        (cancelled("o2", day(2)), "cancellation"),
        (payment_failed("o2", day(2)), "cancellation"),
        (order("o2", "900", day(1), payment_status="failed", event_id="again"), "cancellation"),
        (refund("o2", "600", day(2)), "refund"),
    ],
)
def test_whatever_takes_an_order_back_lowers_at_once(lowering: bytes, reason: str) -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "100", day(0)), order("o2", "900", day(1)))
    [fall] = driver.feed(lowering)
    assert fall["reason"] == reason
    assert driver.state().grace is None


def test_a_refund_that_lowers_no_tier_changes_nothing() -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "1500", day(0)))
    assert driver.feed(refund("o1", "500", day(2))) == []
    assert driver.profile()["tier"] == "gold"


def test_a_refund_within_a_grace_that_lowers_the_qualified_tier_ends_it_at_once() -> None:
    """Kept as gold, worth silver; the refund makes it worth bronze: rule 3, not the grace."""
    driver = Driver(policy(grace_days=30, window_days=100))
    driver.feed(order("o1", "600", day(0)), order("o2", "600", day(50)))
    driver.pass_to(day(105))
    assert driver.state().grace is not None
    [fall] = driver.feed(refund("o2", "200", day(106)))
    assert (fall["previous_tier"], fall["tier"], fall["reason"]) == ("gold", "bronze", "refund")
    assert driver.state().grace is None


def test_a_refund_within_a_grace_that_does_not_lower_the_qualified_tier_leaves_it() -> None:
    driver = Driver(policy(grace_days=30, window_days=100))
    driver.feed(order("o1", "600", day(0)), order("o2", "600", day(50)))
    driver.pass_to(day(105))
    grace = driver.state().grace
    assert driver.feed(refund("o2", "50", day(106))) == []
    assert driver.state().grace == grace
    assert driver.profile()["tier"] == "gold"


def test_rule_3_compares_with_the_same_business_day_without_the_event() -> None:
    """On the day of the refund the first order has left as well: that part is not its doing."""
    driver = Driver(policy(grace_days=30, window_days=100))
    driver.feed(order("o1", "600", day(0)), order("o2", "600", day(50)))
    assert driver.feed(refund("o2", "50", day(100, 5))) == []
    assert driver.profile()["tier"] == "gold"


def test_a_payment_failure_of_an_unknown_order_moves_nobody() -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "1000", day(0)))
    assert driver.feed(payment_failed("o9", day(1))) == []


def test_an_order_that_arrives_cancelled_lifts_nobody() -> None:
    driver = Driver(policy())
    driver.feed(cancelled("o1", day(1)))
    assert driver.feed(order("o1", "1000", day(0))) == []
    assert driver.profile()["tier"] == "prospect"


def test_becoming_known_as_a_prospect_is_no_change() -> None:
    driver = Driver(policy())
    assert driver.feed(viewed(day(0)), consent(True, day(0))) == []
    assert driver.profile()["tier"] == "prospect"


def test_a_customer_whose_only_order_is_cancelled_is_a_prospect_again() -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "1000", day(0)))
    [fall] = driver.feed(cancelled("o1", day(1)))
    assert (fall["tier"], fall["direction"], fall["after"]) == ("prospect", "down", None)
    assert driver.profile()["stage"] == "prospect"


def test_with_count_orders_paid_an_order_lifts_when_it_is_paid() -> None:
    driver = Driver(Policy(count_orders="paid", tiers=TIERS))
    assert driver.feed(order("o1", "1000", day(0))) == []
    [rise] = driver.feed(paid("o1", day(3)))
    assert (rise["tier"], rise["reason"], rise["caused_by"]) == (
        "gold",
        "order",
        [f"order.paid:ana:{day(3)}:o1"],
    )
    assert rise["after"]["recency_days"] == 3, "it counts at the time it was placed"


def test_a_tier_falls_when_its_own_recency_is_passed() -> None:
    tiers = (Tier("fresh", max_recency_days=20), Tier("base"))
    driver = Driver(Policy(tiers=tiers, movement=Movement(grace_days=0)))
    driver.feed(order("o1", "10", day(0, 12)))
    assert not driver.pass_to(day(20, 23, 59, 59, 999))
    [fall] = driver.pass_to(day(21))
    assert (fall["tier"], fall["reason"], fall["caused_by"]) == ("base", "window", [])


def test_business_days_are_those_of_the_policys_zone() -> None:
    """The order of 23:00 UTC belongs to the next day in Shanghai, and leaves with it."""
    shanghai = Policy(
        timezone="Asia/Shanghai",
        window_days=10,
        tiers=TIERS,
        movement=Movement(grace_days=0),
        cutoffs=Cutoffs(recency_days=(9_000, 9_001, 9_002, 9_003)),
    )
    driver = Driver(shanghai)
    driver.feed(order("o1", "1000", day(0, 23)))
    [fall] = driver.pass_to(day(20))
    assert fall["effective_at"] == day(10, 16)


def test_a_fall_has_the_action_for_falls_where_its_tier_has_one() -> None:
    tiers = (
        Tier("gold", action="dedicated", min_monetary="500"),
        Tier("silver", action="offer", action_down="keep_in_touch", min_monetary="100"),
        Tier("base", action="nurture"),
    )
    driver = Driver(Policy(tiers=tiers))
    driver.feed(order("o1", "100", day(0)), order("o2", "400", day(1)))
    driver.feed(refund("o2", "400", day(2)), refund("o1", "50", day(3)))
    changes = [output for output in driver.outputs if output["type"] == "tier.changed"]
    assert pick(changes, "tier", "direction", "action") == [
        ("silver", "up", "offer"),
        ("gold", "up", "dedicated"),
        ("silver", "down", "keep_in_touch"),
        ("base", "down", "nurture"),
    ]
