"""Why a customer is in a tier, what keeps it there, and what comes if nothing more happens."""

from __future__ import annotations

from handlers.explain.grading import conditions_beyond
from handlers.explain.model import (
    ConditionHeld,
    GraceHeld,
    Measured,
    OverrideWhy,
    TierHeld,
    TierWhy,
)
from handlers.outputs import crossed_view, optional_time
from handlers.state.customer import Customer
from handlers.tiers.expiring import expiring_due_ms
from handlers.tiers.outlook import Ahead, ahead, keep, keeps_until, next_tier
from scoring.money import text_of_minor
from scoring.override import Override, in_force, overridden_rank
from scoring.rfm import Rfm
from scoring.rules import MONEY, Condition, Rules
from scoring.tiers import hold_end, holds, qualified_rank
from scoring.timestamps import rfc3339


def tier_why(customer: Customer, rules: Rules, rfm: Rfm | None, clock_ms: int) -> TierWhy:
    """The tier of a customer as of its clock; `rfm` is None for a prospect."""
    rank = rules.rank[customer.tier]
    by_figures = qualified_rank(rules, rfm)
    override = in_force(customer.override, rules, clock_ms)
    coming = ahead(rules, customer, clock_ms)
    return TierWhy(
        name=customer.tier,
        qualifies_for=rules.tier_name(overridden_rank(rules, by_figures, override)),
        current=None if rank == rules.prospect_rank else _tier_held(rules, rank, rfm),
        above=None if rank == 0 else _tier_held(rules, rank - 1, rfm),
        next_tier=next_tier(rules, customer, clock_ms),
        grace=_grace_held(customer, rules, coming),
        keeps_until=keeps_until(coming),
        by_figures=rules.tier_name(by_figures),
        falls_to=None if coming is None else rules.tier_name(coming.fall.rank),
        keep=keep(rules, customer, coming, clock_ms),
        held_until=_held_until(customer, rules, clock_ms),
        override=_override_why(customer.override, rules, clock_ms),
        waits=_override_why(customer.pending_override, rules, clock_ms, waits=True),
        told_at=optional_time(expiring_due_ms(customer)),
    )


def measured(rules: Rules, measure: str, value: int) -> Measured:
    """A value of a measure; money as text in major units."""
    return text_of_minor(value, rules.base_digits) if measure in MONEY else value


def _held_until(customer: Customer, rules: Rules, clock_ms: int) -> str | None:
    day = hold_end(rules, customer.rose_day)
    if day is None or day <= rules.calendar.day(clock_ms):
        return None
    return rfc3339(rules.calendar.start(day))


def _override_why(
    said: Override | None, rules: Rules, clock_ms: int, *, waits: bool = False
) -> OverrideWhy | None:
    if said is None or said.tier is None or said.until_ms <= clock_ms:
        return None
    return OverrideWhy(
        tier=said.tier,
        mode=said.mode,  # type: ignore[arg-type]  # one of these three
        until=rfc3339(said.until_ms),
        is_in_force=not waits and in_force(said, rules, clock_ms) is not None,
        told_at=rfc3339(said.told_ms),
        event_id=said.event_id,
        by=said.by,
        note=said.note,
        approved_by=said.approved_by,
    )


def _grace_held(customer: Customer, rules: Rules, coming: Ahead | None) -> GraceHeld | None:
    grace = customer.grace
    if grace is None:
        return None
    rank = rules.rank[customer.tier] if coming is None else coming.fall.rank
    return GraceHeld(
        rfc3339(rules.calendar.start(grace.until_day)),
        rules.tier_name(rank),
        [crossed_view(crossed, rules) for crossed in grace.crossed],
    )


def _tier_held(rules: Rules, rank: int, rfm: Rfm | None) -> TierHeld:
    conditions = [
        _condition_held(rules, condition, rfm) for condition in rules.tiers[rank].conditions
    ]
    conditions += conditions_beyond(rules, rank, rfm)
    return TierHeld(
        rules.tier_name(rank),
        rules.policy.tiers[rank].label,
        rfm is not None and all(condition.holds for condition in conditions),
        conditions,
    )


def _condition_held(rules: Rules, condition: Condition, rfm: Rfm | None) -> ConditionHeld:
    measure, cutoff = condition.measure, condition.cutoff
    value = None if rfm is None else rfm.figures[condition.measure_at]
    margin = None
    if value is not None:
        margin = cutoff - value if condition.at_most else value - cutoff
    return ConditionHeld(
        measure=measure,
        comparison="at_most" if condition.at_most else "at_least",
        required=measured(rules, measure, cutoff),
        found=None if value is None else measured(rules, measure, value),
        margin=None if margin is None else measured(rules, measure, margin),
        holds=holds(condition, rfm),
    )
