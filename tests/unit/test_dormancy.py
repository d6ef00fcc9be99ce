"""Alerts as time passes, what takes them back, and who came back."""

from __future__ import annotations

from typing import Any

import pytest

from scoring.policy import Cadence, Dormancy, DormancyActions, Movement, Policy, Tier
from tests.builders import (
    cancelled,
    consent,
    day,
    day_ms,
    erased,
    order,
    paid,
    payment_failed,
    profile,
    refund,
    survey,
    ticket_opened,
    ticket_resolved,
    viewed,
)
from tests.driver import Driver, pick

ONE_TIER = (Tier("known"),)
"""No tier changes but the first, so that a test sees levels alone."""


def policy(**dormancy: Any) -> Policy:
    return Policy(tiers=ONE_TIER, dormancy=Dormancy(**dormancy))


CADENCE = policy(mode="cadence", cadence=Cadence(min_days=1, max_days=1_000))


def levels(outputs: list[dict[str, Any]]) -> list[Any]:
    return pick([o for o in outputs if o["topic"] == "dormancy-alerts"], "type", "level")


def silent_since_day_0(until: int, the_policy: Policy | None = None) -> Driver:
    driver = Driver(the_policy or policy())
    driver.feed(order("o1", "5", day(0, 10)))
    driver.pass_to(day(until))
    return driver


# Time passing


def test_each_level_is_alerted_at_its_own_instant() -> None:
    driver = silent_since_day_0(1_000)
    alerts = [o for o in driver.outputs if o["type"] == "dormancy.alert"]
    assert pick(alerts, "previous_level", "level", "effective_at", "threshold_days") == [
        ("active", "at_risk", day(60, 10), 60.0),
        ("at_risk", "dormant", day(90, 10), 90.0),
        ("dormant", "churned", day(180, 10), 180.0),
    ]


def test_a_level_is_reached_to_the_millisecond() -> None:
    driver = silent_since_day_0(1)
    assert driver.pass_to(day(60, 9, 59, 59, 999)) == []
    assert levels(driver.pass_to(day(60, 10))) == [("dormancy.alert", "at_risk")]


def test_several_levels_due_at_once_each_fire_at_their_own_instant() -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "5", day(0)))
    alerts = driver.feed(viewed(day(400), "ben"))
    assert pick(alerts, "level", "effective_at") == [
        ("at_risk", day(60)),
        ("dormant", day(90)),
        ("churned", day(180)),
    ]


def test_levels_of_equal_instants_are_alerted_one_by_one() -> None:
    driver = Driver(policy(at_risk_days=30, dormant_days=30, churned_days=30))
    driver.feed(order("o1", "5", day(0)))
    alerts = driver.pass_to(day(30))
    assert pick(alerts, "previous_level", "level", "effective_at", "sequence") == [
        ("active", "at_risk", day(30), 2),
        ("at_risk", "dormant", day(30), 3),
        ("dormant", "churned", day(30), 4),
    ]
    assert len(set(pick(alerts, "id"))) == 3


def test_an_interaction_delays_churned_and_nothing_else() -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "5", day(0)), viewed(day(40)))
    alerts = driver.pass_to(day(1_000))
    assert pick(alerts, "level", "effective_at") == [
        ("at_risk", day(60)),
        ("dormant", day(90)),
        ("churned", day(220)),
    ]


@pytest.mark.parametrize(
    "interaction",
    [
        viewed(day(100)),
        ticket_opened("t1", day(100)),
        ticket_resolved("t1", day(100)),
        survey(5, day(100)),
        order("o2", "0", day(100), payment_status="failed"),
    ],
)
def test_orders_browsing_and_support_are_interactions(interaction: bytes) -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "5", day(0)), interaction)
    assert driver.profile()["last_interaction_at"] == day(100)
    assert pick(driver.pass_to(day(1_000)), "level", "effective_at") == [("churned", day(280))]


@pytest.mark.parametrize(
    "other",
    [
        profile({"name": "A"}, day(100)),
        consent(True, day(100)),
        paid("o1", day(100)),
        refund("o1", "1", day(100)),
        cancelled("o9", day(100)),
    ],
)
def test_nothing_else_is_an_interaction(other: bytes) -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "5", day(0)), other)
    assert driver.profile()["last_interaction_at"] == day(0)
    assert pick(driver.pass_to(day(1_000)), "level", "effective_at") == [("churned", day(180))]


