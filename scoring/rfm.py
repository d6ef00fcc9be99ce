"""Recency, frequency, monetary value, their digits, the score and the segment."""

from __future__ import annotations

import csv
from bisect import bisect_left, bisect_right
from importlib import resources
from typing import NamedTuple

from scoring.rules import Rules


def load_segments() -> dict[int, str]:
    """Segment by the three digits as one number: `555` is `Champions`."""
    text = resources.files(__package__).joinpath("rfm_segments.csv").read_text("utf-8")
    return {int(row["rfm"]): row["segment"] for row in csv.DictReader(text.splitlines())}


SEGMENTS = load_segments()


class Rfm(NamedTuple):
    """A customer's counted orders as of one business day; money in minor units.

    The last two are of all orders ever, the others of those in the window.
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

    @property
    def segment(self) -> str:
        """The customary name of the three digits."""
        return SEGMENTS[self.r * 100 + self.f * 10 + self.m]


def compute_rfm(
    rules: Rules,
    recency_days: int,
    frequency: int,
    monetary: int,
    orders_ever: int,
    spend_ever: int,
) -> Rfm:
    """Digits 1 to 5 by the policy's cut-offs and the weighted score 0 to 100.

    R falls by one for each recency cut-off that is passed, F and M rise by one for each cut-off
    that is reached; score = floor(100 * sum(w * (digit - 1)) / (4 * sum(w))).
    """
    r = 5 - bisect_left(rules.recency_cutoffs, recency_days)
    f = 1 + bisect_right(rules.frequency_cutoffs, frequency)
    m = 1 + bisect_right(rules.monetary_cutoffs, monetary)
    wr, wf, wm = rules.weights
    score = 100 * (wr * (r - 1) + wf * (f - 1) + wm * (m - 1)) // (4 * (wr + wf + wm))
    return Rfm(recency_days, frequency, monetary, r, f, m, score, orders_ever, spend_ever)
