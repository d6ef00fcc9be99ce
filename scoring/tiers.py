"""Which tier figures qualify for, what the next one takes, and when a customer will fall."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from scoring.ledger import Ledger
from scoring.money import MAX_MINOR_UNITS
from scoring.rfm import Rfm, compute_rfm
from scoring.rules import MEASURES, Condition, Rules

_TOLD_ORDER = tuple(
    MEASURES.index(name)
    for name in ("score", "r", "f", "m", "frequency", "monetary", "recency_days")
)


class Crossed(NamedTuple):
    """A condition that came to hold or ceased to, between two sets of figures."""

    measure: str
    before: int | None
    after: int | None
    cutoff: int
    at_ms: int


def holds(condition: Condition, found: Rfm | None) -> bool:
    """Whether a condition holds; for a prospect (None) none does."""
    if found is None:
        return False
    place, cutoff, at_most = condition
    return found[place] <= cutoff if at_most else found[place] >= cutoff


def qualified_rank(rules: Rules, found: Rfm | None) -> int:
    """The rank of the first tier whose conditions all hold; prospects rank below the last."""
    if found is None:
        return rules.prospect_rank
    for rank, tier in enumerate(rules.tiers):
        for place, cutoff, at_most in tier.conditions:
            if (found[place] > cutoff) if at_most else (found[place] < cutoff):
                break
        else:
            return rank
    raise AssertionError("the last tier has no condition")


def crossed(
    rules: Rules,
    rank: int,
    before: Rfm | None,
    after: Rfm | None,
    at_ms: int,
    old_rules: Rules | None = None,
) -> tuple[Crossed, ...]:
    """The conditions of a tier that hold on one side only.

    `old_rules` are those that `before` was worked out with, where a new policy is the cause: each
    side is held against its own cut-offs, and what one policy does not ask for holds there. The
    cut-off told is the new one, or the old one where it was dropped.
    """
    if rank >= rules.prospect_rank:
        return ()
    tier = rules.tiers[rank]
    new = {condition.place: condition for condition in tier.conditions}
    old = new if old_rules is None else _conditions_of(old_rules, tier.name)
    found = []
    for place in _TOLD_ORDER:
        told = new.get(place) or (old or {}).get(place)
        if told is None:
            continue
        held = old is not None and _holds(old.get(place), before)
        if held != _holds(new.get(place), after):
            found.append(
                Crossed(
                    told.measure,
                    None if before is None else before[place],
                    None if after is None else after[place],
                    told.cutoff,
                    at_ms,
                )
            )
    return tuple(found)


def _conditions_of(rules: Rules, tier_name: str) -> dict[int, Condition] | None:
    """The conditions of a tier by measure; None if the policy has no such tier."""
    for tier in rules.tiers:
        if tier.name == tier_name:
            return {condition.place: condition for condition in tier.conditions}
    return None


def _holds(condition: Condition | None, found: Rfm | None) -> bool:
    return found is not None and (condition is None or holds(condition, found))


@lru_cache(maxsize=4_096)
def order_amount_needed(rules: Rules, frequency: int, monetary: int, rank: int) -> int | None:
    """The smallest single order today, in minor units, that qualifies for a tier or a better one.

    `frequency` and `monetary` are those before it; it is taken as paid. None if no amount that an
    order may have would do.
    """
    steps = set(rules.monetary_cutoffs)
    for tier in rules.tiers[: rank + 1]:
        steps.update(c.cutoff for c in tier.conditions if c.measure == "monetary")
    candidates = sorted({0, *(step - monetary for step in steps if step > monetary)})
    for amount in candidates:
        if amount > MAX_MINOR_UNITS:
            return None
        found = compute_rfm(rules, 0, frequency + 1, monetary + amount)
        if qualified_rank(rules, found) <= rank:
            return amount
    return None


def fall_day(
    rules: Rules, ledger: Ledger, rank: int, today: int, grace_until_day: int | None
) -> int | None:
    """The business day of the next fall in tier if nothing more happens; None if there is none."""
    if grace_until_day is not None:
        return grace_until_day
    day = _first_worse_day(rules, ledger, rank, today)
    if day is None:
        return None
    # A date that the zone skipped is lived as the next one, and the grace counts from that.
    return rules.calendar.day(rules.calendar.start(day)) + rules.grace_days


def _first_worse_day(rules: Rules, ledger: Ledger, rank: int, today: int) -> int | None:
    last_ms = ledger.last_order_ms
    if last_ms is None or rank >= rules.prospect_rank - 1:
        return None
    last_day = rules.calendar.day(last_ms)
    frequency, monetary = ledger.frequency, ledger.monetary
    for day, declines in groupby(_declines(rules, ledger, last_day, today), key=_day_of):
        for _, count, value in declines:
            frequency -= count
            monetary -= value
        found = compute_rfm(rules, day - last_day, frequency, monetary)
        if qualified_rank(rules, found) > rank:
            return day
    return None


def _day_of(decline: tuple[int, int, int]) -> int:
    return decline[0]


def _declines(
    rules: Rules, ledger: Ledger, last_day: int, today: int
) -> list[tuple[int, int, int]]:
    """What makes figures fall after today, by day: (day, orders that leave, their value)."""
    declines = [(day + rules.window_days, count, value) for day, count, value in ledger.leaving()]
    declines += [(last_day + step, 0, 0) for step in rules.recency_steps if last_day + step > today]
    declines.sort()
    return declines


class Transition(NamedTuple):
    """The verdict of one evaluation. Ranks: 0 is the best tier."""

    rank: int
    grace_until_day: int | None
    grace_starts: bool
    grace_ended: bool


def transition(
    rules: Rules,
    current: int,
    qualified: int,
    grace_until_day: int | None,
    today: int,
    *,
    lowered_by_event: bool,
) -> Transition:
    """Where a customer of rank `current` stands after an evaluation on business day `today`.

    `lowered_by_event`: this very event, a cancellation, failed payment or refund, lowered the
    qualified tier. `grace_ended` tells that the move down came at the end of a grace.
    """
    if qualified <= current or lowered_by_event or rules.grace_days == 0:
        return Transition(qualified, None, grace_starts=False, grace_ended=False)
    if grace_until_day is None:
        return Transition(current, today + rules.grace_days, grace_starts=True, grace_ended=False)
    if today < grace_until_day:
        return Transition(current, grace_until_day, grace_starts=False, grace_ended=False)
    rank = current + 1 if rules.soft_landing else qualified
    if rank < qualified:
        return Transition(rank, today + rules.grace_days, grace_starts=True, grace_ended=True)
    return Transition(rank, None, grace_starts=False, grace_ended=True)