def test_without_a_counted_order_nobody_is_silent() -> None:
    driver = Driver(policy())
    driver.feed(viewed(day(0)), order("o1", "5", day(0), payment_status="failed"))
    assert driver.pass_to(day(1_000)) == []
    assert driver.profile()["level"] == "active"


def test_an_order_that_left_the_window_is_still_the_last_purchase() -> None:
    driver = Driver(Policy(tiers=ONE_TIER, window_days=10))
    driver.feed(order("o1", "5", day(0)))
    assert pick(driver.pass_to(day(70)), "effective_at") == [day(60)]


def test_a_purchase_postpones_every_level() -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "5", day(0)), order("o2", "5", day(59)))
    assert pick(driver.pass_to(day(200)), "effective_at") == [day(119), day(149)]


# Cadence


def test_a_cadence_follows_the_mean_gap_of_the_customers_own_orders() -> None:
    driver = Driver(CADENCE)
    driver.feed(*(order(f"o{n}", "5", day(10 * n)) for n in range(3)))
    alerts = driver.pass_to(day(1_000))
    assert pick(alerts, "level", "effective_at", "threshold_days", "basis") == [
        ("at_risk", day(35), 15.0, "cadence"),
        ("dormant", day(50), 30.0, "cadence"),
        ("churned", day(80), 60.0, "cadence"),
    ]


def test_with_fewer_orders_the_basis_is_fixed() -> None:
    driver = Driver(CADENCE)
    driver.feed(*(order(f"o{n}", "5", day(10 * n)) for n in range(2)))
    [alert] = driver.pass_to(day(70))
    assert (alert["effective_at"], alert["basis"]) == (day(70), "fixed")


def test_a_cadence_counts_orders_ever_not_only_those_in_the_window() -> None:
    driver = Driver(
        Policy(
            tiers=ONE_TIER,
            window_days=5,
            dormancy=Dormancy(mode="cadence", cadence=Cadence(min_days=1, max_days=1_000)),
        )
    )
    driver.feed(*(order(f"o{n}", "5", day(10 * n)) for n in range(3)))
    [alert] = driver.pass_to(day(35))
    assert (alert["effective_at"], alert["basis"]) == (day(35), "cadence")


def test_threshold_days_are_given_to_four_decimals() -> None:
    """1.5 times a mean gap of 10 days and 10 hours / 2: 15.3125 days."""
    driver = Driver(CADENCE)
    driver.feed(order("a", "5", day(0)), order("b", "5", day(10)), order("c", "5", day(20, 10)))
    [alert] = driver.pass_to(day(36))
    assert alert["threshold_days"] == 15.3125
    assert alert["effective_at"] == day(35, 17, 30)


def test_a_threshold_is_given_for_the_level_alerted_and_for_no_other_change() -> None:
    driver = silent_since_day_0(200)
    driver.feed(order("o2", "5", day(201)))
    assert pick(driver.outputs[1:], "level", "threshold_days", "basis") == [
        ("at_risk", 60.0, "fixed"),
        ("dormant", 90.0, "fixed"),
        ("churned", 180.0, "fixed"),
        ("active", None, None),
    ]


def test_an_order_that_slows_a_cadence_down_may_take_an_alert_back() -> None:
    """A late order long before the others makes the mean gap longer: nobody came back."""
    driver = Driver(CADENCE)
    driver.feed(*(order(f"o{n}", "5", day(100 + 10 * n)) for n in range(3)))
    driver.pass_to(day(136))
    assert driver.profile()["level"] == "at_risk"
    [change] = driver.feed(order("early", "5", day(0)))
    assert (change["type"], change["level"]) == ("dormancy.withdrawn", "active")


# Coming back


@pytest.mark.parametrize(
    ("silent_days", "level", "told"),
    [
        (61, "at_risk", []),
        (91, "dormant", [("customer.reactivated", "active")]),
        (181, "churned", [("customer.reactivated", "active")]),
    ],
)
def test_a_purchase_reactivates_whoever_was_dormant_or_churned(
    silent_days: int, level: str, told: list[Any]
) -> None:
    driver = silent_since_day_0(silent_days)
    assert driver.profile()["level"] == level
    assert levels(driver.feed(order("o2", "5", day(silent_days + 1)))) == told
    assert driver.profile()["level"] == "active"


@pytest.mark.parametrize(
    ("silent_days", "level", "told"),
    [
        (61, "at_risk", []),
        (91, "dormant", []),
        (181, "churned", [("customer.returned", "dormant")]),
    ],
)
def test_an_interaction_returns_whoever_was_churned_to_dormant(
    silent_days: int, level: str, told: list[Any]
) -> None:
    driver = silent_since_day_0(silent_days)
    assert driver.profile()["level"] == level
    assert levels(driver.feed(viewed(day(silent_days + 1)))) == told
    assert driver.profile()["level"] == (level if not told else "dormant")


