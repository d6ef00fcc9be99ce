"""Dormancy levels: thresholds, the instants at which levels begin, the true level."""

from dataclasses import dataclass
from fractions import Fraction

from tests.oracle.ledger import Counted
from tests.oracle.policy import Policy
from tests.oracle.times import DAY_MS

LEVELS = ("active", "at_risk", "dormant", "churned")
ACTIVE, AT_RISK, DORMANT, CHURNED = range(4)


@dataclass(frozen=True)
class Thresholds:
    """Milliseconds after which at risk, dormant and churned begin, and where they come from."""

    at_risk_ms: int
    dormant_ms: int
    churned_ms: int
    basis: str

    def days_of(self, level: int) -> float:
        threshold_ms = (0, self.at_risk_ms, self.dormant_ms, self.churned_ms)[level]
        return float(round(Fraction(threshold_ms, DAY_MS), 4))


def thresholds(counted: list[Counted], policy: Policy) -> Thresholds:
    if not policy.cadence or len(counted) < max(2, policy.cadence_min_orders):
        return Thresholds(*policy.fixed_ms, basis="fixed")
    times = [order.at_ms for order in counted]
    mean_gap_ms = Fraction(max(times) - min(times), len(times) - 1)

    def clamped(multiplier: Fraction) -> int:
        whole_ms = multiplier * mean_gap_ms // 1
        return min(max(whole_ms, policy.cadence_min_ms), policy.cadence_max_ms)

    at_risk, dormant, churned = policy.multipliers
    return Thresholds(clamped(at_risk), clamped(dormant), clamped(churned), basis="cadence")


def begins_ms(
    level: int, counted: list[Counted], interactions_ms: list[int], policy: Policy
) -> int | None:
    """The instant at which a level begins if nothing more happens; None if it never does."""
    if not counted:
        return None
    limits = thresholds(counted, policy)
    last_purchase_ms = max(order.at_ms for order in counted)
    if level == AT_RISK:
        return last_purchase_ms + limits.at_risk_ms
    if level == DORMANT:
        return last_purchase_ms + limits.dormant_ms
    assert level == CHURNED
    last_interaction_ms = max(interactions_ms)
    return max(last_purchase_ms + limits.dormant_ms, last_interaction_ms + limits.churned_ms)


def true_level(
    at_ms: int, counted: list[Counted], interactions_ms: list[int], policy: Policy
) -> int:
    """The most severe level begun at an instant."""
    for level in (CHURNED, DORMANT, AT_RISK):
        begins = begins_ms(level, counted, interactions_ms, policy)
        if begins is not None and begins <= at_ms:
            return level
    return ACTIVE
