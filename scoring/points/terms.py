"""Points: how many an order gives, by which terms; a policy's rules of points, compiled."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, NamedTuple

from msgspec import Struct

from scoring.money import denominator_of, rate_of
from scoring.policy import PointsPolicy
from scoring.since import since

MAX_POINTS = 10**12
"""The most points that one event gives or takes."""


class Terms(NamedTuple):
    """The rate of points for each minor unit of the base currency, and the least value.

    The rate is kept as `scoring.money.Rate` says.
    """

    numerator: int
    denominator: int
    least_value: int

    def points(self, value: int) -> int:
        """Whole points, rounded down; none below the least value."""
        if value < self.least_value:
            return 0
        return min(value * self.numerator // denominator_of(self.denominator), MAX_POINTS)


class Earned(Struct, array_like=True):
    """The points of an order: the terms when it first counted, and the lot that has them."""

    terms: Terms
    points: int = 0
    day: int = 0
    expires_ms: int | None = None
    per: Annotated[int, since(3)] = 0
    """The amount, in minor units, for each full one of which the terms give their points; 0 where
    they give them for each minor unit."""

    def worth(self, value: int) -> int:
        """The points of an order of this value, in minor units."""
        if not self.per:
            return self.terms.points(value)
        if value < self.terms.least_value:
            return 0
        return min(value // self.per * self.terms.numerator, MAX_POINTS)

    def is_gone(self, now_ms: int) -> bool:
        """Whether the points have expired, so that none can be taken back."""
        return self.points > 0 and self.expires_ms is not None and self.expires_ms <= now_ms


class PointsRule:
    """The section `[points]` of a policy, compiled."""

    def __init__(self, declared: PointsPolicy, digits: int) -> None:
        self._declared = declared
        self._default = _earned(declared, None, digits)
        self._by_tier = {
            tier: _earned(declared, tier, digits) for tier in (*declared.rates, *declared.pers)
        }
        self.expire_after_days = declared.expire_after_days
        self.activities = declared.activities
        self.warn_days = declared.warn_days
        self.warn_action = declared.warn_action

    def rate_text(self, tier: str) -> str:
        """Points for each major unit, or each full amount of `per_text`, as in the policy."""
        return rate_of_tier(self._declared, tier)

    def per_text(self, tier: str) -> str | None:
        """The amount that the points are for; None for each major unit."""
        return per_of_tier(self._declared, tier)

    def earned(self, tier: str) -> Earned:
        """The terms for an order of a customer in a tier, and no points yet."""
        terms = self._by_tier.get(tier, self._default)
        return Earned(terms.terms, per=terms.per)


def rate_of_tier(declared: PointsPolicy, tier: str | None) -> str:
    """The rate of a tier; 1 where it has an amount of its own, and no rate."""
    if tier in declared.rates:
        return declared.rates[tier]
    return "1" if tier in declared.pers else declared.rate


def per_of_tier(declared: PointsPolicy, tier: str | None) -> str | None:
    """The amount for each full one of which a tier gives its rate; None for each major unit."""
    return declared.per if tier is None else declared.pers.get(tier, declared.per)


def _earned(declared: PointsPolicy, tier: str | None, digits: int) -> Earned:
    scale = 10**digits
    least_value = int(Fraction(declared.min_amount) * scale)
    rate, per = rate_of_tier(declared, tier), per_of_tier(declared, tier)
    if per is None:
        each = rate_of(rate, digits)
        return Earned(Terms(each.numerator, each.denominator, least_value))
    return Earned(Terms(int(Fraction(rate)), 1, least_value), per=int(Fraction(per) * scale))