def test_who_returned_may_churn_again() -> None:
    driver = silent_since_day_0(181)
    driver.feed(viewed(day(200)))
    [alert] = driver.pass_to(day(500))
    assert (alert["level"], alert["effective_at"]) == ("churned", day(380))


def test_who_came_back_and_fell_silent_again_is_alerted_again() -> None:
    driver = silent_since_day_0(91)
    driver.feed(order("o2", "5", day(100)))
    assert pick(driver.pass_to(day(200)), "level", "effective_at") == [
        ("at_risk", day(160)),
        ("dormant", day(190)),
    ]


def test_an_order_that_does_not_count_is_an_interaction_and_no_purchase() -> None:
    driver = silent_since_day_0(181)
    failed = order("o2", "5", day(182), payment_status="failed")
    assert levels(driver.feed(failed)) == [("customer.returned", "dormant")]


def test_a_purchase_is_the_event_by_which_an_order_comes_to_count() -> None:
    paid_only = Policy(tiers=ONE_TIER, count_orders="paid")
    driver = Driver(paid_only)
    driver.feed(order("o1", "5", day(0), payment_status="paid"))
    driver.pass_to(day(95))
    assert levels(driver.feed(order("o2", "5", day(100)))) == []
    assert levels(driver.feed(paid("o2", day(101)))) == [("customer.reactivated", "active")]


def test_a_purchase_counts_by_its_orders_time() -> None:
    """Paid after the level began, but placed before: the alert was wrong."""
    paid_only = Policy(tiers=ONE_TIER, count_orders="paid")
    driver = Driver(paid_only)
    driver.feed(order("o1", "5", day(0), payment_status="paid"), order("o2", "5", day(50)))
    driver.pass_to(day(61))
    assert levels(driver.feed(paid("o2", day(62)))) == [("dormancy.withdrawn", "active")]


def test_a_revived_order_is_a_purchase_too() -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "5", day(0)), order("o2", "5", day(95), payment_status="failed"))
    assert driver.profile()["level"] == "dormant"
    assert levels(driver.feed(paid("o2", day(96)))) == [("customer.reactivated", "active")]


def test_at_the_very_instant_the_level_began_the_customer_came_back() -> None:
    driver = silent_since_day_0(89)
    driver.pass_to(day(90, 10))
    assert driver.profile()["level"] == "dormant"
    assert levels(driver.feed(order("o2", "5", day(90, 10)))) == [
        ("customer.reactivated", "active")
    ]


def test_a_purchase_a_millisecond_before_the_level_began_withdraws_it() -> None:
    driver = silent_since_day_0(89)
    driver.pass_to(day(90, 10))
    assert levels(driver.feed(order("o2", "5", day(90, 9, 59, 59, 999)))) == [
        ("dormancy.withdrawn", "active")
    ]


# Wrong alerts


def test_a_late_purchase_withdraws_the_alerts_it_proves_wrong() -> None:
    driver = silent_since_day_0(95)
    alerts = pick(driver.outputs[1:], "id")
    [withdrawn] = driver.feed(order("o2", "5", day(50)))
    assert (withdrawn["type"], withdrawn["previous_level"], withdrawn["level"]) == (
        "dormancy.withdrawn",
        "dormant",
        "active",
    )
    assert withdrawn["withdraws"] == alerts
    assert withdrawn["effective_at"] == day(95), "the clock, not the time of the purchase"


def test_after_a_late_purchase_the_level_need_not_be_active() -> None:
    driver = silent_since_day_0(95)
    at_risk, dormant = driver.outputs[1:]
    [withdrawn] = driver.feed(order("o2", "5", day(20)))
    assert (withdrawn["type"], withdrawn["level"]) == ("dormancy.withdrawn", "at_risk")
    assert withdrawn["withdraws"] == [dormant["id"]]
    [alert] = driver.pass_to(day(110))
    assert (alert["level"], alert["effective_at"]) == ("dormant", day(110))
    assert at_risk["id"] != alert["id"]


def test_a_late_interaction_takes_churned_back() -> None:
    driver = silent_since_day_0(190)
    churned = driver.outputs[-1]
    [withdrawn] = driver.feed(viewed(day(100)))
    assert (withdrawn["type"], withdrawn["level"]) == ("dormancy.withdrawn", "dormant")
    assert withdrawn["withdraws"] == [churned["id"]]


