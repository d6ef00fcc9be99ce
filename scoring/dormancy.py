"""Dormancy levels (active, at risk, dormant, churned), and after how much silence each begins."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from scoring.alive import AliveRule
from scoring.calendar import DAY_MS
from scoring.policy import Policy

LEVELS = ("active", "at_risk", "dormant", "churned")
ACTIVE, AT_RISK, DORMANT, CHURNED = range(4)


class Thresholds(NamedTuple):
    """Milliseconds of silence until each level, and their basis.

    The basis is `fixed`, `cadence` or `probability`.
    """

    at_risk_ms: int
    dormant_ms: int
    churned_ms: int
    basis: str


class CadenceRule:
    """Thresholds from the customer's own cadence, in integers.

    Each is clamp(floor(multiplier x mean gap between orders), min, max).
    """

    def __init__(self, policy: Policy) -> None:
        cadence = policy.dormancy.cadence
        self.min_orders = max(2, policy.dormancy.cadence_min_orders)
        self.multipliers = tuple(
            Fraction(text) for text in (cadence.at_risk, cadence.dormant, cadence.churned)
        )
        self.min_ms = cadence.min_days * DAY_MS
        self.max_ms = cadence.max_days * DAY_MS

    def thresholds(self, span_ms: int, gaps: int) -> Thresholds:
        """The thresholds of a customer with `gaps` (at least 1) between first and last order."""
        at_risk, dormant, churned = (
            min(
                max(factor.numerator * span_ms // (factor.denominator * gaps), self.min_ms),
                self.max_ms,
            )
            for factor in self.multipliers
        )
        return Thresholds(at_risk, dormant, churned, "cadence")


class ThresholdRule:
    """The section `[dormancy]` of a policy: fixed days, or thresholds of each customer's own.

    `alive` is the model of mode `probability`; None in others.
    """

    def __init__(self, policy: Policy) -> None:
        declared = policy.dormancy
        self.fixed = Thresholds(
            declared.at_risk_days * DAY_MS,
            declared.dormant_days * DAY_MS,
            declared.churned_days * DAY_MS,
            "fixed",
        )
        self._cadence = CadenceRule(policy) if declared.mode == "cadence" else None
        self.alive: AliveRule | None = None
        if declared.mode == "probability":
            if declared.probability is None:
                raise ValueError("mode probability needs its section")
            self.alive = AliveRule(declared.probability)
        self._alive_min_orders = declared.probability_min_orders

    def thresholds(self, orders_ever: int, first_order_ms: int, last_order_ms: int) -> Thresholds:
        """The thresholds of a customer with at least one counted order.

        With fewer orders than the mode's own minimum the fixed days hold.
        """
        if self.alive is not None and orders_ever >= self._alive_min_orders:
            silences = self.alive.silences(orders_ever - 1, last_order_ms - first_order_ms)
            return Thresholds(*silences, "probability")
        cadence = self._cadence
        if cadence is None or orders_ever < cadence.min_orders:
            return self.fixed
        return cadence.thresholds(last_order_ms - first_order_ms, orders_ever - 1)


def level_instants(
    thresholds: Thresholds, last_order_ms: int, last_interaction_ms: int
) -> tuple[int, int, int]:
    """The instants of at risk, dormant and churned, in that order, never descending.

    A customer is churned once dormant and also without interaction for long enough.
    """
    dormant_ms = last_order_ms + thresholds.dormant_ms
    return (
        last_order_ms + thresholds.at_risk_ms,
        dormant_ms,
        max(dormant_ms, last_interaction_ms + thresholds.churned_ms),
    )


def level_at(instants: tuple[int, int, int], now_ms: int) -> int:
    """The dormancy level at an instant."""
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
