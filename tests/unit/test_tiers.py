"""Which tier is earned, what crossed, what comes next, how long it holds."""

from __future__ import annotations

from typing import Any

import pytest

from scoring.policy import Cutoffs, Movement, Policy, Tier, Weights
from scoring.rfm import Rfm, compute_rfm
from scoring.rules import Rules
from scoring.tiers import holds, qualified_rank
from tests.builders import cancelled, day, order, refund, viewed
from tests.driver import Driver, pick

NO_RECENCY = (9_000, 9_001, 9_002, 9_003)
MONEY = (Tier("gold", min_monetary="1000"), Tier("silver", min_monetary="100"), Tier("base"))


def rank(tier: Tier, found: Rfm) -> int:
    return qualified_rank(Rules(Policy(tiers=(tier, Tier("base")))), found)


EARNED = Rfm(
    recency_days=20,
    frequency=3,
    monetary=15_000,
    r=5,
    f=2,
    m=3,
    score=58,
    orders_ever=7,
    spend_ever=90_000,
)


@pytest.mark.parametrize(
    ("enough", "too_much"),
    [
        (Tier("t", min_score=58), Tier("t", min_score=59)),
        (Tier("t", min_r=5), None),
        (Tier("t", min_f=2), Tier("t", min_f=3)),
        (Tier("t", min_m=3), Tier("t", min_m=4)),
        (Tier("t", min_frequency=3), Tier("t", min_frequency=4)),
        (Tier("t", min_monetary="150"), Tier("t", min_monetary="150.01")),
        (Tier("t", max_recency_days=20), Tier("t", max_recency_days=19)),
        (Tier("t", min_orders_ever=7), Tier("t", min_orders_ever=8)),
        (Tier("t", min_spend_ever="900"), Tier("t", min_spend_ever="900.01")),
    ],
)
def test_each_condition_holds_up_to_its_cutoff(enough: Tier, too_much: Tier | None) -> None:
    assert rank(enough, EARNED) == 0
    assert too_much is None or rank(too_much, EARNED) == 1


def test_all_conditions_of_a_tier_must_hold() -> None:
    assert rank(Tier("t", min_score=50, min_r=5, min_frequency=3), EARNED) == 0
    assert rank(Tier("t", min_score=50, min_r=5, min_frequency=4), EARNED) == 1


def test_the_first_tier_that_is_earned_counts_even_below_one_that_is_not() -> None:
    rules = Rules(
        Policy(tiers=(Tier("a", min_f=5), Tier("b", min_r=5), Tier("c", min_r=4), Tier("d")))
    )
    assert qualified_rank(rules, EARNED) == 1


def test_prospects_rank_below_the_last_tier() -> None:
    assert qualified_rank(Rules(Policy(tiers=MONEY)), None) == 3


def test_no_condition_holds_for_a_prospect() -> None:
    [condition] = Rules(Policy(tiers=(Tier("a", min_frequency=0), Tier("b")))).tiers[0].conditions
    assert not holds(condition, None)
    assert holds(condition, compute_rfm(Rules(Policy()), 0, 0, 0, 0, 0))


def next_tier(driver: Driver) -> Any:
    """The tier above and the single order that it takes."""
    found = driver.profile()["next_tier"]
    return found and {name: found[name] for name in ("tier", "order_amount_needed")}


def test_next_tier_is_null_at_the_top() -> None:
    driver = Driver(Policy(tiers=MONEY))
    driver.feed(order("o1", "1000", day(0)))
    assert next_tier(driver) is None


def test_next_tier_is_the_one_directly_above_with_the_amount_that_is_missing() -> None:
    driver = Driver(Policy(tiers=MONEY))
    driver.feed(order("o1", "99.99", day(0)))
    assert next_tier(driver) == {"tier": "silver", "order_amount_needed": "0.01"}
    driver.feed(order("o2", "0.01", day(1)))
    assert next_tier(driver) == {"tier": "gold", "order_amount_needed": "900.00"}


def test_a_prospects_next_tier_is_the_last_one_for_any_order() -> None:
    driver = Driver(Policy(tiers=MONEY))
    driver.feed(viewed(day(0)))
    assert next_tier(driver) == {"tier": "base", "order_amount_needed": "0.00"}