def test_a_late_purchase_after_the_level_began_means_the_customer_came_back() -> None:
    driver = silent_since_day_0(120)
    [back] = driver.feed(order("o2", "5", day(100)))
    assert (back["type"], back["effective_at"]) == ("customer.reactivated", day(120))


def test_a_purchase_late_after_its_level_began_may_leave_a_lower_level() -> None:
    driver = silent_since_day_0(190)
    [back] = driver.feed(order("o2", "5", day(185)), order("o3", "5", day(184)))
    assert (back["type"], back["level"]) == ("customer.reactivated", "active")
    other = silent_since_day_0(170)
    [back] = other.feed(order("o2", "5", day(100)))
    assert (back["type"], back["previous_level"], back["level"]) == (
        "customer.reactivated",
        "dormant",
        "at_risk",
    )


def test_an_alert_that_was_withdrawn_is_not_withdrawn_again() -> None:
    driver = silent_since_day_0(65)
    [first] = driver.feed(order("o2", "5", day(50)))
    assert len(first["withdraws"]) == 1
    driver.pass_to(day(115))
    [second] = driver.feed(order("o3", "5", day(100)))
    assert second["withdraws"] == [driver.outputs[-2]["id"]]


def test_alerts_of_who_came_back_are_not_withdrawn_later() -> None:
    driver = silent_since_day_0(95)
    driver.feed(order("o2", "5", day(100)))
    assert driver.state().standing == []


@pytest.mark.parametrize(
    "change", [cancelled("o2", day(70)), payment_failed("o2", day(70)), refund("o2", "5", day(70))]
)
def test_a_purchase_taken_away_alerts_the_true_level_once_at_the_clock(change: bytes) -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "5", day(-50)), order("o2", "5", day(0)))
    driver.pass_to(day(70))
    assert driver.profile()["level"] == "at_risk"
    [alert] = driver.feed(change)
    assert (alert["type"], alert["previous_level"], alert["level"]) == (
        "dormancy.alert",
        "at_risk",
        "dormant",
    )
    assert alert["effective_at"] == day(70)
    assert alert["threshold_days"] == 90.0


def test_a_purchase_taken_away_may_skip_levels_with_one_alert() -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "5", day(-300)), order("o2", "5", day(0)))
    [alert] = driver.feed(cancelled("o2", day(1)))
    assert (alert["previous_level"], alert["level"], alert["effective_at"]) == (
        "active",
        "dormant",
        day(1),
    )


def test_a_purchase_given_back_withdraws_the_alert_its_loss_caused() -> None:
    """Placed before the level began at the clock, so nobody came back: the alert was wrong."""
    driver = Driver(policy())
    driver.feed(order("o1", "5", day(-300)), order("o2", "5", day(0)))
    [alert] = driver.feed(payment_failed("o2", day(1)))
    [withdrawn] = driver.feed(paid("o2", day(2)))
    assert withdrawn["type"] == "dormancy.withdrawn"
    assert withdrawn["withdraws"] == [alert["id"]]


def test_the_only_purchase_cancelled_withdraws_every_alert() -> None:
    driver = silent_since_day_0(95)
    fall, withdrawn = driver.feed(cancelled("o1", day(96)))
    assert fall["tier"] == "prospect"
    assert (withdrawn["type"], withdrawn["level"]) == ("dormancy.withdrawn", "active")
    assert len(withdrawn["withdraws"]) == 2
    assert withdrawn["last_order_at"] is None


def test_a_withdrawal_may_name_no_alert() -> None:
    """Churned at one stroke, returned to dormant: of that level no alert ever told."""
    driver = Driver(policy(churned_days=1))
    driver.feed(order("o1", "5", day(-400)), order("o2", "5", day(0)))
    alert, back = driver.feed(cancelled("o2", day(5)), viewed(day(6)))
    assert (alert["previous_level"], alert["level"]) == ("active", "churned")
    assert (back["type"], back["level"]) == ("customer.returned", "dormant")
    [withdrawn] = driver.feed(order("o3", "5", day(4)))
    assert (withdrawn["type"], withdrawn["level"], withdrawn["withdraws"]) == (
        "dormancy.withdrawn",
        "active",
        [],
    )


def test_a_silent_change_is_remembered_with_its_instant() -> None:
    driver = silent_since_day_0(61)
    assert driver.feed(order("o2", "5", day(62))) == []
    assert driver.state().level_since_ms == day_ms(62)


# What an alert says


