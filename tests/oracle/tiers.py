"""Tiers: which one is qualified for, how one moves, what the next one asks."""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.oracle.ledger import Counted, Figures, figures_on
from tests.oracle.money import MOST_MINOR_UNITS, money_text
from tests.oracle.policy import CONDITIONS, Policy
from tests.oracle.times import business_day, start_of_day, time_text

PROSPECT = "prospect"


def name_of(rank: int, policy: Policy) -> str:
    """The tier at a rank: 0 is best, the one after the last is `prospect`."""
    return policy.tiers[rank].name if rank < len(policy.tiers) else PROSPECT


def rank_of(tier: str, policy: Policy) -> int | None:
    """None for a tier the policy no longer has."""
    if tier == PROSPECT:
        return len(policy.tiers)
    names = [each.name for each in policy.tiers]
    return names.index(tier) if tier in names else None


def holds(measure: str, cutoff: Fraction, figures: Figures) -> bool:
    value = figures.measure(measure)
    return value <= cutoff if measure == "recency_days" else value >= cutoff


def qualified_rank(figures: Figures | None, policy: Policy) -> int:
    if figures is None:
        return len(policy.tiers)
    return next(
        rank
        for rank, tier in enumerate(policy.tiers)
        if all(holds(measure, cutoff, figures) for measure, cutoff in tier.cutoffs.items())
    )


@dataclass(frozen=True)
class Move:
    """What an evaluation decides; `grace_ended` when the fall is the end of a grace."""

    rank: int
    grace_until: date | None
    grace_ended: bool = False


def move(
    rank: int,
    grace_until: date | None,
    qualified: int,
    today: date,
    policy: Policy,
    *,
    at_once: bool = False,
) -> Move:
    """Movement rules 1 to 4; `at_once`: this event lowered the qualified tier (rule 3)."""
    if qualified <= rank or at_once or policy.grace_days == 0:
        return Move(qualified, None)
    if grace_until is None:
        return Move(rank, today + timedelta(days=policy.grace_days))
    if today < grace_until:
        return Move(rank, grace_until)
    landed = rank + 1 if policy.soft_landing else qualified
    next_grace = today + timedelta(days=policy.grace_days) if landed < qualified else None
    return Move(landed, next_grace, grace_ended=True)


def keeps_until_ms(
    counted: list[Counted], rank: int, grace_until: date | None, today: date, policy: Policy
) -> int | None:
    """The instant of the next fall if nothing more happens: every coming day is tried."""
    steps = [*policy.recency_cutoffs]
    steps += [t.cutoffs["recency_days"] for t in policy.tiers if "recency_days" in t.cutoffs]
    last_day = max((order.day for order in counted), default=date.min)
    longest_days = max(policy.window_days, *map(int, steps)) + 2
    quiet_from = max(last_day + timedelta(days=longest_days), today)
    day = today
    while day <= quiet_from or grace_until is not None:
        day += timedelta(days=1)
        begins_ms = start_of_day(day, policy.timezone)
        if business_day(begins_ms, policy.timezone) != day:
            continue  # the zone skipped this date
        qualified = qualified_rank(figures_on(counted, day, policy), policy)
        after = move(rank, grace_until, qualified, day, policy)
        if after.rank > rank:
            return begins_ms
        grace_until = after.grace_until
    return None


def next_tier(
    counted: list[Counted], tier: str, today: date, policy: Policy
) -> dict[str, Any] | None:
    """The tier directly above and the smallest paid order today that would qualify for it."""
    rank = rank_of(tier, policy)
    if not rank:
        return None
    figures = figures_on(counted, today, policy)
    spent_minor = figures.monetary_minor if figures else 0
    steps = [*policy.monetary_cutoffs_minor]
    steps += [t.cutoffs["monetary"] for t in policy.tiers if "monetary" in t.cutoffs]
    amounts = {0} | {max(0, math.ceil(step) - spent_minor) for step in steps}
    for amount_minor in sorted(amounts):
        one_more = Counted("", 0, today, amount_minor, in_reach=True, merged=False)
        enough = qualified_rank(figures_on([*counted, one_more], today, policy), policy) < rank
        if enough and amount_minor <= MOST_MINOR_UNITS:
            needed = money_text(amount_minor, policy.digits)
            return {"tier": name_of(rank - 1, policy), "order_amount_needed": needed}
    return {"tier": name_of(rank - 1, policy), "order_amount_needed": None}


@dataclass(frozen=True)
class View:
    """A customer's figures under a policy: one side of an evaluation."""

    policy: Policy
    figures: Figures | None


def _shown(value: int | Fraction | None, measure: str, policy: Policy) -> Any:
    if value is None:
        return None
    if measure == "monetary":
        return money_text(value, policy.digits)
    return int(value) if value == int(value) else float(value)


def crossed(tier: str, before: View, after: View, at_ms: int) -> list[dict[str, Any]]:
    """The conditions of a tier that came to hold or ceased to hold."""

    def look(view: View, measure: str) -> tuple[Fraction | None, bool, int | None]:
        """Cut-off of the condition, whether it holds, and the value looked at."""
        known = view.policy.tier_named(tier)
        cutoff = known.cutoffs.get(measure) if known else None
        if known is None or view.figures is None:
            return cutoff, False, view.figures.measure(measure) if view.figures else None
        held = cutoff is None or holds(measure, cutoff, view.figures)
        return cutoff, held, view.figures.measure(measure)

    found = []
    for _, measure in CONDITIONS:
        old_cutoff, held_before, value_before = look(before, measure)
        new_cutoff, holds_after, value_after = look(after, measure)
        cutoff = old_cutoff if new_cutoff is None else new_cutoff
        if cutoff is None or held_before == holds_after:
            continue
        found.append(
            {
                "measure": measure,
                "before": _shown(value_before, measure, before.policy),
                "after": _shown(value_after, measure, after.policy),
                "cutoff": _shown(cutoff, measure, after.policy),
                "at": time_text(at_ms),
            }
        )
    return found
