"""Tier changes and alerts as sentences."""

from __future__ import annotations

from typing import Any

import pytest

from devtools.demo.wording import alert_sentence, tier_sentence
from handlers.outputs import CrossedView, LevelChanged, RfmView, TierChanged
from scoring.money import grouped_thousands


def figures(**fields: Any) -> RfmView:
    given: dict[str, Any] = {
        "recency_days": 0,
        "frequency": 4,
        "monetary": "1120.00",
        "r": 5,
        "f": 3,
        "m": 5,
        "score": 83,
        "segment": "Loyal",
    }
    return RfmView(**given | fields)


def tier_change(**fields: Any) -> TierChanged:
    given: dict[str, Any] = {
        "customer_id": "ana",
        "sequence": 2,
        "previous_tier": "B",
        "tier": "A",
        "direction": "up",
        "reason": "order",
        "late": False,
        "caused_by": ["e06"],
        "effective_at": "2025-02-01T10:00:00.000Z",
        "before": figures(score=66),
        "after": figures(),
        "crossed": [],
        "next_tier": None,
        "keeps_until": None,
        "action": None,
        "policy_version": "spring",
        "marketing_consent": None,
    }
    return TierChanged(**given | fields)


def level_change(**fields: Any) -> LevelChanged:
    given: dict[str, Any] = {
        "customer_id": "ben",
        "sequence": 3,
        "level": "dormant",
        "previous_level": "at_risk",
        "effective_at": "2025-04-03T00:30:00.000Z",
        "last_order_at": "2025-01-03T00:30:00.000Z",
        "last_interaction_at": "2025-03-01T09:00:00.000Z",
        "threshold_days": 90.0,
        "basis": "fixed",
        "withdraws": [],
        "tier": "B",
        "open_tickets": 0,
        "suppressed": None,
        "action": None,
        "policy_version": "spring",
        "marketing_consent": None,
    }
    return LevelChanged(**given | fields)


def test_a_rise_says_what_was_bought_and_how_the_score_moved() -> None:
    assert tier_sentence(tier_change(), 365) == (
        "ana: B → A, 4 orders and 1,120.00 in 365 days; score 66 → 83"
    )


def test_a_first_order_has_a_score_but_none_before() -> None:
    change = tier_change(
        previous_tier="prospect",
        tier="C",
        before=None,
        after=figures(frequency=1, monetary="12.50", score=33),
    )
    assert tier_sentence(change, 90) == (
        "ana: prospect → C, 1 order and 12.50 in 90 days; score 33"
    )


def test_a_fall_after_a_grace_tells_the_score_from_when_the_grace_began() -> None:
    fallen = CrossedView("score", 83, 66, 70, "2025-03-04T00:00:00.000Z")
    other = CrossedView("recency_days", 30, 31, 30, "2025-03-04T00:00:00.000Z")
    change = tier_change(
        previous_tier="A",
        tier="B",
        direction="down",
        reason="grace_expired",
        before=figures(score=66),
        after=figures(score=66, recency_days=61),
        crossed=[other, fallen],
    )
    assert tier_sentence(change, 365) == (
        "ana: A → B, no order for 61 days, grace over; score 83 → 66"
    )


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("refund", "after a refund 4 orders and 1,120.00 in 365 days"),
        ("cancellation", "after a cancellation 4 orders and 1,120.00 in 365 days"),
        ("window", "no order for 0 days, 4 orders and 1,120.00 in 365 days"),
        ("policy", "by policy spring"),
        ("merge", "merged with another customer, 4 orders and 1,120.00 in 365 days"),
        ("moonlight", "moonlight, 4 orders and 1,120.00 in 365 days"),
    ],
)
def test_every_reason_has_its_words(reason: str, why: str) -> None:
    assert f" A, {why}; score " in tier_sentence(tier_change(reason=reason), 365)


def test_a_customer_without_any_order_left_has_no_score() -> None:
    change = tier_change(tier="prospect", reason="cancellation", after=None)
    assert tier_sentence(change, 365) == (
        "ana: B → prospect, no order counts any more (cancellation)"
    )


def test_a_late_event_is_named() -> None:
    assert tier_sentence(tier_change(late=True), 365).endswith("score 66 → 83 (told late)")


def test_an_alert_says_how_long_there_was_no_purchase() -> None:
    assert alert_sentence("dormancy.alert", level_change()) == (
        "ben: dormant, no purchase for 90 days"
    )


def test_a_threshold_by_cadence_is_the_customers_own() -> None:
    change = level_change(level="at_risk", threshold_days=17.3421, basis="cadence")
    assert alert_sentence("dormancy.alert", change) == (
        "ben: at risk, no purchase for 17.3 days (by this customer's own rhythm)"
    )


@pytest.mark.parametrize(
    ("suppressed", "words"),
    [
        ("backfill", "history"),
        ("policy_rollout", "a new policy"),
        ("no_consent", "no consent"),
        ("open_complaint", "open complaint"),
        ("holdout", "held out for comparison"),
    ],
)
def test_who_must_not_be_contacted_is_named(suppressed: str, words: str) -> None:
    sentence = alert_sentence("dormancy.alert", level_change(suppressed=suppressed))
    assert sentence == f"ben: dormant, no purchase for 90 days; do not contact: {words}"


@pytest.mark.parametrize(
    ("type_name", "sentence"),
    [
        ("customer.reactivated", "ben: bought again, dormant → active"),
        ("customer.returned", "ben: is back, dormant → active; last purchase 2025-01-03"),
        (
            "dormancy.withdrawn",
            "ben: alert withdrawn, dormant → active; last purchase 2025-01-03",
        ),
    ],
)
def test_coming_back_and_being_wrong_have_words_of_their_own(type_name: str, sentence: str) -> None:
    change = level_change(level="active", previous_level="dormant", threshold_days=None, basis=None)
    assert alert_sentence(type_name, change) == sentence


def test_a_withdrawal_without_any_order_left_names_no_purchase() -> None:
    change = level_change(level="active", last_order_at=None, threshold_days=None)
    assert alert_sentence("dormancy.withdrawn", change) == (
        "ben: alert withdrawn, at risk → active"
    )


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("0.00", "0.00"), ("1120.00", "1,120.00"), ("1234567", "1,234,567"), ("999.5", "999.5")],
)
def test_money_has_its_thousands_apart(amount: str, shown: str) -> None:
    assert grouped_thousands(amount) == shown
