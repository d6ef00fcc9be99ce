"""Shares of two groups with their uncertainty: Wilson's interval, and Newcombe's for a difference.

Sources: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference,
J. Am. Stat. Assoc. 22 (1927) 209-212; R. G. Newcombe, Interval Estimation for the Difference
between Independent Proportions: Comparison of Eleven Methods, Stat. Med. 17 (1998) 873-890,
method 10 (square-and-add of Wilson intervals, without continuity correction).
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple


class Interval(NamedTuple):
    """A confidence interval, both ends included."""

    low: float
    high: float


class Count(NamedTuple):
    """How many of a group count as hits; the group may be empty."""

    hits: int
    size: int

    @property
    def share(self) -> float | None:
        """The share of the group, None of an empty one."""
        return self.hits / self.size if self.size else None


def z_of(confidence: float) -> float:
    """The two-sided standard normal quantile: 1.96 for 0.95."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wilson(count: Count, confidence: float) -> Interval | None:
    """The score interval of a share; None of an empty group."""
    hits, size = count
    if size == 0:
        return None
    z2 = z_of(confidence) ** 2
    middle = (hits + z2 / 2) / (size + z2)
    reach = sqrt(z2 * (hits * (size - hits) / size + z2 / 4)) / (size + z2)
    # At the ends of the scale the formula gives 0 and 1 but for rounding.
    low = 0.0 if hits == 0 else middle - reach
    high = 1.0 if hits == size else middle + reach
    return Interval(low, high)


def difference(first: Count, second: Count, confidence: float) -> Interval | None:
    """The interval of the first share less the second; None if a group is empty."""
    one, two = wilson(first, confidence), wilson(second, confidence)
    if one is None or two is None:
        return None
    p1, p2 = first.hits / first.size, second.hits / second.size
    below = sqrt((p1 - one.low) ** 2 + (two.high - p2) ** 2)
    above = sqrt((one.high - p1) ** 2 + (p2 - two.low) ** 2)
    return Interval(p1 - p2 - below, p1 - p2 + above)
