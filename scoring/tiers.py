"""Tiers: which one a customer qualifies for, what the next one takes, when a fall comes, and grace.

In the order in which an evaluation needs them: the qualified tier, the conditions that were
crossed, the order that the next tier takes, the day of the next fall, and the transition from one
tier to another with its grace.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from scoring.ledger import Ledger
from scoring.money import MAX_MINOR_UNITS
from scoring.rfm import Rfm, compute_rfm
from scoring.rules import MEASURES, Condition, Rules

_CROSSED_ORDER = tuple(
    MEASURES.index(name)
    for name in ("score", "r", "f", "m", "frequency", "monetary", "recency_days")
)


# -- the qualified tier


def holds(condition: Condition, rfm: Rfm | None) -> bool:
    """Whether a condition holds; for a prospect (None) none does."""
    if rfm is None:
        return False
    measure_at, cutoff, at_most = condition
    return rfm[measure_at] <= cutoff if at_most else rfm[measure_at] >= cutoff


def qualified_rank(rules: Rules, rfm: Rfm | None) -> int:
    """The rank of the first tier whose conditions all hold; prospects rank below the last."""
    if rfm is None:
        return rules.prospect_rank
    for rank, tier in enumerate(rules.tiers):
        for measure_at, cutoff, at_most in tier.conditions:
            if (rfm[measure_at] > cutoff) if at_most else (rfm[measure_at] < cutoff):
                break
        else:
            return rank
    raise AssertionError("the last tier has no condition")


# -- the conditions that were crossed


class Crossed(NamedTuple):
    """A condition that came to hold, or ceased to, between two evaluations."""

    measure: str
    before: int | None
    after: int | None
    cutoff: int
    at_ms: int


def crossed(
    rules: Rules,
    rank: int,
    before: Rfm | None,
    after: Rfm | None,
    at_ms: int,
    old_rules: Rules | None = None,
) -> tuple[Crossed, ...]:
    """The conditions of a tier that hold before or after, but not both.

    Args:
        rules: in force.
        rank: of the tier.
        before: None for a prospect.
        after: None for a prospect.
        at_ms: when it was crossed.
        old_rules: the rules of `before`, if a new policy is the cause. Each side is compared with
            its own cut-offs, and a condition that one policy lacks holds there. The cut-off named
            is the new one, or the old one if it was dropped.
    """
    if rank >= rules.prospect_rank:
        return ()
    tier = rules.tiers[rank]
    new = {condition.measure_at: condition for condition in tier.conditions}
    old = new if old_rules is None else _conditions_of(old_rules, tier.name)
    found = []
    for measure_at in _CROSSED_ORDER:
        condition = new.get(measure_at) or (old or {}).get(measure_at)
        if condition is None:
            continue
        held = old is not None and _holds(old.get(measure_at), before)
        if held != _holds(new.get(measure_at), after):
            found.append(
                Crossed(
                    condition.measure,
                    None if before is None else before[measure_at],
                    None if after is None else after[measure_at],
                    condition.cutoff,
                    at_ms,
                )
            )
    return tuple(found)


def _conditions_of(rules: Rules, tier_name: str) -> dict[int, Condition] | None:
    """The conditions of a tier by measure; None if the policy has no such tier."""
    for tier in rules.tiers:
        if tier.name == tier_name:
            return {condition.measure_at: condition for condition in tier.conditions}
    return None


def _holds(condition: Condition | None, rfm: Rfm | None) -> bool:
    return rfm is not None and (condition is None or holds(condition, rfm))


# -- what the next tier takes


@lru_cache(maxsize=4_096)
def order_amount_needed(rules: Rules, frequency: int, monetary: int, rank: int) -> int | None:
    """The smallest single order today, in minor units, that qualifies for a tier or a better one.

    The order is taken as paid. None if no amount that an order may have is enough.

    Args:
        rules: in force.
        frequency: before the order.
        monetary: before the order, in minor units.
        rank: of the tier.
    """
    steps = set(rules.monetary_cutoffs)
    for tier in rules.tiers[: rank + 1]:
        steps.update(c.cutoff for c in tier.conditions if c.measure == "monetary")
    candidates = sorted({0, *(step - monetary for step in steps if step > monetary)})
    for amount in candidates:
        if amount > MAX_MINOR_UNITS:
            return None
        if qualified_rank(rules, compute_rfm(rules, 0, frequency + 1, monetary + amount)) <= rank:
            return amount
    return None


# -- the next fall


def fall_day(
    rules: Rules, ledger: Ledger, rank: int, today: int, grace_until_day: int | None
) -> int | None:
    """The business day of the next fall in tier if nothing more happens; None if there is none."""
    if grace_until_day is not None:
        return grace_until_day
    day = _first_worse_day(rules, ledger, rank, today)
    if day is None:
        return None
    # A date that the zone skipped begins with the next one, and the grace runs from that.
    return _grace_end(rules, rules.calendar.day(rules.calendar.start(day)))


def _first_worse_day(rules: Rules, ledger: Ledger, rank: int, today: int) -> int | None:
    """The first business day on which the qualified tier is worse than `rank`, without events."""
    last_ms = ledger.last_order_ms
    if last_ms is None or rank >= rules.prospect_rank - 1:
        return None
    last_day = rules.calendar.day(last_ms)
    frequency, monetary = ledger.frequency, ledger.monetary
    for day, declines in groupby(_declines(rules, ledger, last_day, today), key=_day_of):
        for _, count, value in declines:
            frequency -= count
            monetary -= value
        if qualified_rank(rules, compute_rfm(rules, day - last_day, frequency, monetary)) > rank:
            return day
    return None


def _day_of(decline: tuple[int, int, int]) -> int:
    return decline[0]


def _declines(
    rules: Rules, ledger: Ledger, last_day: int, today: int
) -> list[tuple[int, int, int]]:
    """What lowers the digits after today, by day: (day, orders that leave, their value)."""
    declines = [(day + rules.window_days, count, value) for day, count, value in ledger.leaving()]
    declines += [(last_day + step, 0, 0) for step in rules.recency_steps if last_day + step > today]
    declines.sort()
    return declines


# -- the transition, and grace


class Transition(NamedTuple):
    """What one evaluation decides. Rank 0 is the best tier."""

    rank: int
    grace_until_day: int | None
    """The business day on which a grace ends; None without one."""
    grace_starts: bool
    grace_ended: bool
    """Whether the customer falls because a grace ended."""


def transition(
    rules: Rules,
    current: int,
    qualified: int,
    grace_until_day: int | None,
    today: int,
    *,
    lowered_by_event: bool,
) -> Transition:
    """The tier and the grace after an evaluation on business day `today`.

    Up at once; down at once if an event took it away, else at the end of a grace: one step with
    `soft_landing`, and while the tier is still too good, with a new grace.

    Args:
        rules: in force.
        current: rank of the tier the customer is in.
        qualified: rank of the tier the customer qualifies for.
        grace_until_day: of the grace that runs; None without one.
        today: the business day of the customer's clock.
        lowered_by_event: this very event, a cancellation, failed payment or refund, lowered the
            qualified tier.
    """
    if qualified <= current or lowered_by_event or rules.grace_days == 0:
        return at_once(qualified)
    if grace_until_day is None:
        return Transition(current, _grace_end(rules, today), grace_starts=True, grace_ended=False)
    if today < grace_until_day:
        return Transition(current, grace_until_day, grace_starts=False, grace_ended=False)
    rank = current + 1 if rules.soft_landing else qualified
    if rank < qualified:
        return Transition(rank, _grace_end(rules, today), grace_starts=True, grace_ended=True)
    return Transition(rank, None, grace_starts=False, grace_ended=True)


def at_once(qualified: int) -> Transition:
    """The qualified tier without any grace: also for a tier that a new policy has dropped."""
    return Transition(qualified, None, grace_starts=False, grace_ended=False)


def _grace_end(rules: Rules, day: int) -> int:
    """The business day on which a grace ends that starts on `day`."""
    return day + rules.grace_days
