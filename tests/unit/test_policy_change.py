"""A new policy applies at one point of the log."""

from __future__ import annotations

from scoring.policy import Cutoffs, Dormancy, Movement, Policy, Tier
from tests.builders import day, erased, order, paid, viewed
from tests.driver import Driver, pick

QUIET = Cutoffs(recency_days=(9_000, 9_001, 9_002, 9_003))


def policy(version: str, gold: str = "1000", grace_days: int = 0) -> Policy:
    return Policy(
        version=version,
        tiers=(Tier("gold", min_monetary=gold), Tier("base")),
        cutoffs=QUIET,
        movement=Movement(grace_days),
    )


def test_a_new_policy_moves_everybody_it_makes_better_or_worse() -> None:
    driver = Driver(policy("one"))
    driver.feed(order("o1", "500", day(0), "ben"), order("o1", "500", day(0), "ana"))
    changes = driver.activate(policy("two", gold="500"))
    assert pick(changes, "customer_id", "tier", "reason", "policy_version") == [
        ("ana", "gold", "policy", "two"),
        ("ben", "gold", "policy", "two"),
    ]
    falls = driver.activate(policy("three"), "third policy")
    assert pick(falls, "tier", "direction") == [("base", "down"), ("base", "down")]


def test_a_change_by_a_new_policy_names_no_event_of_the_customer() -> None:
    driver = Driver(policy("one"))
    driver.feed(order("o1", "500", day(0)))
    [rise] = driver.activate(policy("two", gold="500"))
    assert (rise["caused_by"], rise["late"]) == ([], False)


def test_each_activation_is_a_cause_of_its_own() -> None:
    driver = Driver(policy("one"))
    driver.feed(order("o1", "500", day(0)))
    for number in range(4):
        driver.activate(policy(f"v{number}", gold=("500", "1000")[number % 2]), f"p{number}")
    assert len(set(pick(driver.outputs, "id"))) == len(driver.outputs) == 5


def test_a_fall_by_a_new_policy_has_its_grace() -> None:
    driver = Driver(policy("one", gold="500"))
    driver.feed(order("o1", "500", day(0)))
    assert driver.activate(policy("two", grace_days=10)) == []
    [fall] = driver.pass_to(day(10))
    assert (fall["tier"], fall["reason"]) == ("base", "grace_expired")


def test_the_same_policy_again_changes_nothing() -> None:
    driver = Driver(policy("one"))
    driver.feed(order("o1", "5000", day(0)))
    driver.partition.stale_profiles.clear()
    assert driver.activate(policy("one")) == []
    assert not driver.partition.stale_profiles


def test_before_is_given_by_the_old_policy_and_after_by_the_new() -> None:
    driver = Driver(policy("one"))
    driver.feed(order("o1", "500", day(0)))
    stricter = Policy(
        version="two",
        tiers=(Tier("gold", min_monetary="500"), Tier("base")),
        cutoffs=Cutoffs(recency_days=QUIET.recency_days, monetary=("1", "2", "3", "4")),
    )
    [rise] = driver.activate(stricter)
    assert (rise["before"]["m"], rise["after"]["m"]) == (4, 5)
    assert rise["crossed"] == [
        {"measure": "monetary", "before": "500.00", "after": "500.00", "cutoff": "500.00",
         "at": day(0)}
    ]  # fmt: skip


def test_a_tier_that_is_gone_is_left_at_once() -> None:
    driver = Driver(policy("one", gold="100", grace_days=30))
    driver.feed(order("o1", "500", day(0)))
    renamed = Policy(
        version="two",
        tiers=(Tier("platinum", min_monetary="1000"), Tier("base")),
        movement=Movement(30),
    )
    [fall] = driver.activate(renamed)
    assert (fall["previous_tier"], fall["tier"], fall["direction"]) == ("gold", "base", "down")


def test_what_counts_is_counted_anew_in_the_window() -> None:
    driver = Driver(policy("one"))
    driver.feed(order("o1", "300", day(0)), order("o2", "700", day(0)), paid("o1", day(1)))
    paid_only = Policy(
        version="two",
        count_orders="paid",
        tiers=(Tier("gold", min_monetary="1000"), Tier("base")),
        movement=Movement(0),
    )
    [fall] = driver.activate(paid_only)
    assert (fall["tier"], fall["after"]["monetary"]) == ("base", "300.00")


def test_a_shorter_window_lets_orders_go_at_once() -> None:
    driver = Driver(policy("one"))
    driver.feed(order("o1", "900", day(0)), order("o2", "200", day(50)))
    shorter = Policy(
        version="two",
        window_days=30,
        tiers=(Tier("gold", min_monetary="1000"), Tier("base")),
        cutoffs=QUIET,
        movement=Movement(0),
    )
    [fall] = driver.activate(shorter)
    assert (fall["after"]["frequency"], fall["after"]["monetary"]) == (1, "200.00")


def test_other_thresholds_withdraw_what_they_make_wrong() -> None:
    driver = Driver(Policy(tiers=(Tier("known"),)))
    driver.feed(order("o1", "5", day(0)))
    driver.pass_to(day(70))
    patient = Policy(tiers=(Tier("known"),), dormancy=Dormancy(at_risk_days=80))
    [withdrawn] = driver.activate(patient)
    assert withdrawn["type"] == "dormancy.withdrawn"
    assert withdrawn["withdraws"] == [driver.outputs[1]["id"]]
    assert pick(driver.pass_to(day(80)), "level") == ["at_risk"]


def test_due_instants_follow_the_new_policy() -> None:
    driver = Driver(policy("one"))
    driver.feed(order("o1", "1000", day(0)))
    shorter = Policy(
        version="two",
        window_days=30,
        tiers=(Tier("gold", min_monetary="1000"), Tier("base")),
        cutoffs=QUIET,
        movement=Movement(0),
    )
    driver.activate(shorter)
    assert driver.profile()["keeps_until"] == day(30)
    [fall] = driver.pass_to(day(30))
    assert (fall["tier"], fall["effective_at"]) == ("base", day(30))


def test_an_erased_customer_is_left_alone() -> None:
    driver = Driver(policy("one"))
    driver.feed(order("o1", "500", day(0)), erased(day(1)))
    assert driver.activate(policy("two", gold="1")) == []


def test_a_prospect_stays_one_under_any_policy() -> None:
    driver = Driver(policy("one"))
    driver.feed(viewed(day(0)))
    assert driver.activate(policy("two", gold="0")) == []
    assert driver.profile()["policy_version"] == "two"


def test_amounts_in_other_currencies_keep_the_rate_they_were_taken_at() -> None:
    cheap = Policy(version="one", currency_rates={"EUR": "2"})
    driver = Driver(cheap)
    driver.feed(order("o1", "10", day(0), currency="EUR"))
    driver.activate(Policy(version="two", currency_rates={"EUR": "3"}))
    driver.feed(order("o2", "10", day(1), currency="EUR"))
    assert driver.profile()["monetary"] == "50.00"
