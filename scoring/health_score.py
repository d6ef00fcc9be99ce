"""A customer's health from 0 to 100: the weighted mean of parts that are each 0 to 100.

A part without data is left out, and so is its weight. This is the customary health
score of customer success (weight times measure over the sum of weights, as in
https://support.gainsight.com, Scorecards); the parts themselves are defined here, in integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from scoring.policy import Health

PARTS = ("recency", "frequency", "monetary", "level", "satisfaction", "support")
"""The names of the parts, in the order of their weights."""

Part = int | None

_WORST_LEVEL = 3
"""`churned` as a dormancy level, `active` being 0."""


class HealthRule(NamedTuple):
    """The section `[health]`, compiled: integer weights in the order of `PARTS`, and costs."""

    weights: tuple[int, ...]
    complaint_cost: int
    ticket_cost: int


def health_rule(declared: Health) -> HealthRule:
    """The weights over one denominator, and what open tickets cost."""
    exact = [Fraction(getattr(declared, part)) for part in PARTS]
    common = lcm(*(weight.denominator for weight in exact))
    weights = tuple(int(weight * common) for weight in exact)
    return HealthRule(weights, declared.complaint_cost, declared.ticket_cost)


def digit_part(digit: int) -> int:
    """The part of a digit R, F or M from 1 to 5: 0, 25, 50, 75 or 100."""
    return 25 * (digit - 1)


def level_part(level: int) -> int:
    """The part of a dormancy level: active 100, at risk 66, dormant 33, churned 0."""
    return 100 * (_WORST_LEVEL - level) // _WORST_LEVEL


def satisfaction_part(csat: Sequence[int], nps: Sequence[int]) -> Part:
    """The mean answer on a scale from 0 to 100, rounded down.

    With both kinds of answers it is the mean of the two; None without any answer.
    """
    places = []
    if csat:
        places.append(Fraction(sum(csat) - len(csat), 4 * len(csat)))
    if nps:
        places.append(Fraction(sum(nps), 10 * len(nps)))
    return None if not places else int(100 * sum(places, Fraction()) / len(places))


def support_part(rule: HealthRule, open_complaints: int, other_tickets: int) -> int:
    """100 less the cost of each open complaint and of each other open ticket, never below 0."""
    cost = rule.complaint_cost * open_complaints + rule.ticket_cost * other_tickets
    return max(0, 100 - cost)


def health_score(rule: HealthRule, parts: Sequence[Part]) -> int | None:
    """floor(sum(weight * part) / sum(weight)) over the known parts; None without any."""
    known = [(w, part) for w, part in zip(rule.weights, parts, strict=True) if part is not None]
    whole = sum(weight for weight, _ in known)
    return None if whole == 0 else sum(weight * part for weight, part in known) // whole
