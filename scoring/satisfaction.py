"""Survey answers and times to resolution: the newest values by time, and exact means.

Sources: CSAT is an answer from 1 to 5, NPS one from 0 to 10; 9 and 10 make a promoter, 0 to 6 a
detractor (F. F. Reichheld, The One Number You Need to Grow, Harvard Business Review, 2003).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction

from msgspec import Struct, field

from scoring.money import text_of_minor

MAX_KEPT = 32
"""Values of each kind that are kept, whatever the policy asks for."""

HOUR_MS = 3_600_000
MEAN_DECIMALS = 2

Timed = tuple[int, int]
"""An instant (epoch milliseconds) and the value measured then."""


class Experience(Struct, array_like=True):
    """Answers to surveys and times to resolution, each list by time, the newest `MAX_KEPT`."""

    csat: list[Timed] = field(default_factory=list)
    nps: list[Timed] = field(default_factory=list)
    resolutions: list[Timed] = field(default_factory=list)
    """When a ticket was resolved, and how many milliseconds after it was opened or reopened."""

    def join(self, other: Experience) -> None:
        """Add the answers and resolutions of a customer who was merged into this one."""
        for own, theirs in (
            (self.csat, other.csat),
            (self.nps, other.nps),
            (self.resolutions, other.resolutions),
        ):
            for at_ms, value in theirs:
                enter(own, at_ms, value)


class ChurnAnswer(Struct, array_like=True, frozen=True):
    """Why a customer left, as told last."""

    answer: str
    at_ms: int


def enter(kept: list[Timed], at_ms: int, value: int) -> None:
    """Insert a value by time, among equal times by arrival; beyond the limit the oldest goes."""
    kept.insert(bisect_right(kept, at_ms, key=_instant), (at_ms, value))
    if len(kept) > MAX_KEPT:
        del kept[0]


def newest(kept: Sequence[Timed], count: int) -> list[int]:
    """The values of the last `count`, oldest first."""
    return [value for _, value in kept[-count:]]


def mean_text(values: Sequence[int], unit: int = 1) -> str | None:
    """The exact mean in `unit`s as decimal text, two decimals, ties to even; None without any."""
    if not values:
        return None
    mean = Fraction(sum(values) * 10**MEAN_DECIMALS, len(values) * unit)
    return text_of_minor(round(mean), MEAN_DECIMALS)


def _instant(timed: Timed) -> int:
    return timed[0]