def test_an_order_of_nothing_may_be_enough() -> None:
    driver = Driver(Policy(tiers=(Tier("twice", min_frequency=2), Tier("base"))))
    driver.feed(order("o1", "5", day(0)))
    assert next_tier(driver) == {"tier": "twice", "order_amount_needed": "0.00"}


def test_no_amount_is_enough_where_orders_are_missing() -> None:
    driver = Driver(Policy(tiers=(Tier("often", min_frequency=3), Tier("base"))))
    driver.feed(order("o1", "5", day(0)))
    assert next_tier(driver) == {"tier": "often", "order_amount_needed": None}


def test_no_order_can_be_larger_than_an_order_may_be() -> None:
    tiers = (Tier("mint", min_monetary="10000000001"), Tier("base"))
    driver = Driver(Policy(tiers=tiers))
    driver.feed(order("o1", "0.99", day(0)))
    assert next_tier(driver) == {"tier": "mint", "order_amount_needed": None}
    driver.feed(order("o2", "0.01", day(0)))
    assert next_tier(driver) == {"tier": "mint", "order_amount_needed": "10000000000.00"}


def test_the_amount_needed_may_raise_the_money_digit_for_the_score() -> None:
    """One order of 120: digits 5, 1, 2. Another today makes F 2; 880 take M to 5."""
    driver = Driver()
    driver.feed(order("o1", "120", day(0)))
    assert next_tier(driver) == {"tier": "A", "order_amount_needed": "880.00"}


def test_the_amount_needed_counts_today_as_the_day_of_the_order() -> None:
    """After 100 days R is 3; an order today makes it 5."""
    driver = Driver(Policy(tiers=(Tier("fresh", min_r=5), Tier("base"))))
    driver.feed(order("o1", "5", day(0)))
    driver.pass_to(day(200))
    assert driver.profile()["tier"] == "base"
    assert next_tier(driver) == {"tier": "fresh", "order_amount_needed": "0.00"}


def test_the_next_tier_or_a_better_one_counts() -> None:
    """No amount earns the tier above (five orders), but 500 earns the one above that."""
    tiers = (Tier("rich", min_monetary="500"), Tier("often", min_frequency=5), Tier("base"))
    driver = Driver(Policy(tiers=tiers))
    driver.feed(order("o1", "100", day(0)))
    assert next_tier(driver) == {"tier": "often", "order_amount_needed": "400.00"}


def test_the_amount_needed_is_taken_as_paid() -> None:
    driver = Driver(Policy(tiers=MONEY, count_orders="paid"))
    driver.feed(order("o1", "60", day(0), payment_status="paid"), order("o2", "60", day(0)))
    assert next_tier(driver) == {"tier": "silver", "order_amount_needed": "40.00"}


def test_amounts_have_the_digits_of_the_base_currency() -> None:
    driver = Driver(Policy(tiers=MONEY, currency="JPY"))
    driver.feed(order("o1", "60", day(0), currency="JPY"))
    assert next_tier(driver) == {"tier": "silver", "order_amount_needed": "40"}


def fading(grace_days: int = 30, *, soft_landing: bool = True) -> Policy:
    return Policy(
        tiers=MONEY,
        window_days=100,
        movement=Movement(grace_days, soft_landing),
        cutoffs=Cutoffs(recency_days=NO_RECENCY),
    )


@pytest.mark.parametrize(("grace_days", "until"), [(0, 100), (1, 101), (30, 130)])
def test_keeps_until_is_the_instant_of_the_next_fall(grace_days: int, until: int) -> None:
    driver = Driver(fading(grace_days))
    [rise] = driver.feed(order("o1", "1000", day(0, 15)))
    assert rise["keeps_until"] == day(until)
    [fall, *_] = [o for o in driver.pass_to(day(400)) if o["type"] == "tier.changed"]
    assert fall["effective_at"] == rise["keeps_until"]


