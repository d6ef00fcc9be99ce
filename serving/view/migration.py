"""Who moved from where to where in some days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple


class Move(NamedTuple):
    """A kind of move.

    Attributes:
        previous_tier: the tier left.
        tier: the tier reached.
        reason: of the change, as in `tier.changed`.
    """

    previous_tier: str
    tier: str
    reason: str


@dataclass(frozen=True, slots=True)
class Migration:
    """How often each move was made.

    Attributes:
        first_day: from this day on (UTC, by `effective_at`).
        last_day: up to the end of this day.
        counts: moves made at least once, and how often, ordered by their names.
        complete_from: counts of days before this one are missing or too low; None if nothing is
            known of any day.
    """

    first_day: date
    last_day: date
    counts: tuple[tuple[Move, int], ...]
    complete_from: date | None

    @property
    def is_complete(self) -> bool:
        """Whether all days are known in full."""
        return self.complete_from is None or self.first_day >= self.complete_from

    def matrix(self) -> dict[str, dict[str, int]]:
        """How often customers moved, by the tier left and then by the tier reached."""
        matrix: dict[str, dict[str, int]] = {}
        for move, count in self.counts:
            row = matrix.setdefault(move.previous_tier, {})
            row[move.tier] = row.get(move.tier, 0) + count
        return matrix

    def by_reason(self) -> dict[str, int]:
        """How often customers moved, by reason."""
        sums: Counter[str] = Counter()
        for move, count in self.counts:
            sums[move.reason] += count
        return dict(sorted(sums.items()))


def added_up(days: Iterable[Mapping[Move, int]]) -> tuple[tuple[Move, int], ...]:
    """The counts of several days together."""
    sums: Counter[Move] = Counter()
    for day in days:
        sums.update(day)
    return tuple(sorted(sums.items()))