def test_an_alert_says_when_the_customer_was_last_there() -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "5", day(0)), viewed(day(40)))
    [alert] = driver.pass_to(day(60))
    assert (alert["last_order_at"], alert["last_interaction_at"]) == (day(0), day(40))
    assert alert["tier"] == "known"
    assert alert["policy_version"] == "default-1"


def test_actions_are_the_policys() -> None:
    actions = DormancyActions("hello", None, "come back", "welcome", "nice")
    driver = Driver(policy(actions=actions))
    driver.feed(order("o1", "5", day(0)))
    driver.pass_to(day(200))
    driver.feed(viewed(day(201)), order("o2", "5", day(202)))
    driver.pass_to(day(270))
    driver.feed(order("o3", "5", day(250)))
    assert pick(driver.outputs[1:], "type", "action") == [
        ("dormancy.alert", "hello"),
        ("dormancy.alert", None),
        ("dormancy.alert", "come back"),
        ("customer.returned", "nice"),
        ("customer.reactivated", "welcome"),
        ("dormancy.alert", "hello"),
        ("dormancy.withdrawn", None),
    ]


def alert_after(*lines: bytes) -> dict[str, Any]:
    driver = Driver(policy())
    driver.feed(order("o1", "5", day(0)), *lines)
    [alert] = driver.pass_to(day(60))
    return alert


def test_nobody_is_addressed_against_their_will() -> None:
    alert = alert_after(consent(False, day(1)))
    assert (alert["suppressed"], alert["marketing_consent"]) == ("no_consent", False)


@pytest.mark.parametrize(("lines", "known"), [((), None), ((consent(True, day(1)),), True)])
def test_without_a_refusal_nothing_is_suppressed(lines: tuple[bytes, ...], known: Any) -> None:
    alert = alert_after(*lines)
    assert (alert["suppressed"], alert["marketing_consent"]) == (None, known)


def test_an_open_complaint_suppresses() -> None:
    alert = alert_after(ticket_opened("t1", day(1), kind="complaint"))
    assert (alert["suppressed"], alert["open_tickets"]) == ("open_complaint", 1)


@pytest.mark.parametrize("kind", ["question", "return", "other", None])
def test_an_open_ticket_of_another_kind_does_not_suppress(kind: str | None) -> None:
    alert = alert_after(ticket_opened("t1", day(1), kind=kind))
    assert (alert["suppressed"], alert["open_tickets"]) == (None, 1)


def test_a_resolved_complaint_does_not_suppress() -> None:
    complaint = ticket_opened("t1", day(1), kind="complaint")
    alert = alert_after(complaint, ticket_resolved("t1", day(2)))
    assert (alert["suppressed"], alert["open_tickets"]) == (None, 0)


def test_a_missing_consent_is_named_before_an_open_complaint() -> None:
    alert = alert_after(consent(False, day(1)), ticket_opened("t1", day(1), kind="complaint"))
    assert alert["suppressed"] == "no_consent"


# Stages


@pytest.mark.parametrize(
    ("orders", "stage"), [(0, "prospect"), (1, "new"), (2, "active"), (3, "active"), (4, "loyal")]
)
def test_the_stage_of_an_active_customer_follows_from_the_number_of_orders(
    orders: int, stage: str
) -> None:
    driver = Driver()
    driver.feed(viewed(day(0)), *(order(f"o{n}", "5", day(0, n)) for n in range(orders)))
    assert driver.profile()["stage"] == stage


@pytest.mark.parametrize(
    ("silent_days", "stage"), [(59, "loyal"), (61, "at_risk"), (91, "dormant"), (181, "churned")]
)
def test_silence_goes_before_loyalty(silent_days: int, stage: str) -> None:
    driver = Driver()
    driver.feed(*(order(f"o{n}", "5", day(0, n)) for n in range(5)))
    driver.pass_to(day(silent_days))
    assert driver.profile()["stage"] == stage


def test_loyal_counts_orders_in_the_window_and_new_counts_orders_ever() -> None:
    often = Policy(window_days=10, loyal_min_orders=2, movement=Movement(0))
    driver = Driver(often)
    driver.feed(order("o1", "5", day(0)), order("o2", "5", day(1)))
    assert driver.profile()["stage"] == "loyal"
    driver.pass_to(day(15))
    assert driver.profile()["stage"] == "active"


def test_an_erased_customer_is_never_silent() -> None:
    driver = Driver(policy())
    driver.feed(order("o1", "5", day(0)), erased(day(1)))
    assert driver.pass_to(day(500)) == []
