"""Thresholds of silence, the instants they give, and the level at a time."""

from __future__ import annotations

import pytest

from scoring.dormancy import (
    ACTIVE,
    AT_RISK,
    CHURNED,
    DORMANT,
    Thresholds,
    level_at,
    level_instants,
    threshold_days,
)
from scoring.policy import Cadence, Dormancy, Policy
from scoring.rules import Rules
from tests.builders import DAY_MS, day_ms

FIXED = Rules(Policy()).dormancy.fixed


def cadence(min_orders: int = 3, **changes: str | int) -> Rules:
    dormancy = Dormancy(
        mode="cadence",
        cadence_min_orders=min_orders,
        cadence=Cadence(**{"min_days": 1, "max_days": 1_000, **changes}),  # type: ignore[arg-type]
    )
    return Rules(Policy(dormancy=dormancy))


def test_a_level_is_reached_at_its_instant_and_not_a_millisecond_before() -> None:
    instants = level_instants(FIXED, day_ms(0), day_ms(0))
    assert level_at(instants, day_ms(60) - 1) == ACTIVE
    assert level_at(instants, day_ms(60)) == AT_RISK
    assert level_at(instants, day_ms(90) - 1) == AT_RISK
    assert level_at(instants, day_ms(90)) == DORMANT
    assert level_at(instants, day_ms(180) - 1) == DORMANT
    assert level_at(instants, day_ms(180)) == CHURNED


def test_an_interaction_delays_churned_alone() -> None:
    instants = level_instants(FIXED, day_ms(0), day_ms(40))
    assert instants == (day_ms(60), day_ms(90), day_ms(220))


def test_nobody_is_churned_before_being_dormant() -> None:
    eager = FIXED._replace(churned_ms=10 * DAY_MS)
    assert level_instants(eager, day_ms(0), day_ms(0)) == (day_ms(60), day_ms(90), day_ms(90))


def test_days_of_silence_have_86400000_milliseconds_in_every_zone() -> None:
    """Berlin had a day of 23 hours between these instants."""
    rules = Rules(Policy(timezone="Europe/Berlin"))
    assert rules.dormancy.thresholds(1, 0, 0).at_risk_ms == 60 * 86_400_000


def test_fixed_days_are_the_basis_without_a_cadence() -> None:
    assert Rules(Policy()).dormancy.thresholds(50, 0, day_ms(100)) == FIXED
    assert FIXED.basis == "fixed"


def test_with_fewer_orders_than_a_cadence_needs_the_fixed_days_hold() -> None:
    assert cadence(3).dormancy.thresholds(2, day_ms(0), day_ms(10)).basis == "fixed"
    assert cadence(3).dormancy.thresholds(3, day_ms(0), day_ms(10)).basis == "cadence"


def test_a_cadence_is_a_multiple_of_the_mean_gap() -> None:
    """Five orders in 40 days: ten days between two."""
    found = cadence().dormancy.thresholds(5, day_ms(0), day_ms(40))
    assert found == Thresholds(15 * DAY_MS, 30 * DAY_MS, 60 * DAY_MS, "cadence")


def test_a_cadence_is_clamped_to_its_days() -> None:
    narrow = cadence(min_days=14, max_days=20)
    found = narrow.dormancy.thresholds(3, day_ms(0), day_ms(8))
    assert found == Thresholds(14 * DAY_MS, 14 * DAY_MS, 20 * DAY_MS, "cadence")


def test_orders_at_one_instant_have_the_shortest_cadence() -> None:
    assert cadence(min_days=7).dormancy.thresholds(3, day_ms(5), day_ms(5)).churned_ms == 7 * DAY_MS


def test_a_cadence_is_rounded_down_to_the_millisecond() -> None:
    """1.1 times a third of 1,000,000 seconds ends in .67; times 3 no thirds are left."""
    found = cadence(2, at_risk="1.1").dormancy.thresholds(4, 0, 1_000_000_000)
    assert found.at_risk_ms == 366_666_666
    assert found.dormant_ms == 1_000_000_000


def test_a_cadence_is_exact_where_floats_are_not() -> None:
    """2.3 times 100,000,000 / 2 is 115,000,000; the float product is a millisecond less."""
    found = cadence(2, at_risk="2.3").dormancy.thresholds(3, 0, 100_000_000)
    assert found.at_risk_ms == 115_000_000


@pytest.mark.parametrize(
    ("threshold_ms", "days"),
    [
        (60 * DAY_MS, 60.0),
        (DAY_MS + 4_320, 1.0),  # 1.00005, a tie: to the even 0
        (DAY_MS + 3 * 4_320, 1.0002),  # 1.00015, a tie: to the even 2
        (DAY_MS + 4_321, 1.0001),
        (DAY_MS + 8_640, 1.0001),
        (100_000_000, 1.1574),
    ],
)
def test_threshold_days_have_four_decimals_ties_to_even(threshold_ms: int, days: float) -> None:
    thresholds = Thresholds(threshold_ms, 0, 0, "cadence")
    assert threshold_days(thresholds, AT_RISK) == days


def test_threshold_days_are_those_of_the_level() -> None:
    assert [threshold_days(FIXED, level) for level in (AT_RISK, DORMANT, CHURNED)] == [60, 90, 180]
