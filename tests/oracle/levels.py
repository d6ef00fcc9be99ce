"""Dormancy levels: thresholds, the instants at which levels begin, the true level."""

from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction
from functools import cache

from tests.oracle.ledger import Counted
from tests.oracle.policy import Policy, Probability
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
    model = policy.probability
    if model is not None and len(counted) >= max(1, model.min_orders):
        found = [_silence_ms(counted, model, level) for level in model.levels]
        return Thresholds(found[0], found[1], found[2], basis="probability")
    if not policy.cadence or len(counted) < max(2, policy.cadence_min_orders):
        return Thresholds(*policy.fixed_ms, basis="fixed")
    times = [order.at_ms for order in counted]
    mean_gap_ms = Fraction(max(times) - min(times), len(times) - 1)

    def clamped(multiplier: Fraction) -> int:
        whole_ms = multiplier * mean_gap_ms // 1
        return min(max(whole_ms, policy.cadence_min_ms), policy.cadence_max_ms)

    at_risk, dormant, churned = policy.multipliers
    return Thresholds(clamped(at_risk), clamped(dormant), clamped(churned), basis="cadence")


def _silence_ms(counted: list[Counted], model: Probability, p: Decimal) -> int:
    """How long a silence is when the probability to be alive falls to `p`: MBG/NBD."""
    times = [order.at_ms for order in counted]
    return _silence_of(len(counted) - 1, max(times) - min(times), model, p)


@cache
def _silence_of(x: int, t_ms: int, model: Probability, p: Decimal) -> int:
    with localcontext(Context(prec=40, rounding=ROUND_HALF_EVEN)):
        repeats, t, unit = Decimal(x), Decimal(t_ms), Decimal(model.unit_ms)
        base = (1 - p) / p * (model.b + repeats) / model.a
        power = (base.ln() * (1 / (model.r + repeats))).exp()
        whole = unit * ((model.alpha + t / unit) * power - model.alpha)
        silence_ms = int(whole.to_integral_value(ROUND_FLOOR)) - t_ms
    return min(max(silence_ms, model.least_ms), model.most_ms)


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
