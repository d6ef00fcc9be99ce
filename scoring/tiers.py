"""Tiers: the qualified one, the conditions that were crossed, and the transition with its grace.

What comes if nothing more happens is in `scoring.outlook`, what a tier takes in `scoring.needed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from scoring.crossed import Crossed
from scoring.grading import AttributeRule, Beyond, BeyondRule, Grading
from scoring.rfm import Rfm
from scoring.rules import MEASURES, Condition, Rules

_CROSSED_ORDER = tuple(
    MEASURES.index(name)
    for name in (
        "score",
        "r",
        "f",
        "m",
        "frequency",
        "monetary",
        "recency_days",
        "orders_ever",
        "spend_ever",
    )
)


# -- the qualified tier


def holds(condition: Condition, rfm: Rfm | None) -> bool:
    """Whether a condition holds; for a prospect (None) none does."""
    if rfm is None:
        return False
    measure_at, cutoff, at_most = condition
    found = rfm.figures[measure_at]
    return found <= cutoff if at_most else found >= cutoff


def qualified_rank(rules: Rules, rfm: Rfm | None) -> int:
    """The rank of the first tier whose conditions all hold; prospects rank below the last."""
    return rules.prospect_rank if rfm is None else rank_by(rules, rfm, rfm.beyond)


def rank_by(rules: Rules, figures: Sequence[Any], beyond: Beyond | None) -> int:
    """The same by the figures of a customer with orders.

    Args:
        rules: in force.
        figures: in the order of `scoring.rules.MEASURES`; what comes after them is not looked at.
        beyond: what else the customer is graded by.
    """
    rank = -1
    for tier in rules.tiers:
        rank += 1
        if beyond is not None and rank in beyond.closed:
            continue
        for measure_at, cutoff, at_most in tier.conditions:
            if (figures[measure_at] > cutoff) if at_most else (figures[measure_at] < cutoff):
                break
        else:
            return rank
    raise AssertionError("the last tier has no condition")


# -- the conditions that were crossed


Graded = tuple[Beyond | None, Beyond | None]
"""By what a customer is graded beside orders, before and after."""


def crossed(
    rules: Rules,
    rank: int,
    before: Rfm | None,
    after: Rfm | None,
    at_ms: int,
    old_rules: Rules | None = None,
    graded: Graded = (None, None),
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
        graded: by what, beside orders, before and after: of a prospect, too.
    """
    if rank >= rules.prospect_rank:
        return ()
    tier = rules.tiers[rank]
    new = {condition.measure_at: condition for condition in tier.conditions}
    old = new if old_rules is None else _conditions_of(old_rules, tier.name)
    found = []
    for measure_at in new if old_rules is None else _CROSSED_ORDER:
        condition = new.get(measure_at) or (old or {}).get(measure_at)
        if condition is None:
            continue
        held = old is not None and _holds(old.get(measure_at), before)
        if held != _holds(new.get(measure_at), after):
            found.append(
                Crossed(
                    condition.measure,
                    None if before is None else before.figures[measure_at],
                    None if after is None else after.figures[measure_at],
                    condition.cutoff,
                    at_ms,
                )
            )
    if rules.grading is not None or (old_rules is not None and old_rules.grading is not None):
        found += _crossed_beyond(rules, rank, before, after, at_ms, old_rules or rules, graded)
    return tuple(found)


def _crossed_beyond(
    rules: Rules,
    rank: int,
    before: Rfm | None,
    after: Rfm | None,
    at_ms: int,
    old_rules: Rules,
    graded: Graded,
) -> Iterator[Crossed]:
    """The same of conditions on attributes and dimensions."""
    name = rules.tiers[rank].name
    new = _beyond_rules(rules.grading, rank)
    old = _beyond_rules(old_rules.grading, old_rules.rank.get(name))
    for measure in {**new, **old}:
        rule, was = new.get(measure), old.get(measure)
        held = name in old_rules.rank and _holds_beyond(was, before)
        if held != _holds_beyond(rule, after):
            shown = rule or was
            assert shown is not None
            values = _found(shown, before), _found(shown, after)
            if old_rules is not rules and isinstance(shown, AttributeRule):
                text = _text_of(shown, graded)
                values = None if before is None else text, None if after is None else text
            yield Crossed(measure, *values, shown.cutoff, at_ms)


