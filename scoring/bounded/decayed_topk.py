"""Exponential decay in integers, and the names that weigh most under it in bounded memory.

Forward decay (G. Cormode, V. Shkapenyuk, D. Srivastava, B. Xu, Forward Decay: A Practical Time
Decay Model for Streaming Systems, ICDE 2009): instead of making old weights smaller, new ones are
larger. A weight w on business day D enters as w * g(D), with H the half-life in days and

    g(D) = floor(1024 * 2^((D mod H) / H)) * 2^(D div H - landmark)

and weighs w * g(D) / g(today) today. All names grow by the same rule, so time alone never changes
their order, and an order of arrival does not matter. Nothing is a float, so a replay gives the
same bytes.

Space-Saving (A. Metwally, D. Agrawal, A. El Abbadi, Efficient Computation of Frequent and Top-k
Elements in Data Streams, ICDT 2005), with weights: `CAPACITY` names are kept; a new one beyond
takes the place of the lightest and its weight, which is noted as its possible error. With up to
`CAPACITY` names ever, weights are exact. Beyond, a weight is too high by at most its noted error,
which is at most the sum of all weights / `CAPACITY`; and a name that weighs more than that is kept.
"""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from functools import cache

from msgspec import Struct, field

CAPACITY = 32
_SCALE_BITS = 10
_LEAST_SHIFT = 8
"""A late event may precede the first by so many half-lives and still enter exactly."""
_MOST_SHIFT = 24
"""After so many half-lives all weights are halved as often as needed, rounded down."""
_MOST_WEIGHT = 2**62
"""The limit of a weight: a billion of the heaviest events within one half-life."""


@cache
def _steps(half_life_days: int) -> tuple[int, ...]:
    """floor(1024 * 2^(r / H)) for r from 0 to H - 1: exact integer roots."""
    return tuple(
        _root(2 ** (_SCALE_BITS * half_life_days + r), half_life_days)
        for r in range(half_life_days)
    )


def _root(number: int, degree: int) -> int:
    """floor(number^(1 / degree)), for a result of up to twelve bits."""
    low, high = 0, 2 ** (_SCALE_BITS + 2)
    while high - low > 1:
        middle = (low + high) // 2
        if middle**degree <= number:
            low = middle
        else:
            high = middle
    return low


class Weight(Struct, array_like=True):
    """The weight of a name on the scale of its sketch, and by how much it may be too high."""

    total: int
    error: int = 0


class Sketch(Struct, array_like=True):
    """The weights of the heaviest names, decaying with one half-life."""

    half_life_days: int
    landmark: int
    """The number of half-lives since 1970 at which the scale begins."""
    weights: dict[str, Weight] = field(default_factory=dict)

    def add(self, name: str, weight: int, day: int) -> None:
        """Add weight to a name on a business day, today or earlier."""
        period, place = divmod(day, self.half_life_days)
        if period - self.landmark > _MOST_SHIFT:
            self._rescale(period)
        shift = period - self.landmark
        grown = weight * _steps(self.half_life_days)[place]
        grown = grown << shift if shift >= 0 else grown >> -shift
        known = self.weights.get(name)
        if known is not None:
            known.total = min(known.total + grown, _MOST_WEIGHT)
        elif len(self.weights) < CAPACITY:
            self.weights[name] = Weight(grown)
        else:
            lightest = min(self.weights, key=self._rank)
            taken = self.weights.pop(lightest).total
            self.weights[name] = Weight(min(taken + grown, _MOST_WEIGHT), taken)

    def join(self, other: Sketch) -> None:
        """Add the weights of another sketch of the same half-life, and keep the heaviest.

        A name missing from a full sketch may have weighed up to that sketch's least weight. That is
        added to its weight and its error, so a weight is still too high by at most its error
        (P. Agarwal et al., Mergeable Summaries, PODS 2012).
        """
        landmark = max(self.landmark, other.landmark)
        ours, theirs = self._down_to(landmark), other._down_to(landmark)
        unseen_by_us, unseen_by_them = _least_weight(ours), _least_weight(theirs)
        joined = {}
        for name in ours.keys() | theirs.keys():
            own = ours.get(name) or Weight(unseen_by_us, unseen_by_us)
            their = theirs.get(name) or Weight(unseen_by_them, unseen_by_them)
            total = min(own.total + their.total, _MOST_WEIGHT)
            joined[name] = Weight(total, min(own.error + their.error, total))
        self.landmark = landmark
        self.weights = joined
        self.weights = {name: joined[name] for name in self.heaviest(CAPACITY)}

    def heaviest(self, count: int) -> list[str]:
        """The names that weigh most, heaviest first; of equal ones the first by code points."""
        ranked = sorted((-weight.total, name) for name, weight in self.weights.items())
        return [name for _, name in ranked[:count]]

    def weight_on(self, name: str, day: int) -> Fraction:
        """The weight of a name on a business day."""
        return Fraction(self.weights[name].total) / self._scale(day)

    def error_on(self, name: str, day: int) -> Fraction:
        """By how much that may be too high."""
        return Fraction(self.weights[name].error) / self._scale(day)

    def light_from(self, name: str, at_least: Fraction) -> int:
        """The first business day on which a name weighs less than `at_least`, if no event comes.

        It lies after the landmark if the name weighs at least that today.
        """
        most = self.weights[name].total * at_least.denominator // at_least.numerator
        shift = max(0, (most >> _SCALE_BITS).bit_length() - 1)
        place = bisect_right(_steps(self.half_life_days), most >> shift)
        return (self.landmark + shift) * self.half_life_days + place

    def _scale(self, day: int) -> int | Fraction:
        period, place = divmod(day, self.half_life_days)
        shift = period - self.landmark
        step = _steps(self.half_life_days)[place]
        return step << shift if shift >= 0 else Fraction(step, 1 << -shift)

    def _rank(self, name: str) -> tuple[int, str]:
        return self.weights[name].total, name

    def _rescale(self, period: int) -> None:
        """Move the landmark, so that numbers stay small; weights that become zero are dropped."""
        landmark = period - _LEAST_SHIFT
        self.weights = self._down_to(landmark)
        self.landmark = landmark

    def _down_to(self, landmark: int) -> dict[str, Weight]:
        """The weights on the scale of a later landmark."""
        shift = landmark - self.landmark
        return {
            name: Weight(weight.total >> shift, -(-weight.error >> shift))
            for name, weight in self.weights.items()
            if weight.total >> shift
        }


def _least_weight(weights: dict[str, Weight]) -> int:
    """What a missing name may weigh at most: nothing while there is room."""
    if len(weights) < CAPACITY:
        return 0
    return min(weight.total for weight in weights.values())


def new_sketch(half_life_days: int, day: int) -> Sketch:
    """An empty sketch whose first event is on a business day."""
    return Sketch(half_life_days, day // half_life_days - _LEAST_SHIFT)
