"""How long figures qualify for a tier while nothing changes but recency."""

from __future__ import annotations

from bisect import bisect_left

from scoring.grading import Beyond
from scoring.rfm import Measured
from scoring.rules import RECENCY_DAYS, SCORE, Condition, F, M, R, Rules

ENDLESS = 10**9
"""More days than there are."""
_NEVER = -1


def recency_limit(rules: Rules, figures: Measured, beyond: Beyond | None, rank: int) -> int:
    """The greatest recency in days with which figures qualify for a tier or a better one.

    Args:
        rules: in force.
        figures: of which recency, R and the score are not looked at.
        beyond: what else the customer is graded by.
        rank: of the tier.

    Returns:
        -1 if they do with none, `ENDLESS` if they do with any.
    """
    best, at = _NEVER, -1
    for tier in rules.tiers[: rank + 1]:
        at += 1
        if beyond is not None and at in beyond.closed:
            continue
        limit = ENDLESS
        for condition in tier.conditions:
            limit = min(limit, _limit_of(rules, figures, beyond, condition))
        best = max(best, limit)
    return best


def _limit_of(rules: Rules, figures: Measured, beyond: Beyond | None, condition: Condition) -> int:
    """The greatest recency with which one condition holds."""
    measure_at, cutoff, _ = condition
    if measure_at == RECENCY_DAYS:
        return cutoff
    if measure_at == R:
        digit: int | None = cutoff
    elif measure_at == SCORE:
        digit = _least_r(rules, figures, beyond, cutoff)
    else:
        return ENDLESS if figures[measure_at] >= cutoff else _NEVER
    if digit is None:
        return _NEVER
    return ENDLESS if digit <= 1 else rules.recency_cutoffs[5 - digit]


def _least_r(rules: Rules, figures: Measured, beyond: Beyond | None, score: int) -> int | None:
    """The least digit R with which a score is reached; None if none is enough."""
    of_r, of_f, of_m = rules.points_by_digit
    points = -(-score * rules.most_points // 100) - of_f[figures[F]] - of_m[figures[M]]
    if beyond is not None:
        points -= beyond.points
    digit = bisect_left(of_r, points, 1)
    return digit if digit < len(of_r) else None
