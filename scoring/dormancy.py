"""Levels of silence: active, at risk, dormant, churned."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from scoring.calendar import DAY_MS
from scoring.rules import ACTIVE, AT_RISK, CHURNED, DORMANT, Thresholds


def level_instants(
    thresholds: Thresholds, last_order_ms: int, last_interaction_ms: int
) -> tuple[int, int, int]:
    """When each of at risk, dormant and churned is reached, in that order, never descending.

    Churned is reached when a customer is dormant and also without interaction for long enough.
    """
    dormant_ms = last_order_ms + thresholds.dormant_ms
    return (
        last_order_ms + thresholds.at_risk_ms,
        dormant_ms,
        max(dormant_ms, last_interaction_ms + thresholds.churned_ms),
    )


def level_at(instants: tuple[int, int, int], now_ms: int) -> int:
    """The level at an instant."""
    at_risk, dormant, churned = instants
    if now_ms < at_risk:
        return ACTIVE
    if now_ms < dormant:
        return AT_RISK
    return CHURNED if now_ms >= churned else DORMANT


@lru_cache(maxsize=1_024)
def threshold_days(thresholds: Thresholds, level: int) -> float:
    """The threshold of a level in days, to four decimals, ties to even."""
    return round(Fraction(thresholds[level - 1], DAY_MS) * 10_000) / 10_000  # type: ignore[arg-type]