def test_keeps_until_is_null_in_the_last_tier_and_for_prospects() -> None:
    driver = Driver(fading())
    driver.feed(order("o1", "5", day(0)), viewed(day(0), "ben"))
    assert driver.profile()["keeps_until"] is None
    assert driver.profile("ben")["keeps_until"] is None


def test_keeps_until_is_null_where_time_changes_nothing() -> None:
    """Somebody who bought once, ever, stays in this tier however long ago it was."""
    tiers = (Tier("buyer", min_score=0), Tier("base"))
    driver = Driver(Policy(tiers=tiers))
    driver.feed(order("o1", "5", day(0)))
    assert driver.profile()["keeps_until"] is None


def test_keeps_until_of_a_running_grace_is_its_end() -> None:
    driver = Driver(fading(30))
    driver.feed(order("o1", "1000", day(0)))
    driver.pass_to(day(105))
    assert driver.profile()["keeps_until"] == day(130)


def test_keeps_until_after_a_soft_landing_is_the_next_step() -> None:
    driver = Driver(fading(30))
    driver.feed(order("o1", "1000", day(0)))
    falls = [o for o in driver.pass_to(day(300)) if o["type"] == "tier.changed"]
    assert pick(falls, "tier", "effective_at", "keeps_until") == [
        ("silver", day(130), day(160)),
        ("base", day(160), None),
    ]


def test_keeps_until_looks_through_orders_that_leave_without_harm() -> None:
    driver = Driver(fading(0))
    driver.feed(order("o1", "50", day(0)), order("o2", "150", day(10)), order("o3", "60", day(20)))
    assert driver.profile()["keeps_until"] == day(110)


def test_keeps_until_counts_the_orders_of_one_day_together() -> None:
    driver = Driver(fading(0))
    driver.feed(*(order(f"o{n}", "25", day(0, n)) for n in range(4)), order("x", "75", day(5)))
    assert driver.profile()["keeps_until"] == day(100)
    driver.feed(order("y", "25", day(6)))
    assert driver.profile()["keeps_until"] == day(105)


def test_keeps_until_is_an_instant_of_the_policys_zone() -> None:
    driver = Driver(
        Policy(
            timezone="America/New_York",
            tiers=MONEY,
            window_days=100,
            movement=Movement(0),
            cutoffs=Cutoffs(recency_days=NO_RECENCY),
        )
    )
    [rise] = driver.feed(order("o1", "1000", day(0, 15)))
    assert rise["keeps_until"] == day(100, 4), "summer time begins in between"


def test_keeps_until_steps_over_a_date_that_the_zone_skipped() -> None:
    """Samoa had no 30 December 2011: what would fall on it falls, and counts, on the 31st."""
    policy = Policy(
        timezone="Pacific/Apia",
        tiers=MONEY,
        window_days=10,
        movement=Movement(grace_days=5),
        cutoffs=Cutoffs(recency_days=NO_RECENCY),
    )
    driver = Driver(policy)
    [rise] = driver.feed(order("o1", "1000", "2011-12-20T22:00:00Z"))
    [fall, *_] = driver.pass_to("2012-02-01T00:00:00Z")
    assert fall["effective_at"] == rise["keeps_until"]


def test_crossed_are_the_conditions_of_the_higher_tier_that_came_to_hold() -> None:
    tiers = (Tier("a", min_score=40, min_frequency=1, min_monetary="10"), Tier("base"))
    driver = Driver(Policy(tiers=tiers))
    driver.feed(order("o1", "5", day(0)))
    [rise] = driver.feed(order("o2", "120", day(1, 6)))
    assert rise["crossed"] == [
        {"measure": "score", "before": 33, "after": 50, "cutoff": 40, "at": day(1, 6)},
        {
            "measure": "monetary",
            "before": "5.00",
            "after": "125.00",
            "cutoff": "10.00",
            "at": day(1, 6),
        },
    ]


def test_crossed_are_the_conditions_of_the_higher_tier_that_ceased_to_hold() -> None:
    tiers = (Tier("a", min_frequency=2, min_monetary="10"), Tier("base"))
    driver = Driver(Policy(tiers=tiers))
    driver.feed(order("o1", "50", day(0)), order("o2", "5", day(1)))
    [fall] = driver.feed(cancelled("o2", day(2)))
    assert fall["crossed"] == [
        {"measure": "frequency", "before": 2, "after": 1, "cutoff": 2, "at": day(2)}
    ]


