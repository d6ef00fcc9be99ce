"""Recency, frequency, monetary value, their digits, the score and the segment."""

from __future__ import annotations

import csv
from bisect import bisect_left, bisect_right
from importlib import resources
from typing import NamedTuple

from scoring.grading import Beyond
from scoring.rules import Rules


def load_segments() -> dict[int, str]:
    """Segment by the three digits as one number: `555` is `Champions`."""
    text = resources.files(__package__).joinpath("rfm_segments.csv").read_text("utf-8")
    return {int(row["rfm"]): row["segment"] for row in csv.DictReader(text.splitlines())}


SEGMENTS = load_segments()


class Rfm(NamedTuple):
    """A customer's counted orders as of one business day; money in minor units.

    `orders_ever` and `spend_ever` are of all orders, the others of those in the window.
    """

    recency_days: int
    frequency: int
    monetary: int
    r: int
    f: int
    m: int
    score: int
    orders_ever: int
    spend_ever: int
    beyond: Beyond | None = None
    """What the customer is graded by beside orders; None where the policy asks for nothing."""

    @property
    def figures(self) -> tuple[int, ...]:
        """All but the last field, in the order of `scoring.rules.MEASURES`."""
        return self[:9]

    @property
    def segment(self) -> str:
        """The customary name of the three digits."""
        return SEGMENTS[self.r * 100 + self.f * 10 + self.m]


Measured = tuple[int, int, int, int, int, int, int, int, int]
"""The figures in the order of `scoring.rules.MEASURES`."""


def figures_of(
    rules: Rules,
    recency_days: int,
    frequency: int,
    monetary: int,
    orders_ever: int,
    spend_ever: int,
    beyond: Beyond | None = None,
) -> Measured:
    """The figures of a business day.

    Digits are 1 to 5 by the policy's cut-offs, the weighted score is 0 to 100. R falls by one for
    each recency cut-off that is passed, F and M rise by one for each cut-off that is reached;
    score = floor(100 * sum(w * (digit - 1)) / (4 * sum(w))), over the digits of the policy's
    dimensions too.
    """
    r = 5 - bisect_left(rules.recency_cutoffs, recency_days)
    f = 1 + bisect_right(rules.frequency_cutoffs, frequency)
    m = 1 + bisect_right(rules.monetary_cutoffs, monetary)
    of_r, of_f, of_m = rules.points_by_digit
    points = of_r[r] + of_f[f] + of_m[m]
    if beyond is not None:
        points += beyond.points
    score = 100 * points // rules.most_points
    return recency_days, frequency, monetary, r, f, m, score, orders_ever, spend_ever


def compute_rfm(
    rules: Rules,
    recency_days: int,
    frequency: int,
    monetary: int,
    orders_ever: int,
    spend_ever: int,
    beyond: Beyond | None = None,
) -> Rfm:
    """The figures of a business day (`figures_of`) as an object."""
    found = figures_of(rules, recency_days, frequency, monetary, orders_ever, spend_ever, beyond)
    return Rfm(*found, beyond)