def _beyond_rules(grading: Grading | None, rank: int | None) -> dict[str, BeyondRule]:
    """The conditions of a tier beyond orders, by measure."""
    if grading is None or rank is None or rank >= len(grading.tiers):
        return {}
    return {rule.measure: rule for rule in grading.tiers[rank]}


def _holds_beyond(rule: BeyondRule | None, rfm: Rfm | None) -> bool:
    if rfm is None:
        return False
    return rule is None or (rfm.beyond is not None and rule.holds(rfm.beyond))


def _found(rule: BeyondRule, rfm: Rfm | None) -> int | str | None:
    return None if rfm is None or rfm.beyond is None else rule.found(rfm.beyond)


def _text_of(rule: AttributeRule, graded: Graded) -> str | None:
    """A new policy changes no attribute: the value is known by the policy that names it."""
    texts = [rule.found(side) for side in graded if side is not None]
    return next((text for text in texts if text is not None), None)


def _conditions_of(rules: Rules, tier_name: str) -> dict[int, Condition] | None:
    """The conditions of a tier by measure; None if the policy has no such tier."""
    for tier in rules.tiers:
        if tier.name == tier_name:
            return {condition.measure_at: condition for condition in tier.conditions}
    return None


def _holds(condition: Condition | None, rfm: Rfm | None) -> bool:
    return rfm is not None and (condition is None or holds(condition, rfm))


# -- the transition, with grace and hold


class Bounds(NamedTuple):
    """What bounds a transition beside the figures."""

    hold_until_day: int | None = None
    """The business day on which the hold after the last rise ends; None without one."""
    best_rank: int = 0
    """The best rank that an override in force allows: a better tier is left at once."""


class Transition(NamedTuple):
    """What one evaluation decides. Rank 0 is the best tier."""

    rank: int
    grace_until_day: int | None
    """The business day on which a grace ends; None without one."""
    grace_starts: bool
    grace_ended: bool
    """Whether the customer falls because a grace ended."""
    hold_ends: bool = False
    """Whether a fall at once ends the hold that ran."""


def transition(
    rules: Rules,
    current: int,
    qualified: int,
    grace_until_day: int | None,
    today: int,
    *,
    lowered_by_event: bool,
    bounds: Bounds = Bounds(),  # noqa: B008 - a named tuple does not change
) -> Transition:
    """The tier and the grace after an evaluation on business day `today`.

    Up at once; down at once if an event took it away, else at the end of a grace: one step with
    `soft_landing`, and while the tier is still too good, with a new grace. While a hold runs, no
    grace begins or ends.

    Args:
        rules: in force.
        current: rank of the tier the customer is in.
        qualified: rank of the tier the customer qualifies for.
        grace_until_day: of the grace that runs; None without one.
        today: the business day of the customer's clock.
        lowered_by_event: this very event, a cancellation, failed payment, refund or edit
            downwards, lowered the qualified tier.
        bounds: of a hold and of an override in force.
    """
    if qualified <= current:
        return at_once(qualified)
    if lowered_by_event or current < bounds.best_rank:
        return at_once(qualified)._replace(hold_ends=True)
    if bounds.hold_until_day is not None and today < bounds.hold_until_day:
        return Transition(current, grace_until_day, grace_starts=False, grace_ended=False)
    if rules.grace_days == 0:
        return at_once(qualified)
    if grace_until_day is None:
        return Transition(current, grace_end(rules, today), grace_starts=True, grace_ended=False)
    if today < grace_until_day:
        return Transition(current, grace_until_day, grace_starts=False, grace_ended=False)
    rank = current + 1 if rules.soft_landing else qualified
    if rank < qualified:
        return Transition(rank, grace_end(rules, today), grace_starts=True, grace_ended=True)
    return Transition(rank, None, grace_starts=False, grace_ended=True)


def at_once(qualified: int) -> Transition:
    """The qualified tier without any grace: also for a tier that a new policy has dropped."""
    return Transition(qualified, None, grace_starts=False, grace_ended=False)


def grace_end(rules: Rules, day: int) -> int:
    """The business day on which a grace ends that starts on `day`."""
    return day + rules.grace_days


def hold_end(rules: Rules, rose_day: int | None) -> int | None:
    """The business day on which the hold after a rise ends; None without one."""
    return None if rose_day is None or rules.hold_days == 0 else rose_day + rules.hold_days