def test_crossed_values_of_a_prospect_are_null() -> None:
    driver = Driver(Policy(tiers=(Tier("a", max_recency_days=10), Tier("base"))))
    [rise] = driver.feed(order("o1", "50", day(0)))
    assert rise["crossed"] == [
        {"measure": "recency_days", "before": None, "after": 0, "cutoff": 10, "at": day(0)}
    ]
    [fall] = driver.feed(cancelled("o1", day(1)))
    assert fall["crossed"] == [
        {"measure": "recency_days", "before": 1, "after": None, "cutoff": 10, "at": day(1)}
    ]


def test_nothing_crosses_between_a_prospect_and_the_last_tier() -> None:
    driver = Driver(Policy(tiers=MONEY))
    [rise] = driver.feed(order("o1", "5", day(0)))
    assert rise["crossed"] == []


def test_after_a_grace_crossed_is_as_it_was_when_the_grace_began() -> None:
    driver = Driver(fading(30))
    driver.feed(order("o1", "600", day(0)), order("o2", "600", day(50)))
    [fall, *_] = [o for o in driver.pass_to(day(131)) if o["type"] == "tier.changed"]
    assert fall["effective_at"] == day(130)
    assert fall["crossed"] == [
        {
            "measure": "monetary",
            "before": "1200.00",
            "after": "600.00",
            "cutoff": "1000.00",
            "at": day(100),
        }
    ]


def test_before_is_the_same_business_day_without_the_event() -> None:
    driver = Driver(Policy(tiers=MONEY))
    driver.feed(order("o1", "50", day(0)))
    [rise] = driver.feed(order("o2", "50", day(40)))
    assert rise["before"] == {
        "recency_days": 40,
        "frequency": 1,
        "monetary": "50.00",
        "r": 4,
        "f": 1,
        "m": 2,
        "score": 33,
        "segment": "New Customers",
    }
    assert (rise["after"]["recency_days"], rise["after"]["monetary"]) == (0, "100.00")


def test_before_of_time_alone_is_the_business_day_before() -> None:
    driver = Driver(fading(0))
    driver.feed(order("o1", "1000", day(0)), order("o2", "200", day(10)))
    [fall] = [o for o in driver.pass_to(day(100)) if o["type"] == "tier.changed"]
    assert (fall["before"]["recency_days"], fall["before"]["monetary"]) == (89, "1200.00")
    assert (fall["after"]["recency_days"], fall["after"]["monetary"]) == (90, "200.00")


def test_time_alone_names_the_counted_orders_that_left_that_day() -> None:
    driver = Driver(fading(0))
    driver.feed(
        order("o1", "700", day(0, 1)),
        order("o2", "700", day(0, 2)),
        order("o3", "700", day(0, 3)),
        cancelled("o2", day(1)),
        order("o4", "200", day(10)),
    )
    [fall] = [o for o in driver.pass_to(day(100)) if o["type"] == "tier.changed"]
    assert fall["caused_by"] == ["o1", "o3"]


def test_the_action_is_the_policys_for_the_new_tier() -> None:
    tiers = (Tier("gold", action="call", min_monetary="100"), Tier("base", action="mail"))
    driver = Driver(Policy(tiers=tiers))
    driver.feed(order("o1", "100", day(0)), refund("o1", "50", day(1)))
    driver.feed(cancelled("o1", day(2)))
    assert pick(driver.outputs, "tier", "action") == [
        ("gold", "call"),
        ("base", "mail"),
        ("prospect", None),
    ]


def test_a_weight_of_nothing_takes_a_digit_out_of_the_tiers() -> None:
    tiers = (Tier("rich", min_score=100), Tier("base"))
    driver = Driver(Policy(tiers=tiers, weights=Weights("0", "0", "1")))
    [rise] = driver.feed(order("o1", "1000", day(0)))
    assert rise["tier"] == "rich"
    assert rise["keeps_until"] == day(365 + 30), "only the window takes it away"
