"""How a customer moves between tiers: at once when better, after a grace when worse."""

from __future__ import annotations

from typing import NamedTuple

from scoring.rules import Rules


class Move(NamedTuple):
    """The verdict of one evaluation. Ranks: 0 is the best tier."""

    rank: int
    grace_until_day: int | None
    grace_starts: bool
    grace_ended: bool


def move(
    rules: Rules,
    current: int,
    qualified: int,
    grace_until_day: int | None,
    today: int,
    *,
    lowered_by_event: bool,
) -> Move:
    """Where a customer of rank `current` stands after an evaluation on business day `today`.

    `lowered_by_event`: this very event, a cancellation, failed payment or refund, lowered the
    qualified tier. `grace_ended` tells that the move down came at the end of a grace.
    """
    if qualified <= current or lowered_by_event or rules.grace_days == 0:
        return Move(qualified, None, grace_starts=False, grace_ended=False)
    if grace_until_day is None:
        return Move(current, today + rules.grace_days, grace_starts=True, grace_ended=False)
    if today < grace_until_day:
        return Move(current, grace_until_day, grace_starts=False, grace_ended=False)
    rank = current + 1 if rules.soft_landing else qualified
    if rank < qualified:
        return Move(rank, today + rules.grace_days, grace_starts=True, grace_ended=True)
    return Move(rank, None, grace_starts=False, grace_ended=True)
