"""What a policy says in vain: what nobody reaches, actions never sent, holidays that are over.

A policy with warnings is right and may be published; they are for whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product

from config.policy_actions import actions_of
from scoring.grading import Beyond
from scoring.policy import Cadence, CarePolicy, Policy, Probability, Tier
from scoring.rfm import Rfm, compute_rfm
from scoring.rules import Rules
from scoring.tiers import holds

MOST_COMBINATIONS = 250_000
"""Figures that are tried for each tier; a policy that needs more has no warnings of tiers."""
_BY_FIGURES = frozenset(
    {
        "name",
        "label",
        "action",
        "action_down",
        "min_score",
        "min_r",
        "min_f",
        "min_m",
        "min_frequency",
        "min_monetary",
        "max_recency_days",
        "min_orders_ever",
        "min_spend_ever",
    }
)
"""Fields of a tier that the figures of orders decide; all others are taken as they may be."""


def warnings_of(policy: Policy, now_ms: int) -> list[str]:
    """What is said in vain, each with its place and the reason.

    Args:
        policy: a right one.
        now_ms: the present instant.
    """
    rules = Rules(policy)
    found = [*_of_tiers(policy, rules), *_of_levels(policy)]
    found += [*_of_points(policy), *_of_holidays(rules, now_ms), *_of_contact(policy)]
    return [*found, *_of_actions(policy)]


def _of_actions(policy: Policy) -> Iterator[str]:
    sent = actions_of(policy)
    for name in policy.actions or ():
        if name not in sent:
            yield f"actions.{name}: nothing in the policy sends this action"


# -- tiers


def _of_tiers(policy: Policy, rules: Rules) -> Iterator[str]:
    passed_through: set[str] = set()
    unreachable = _unreachable(policy, rules)
    best = policy.tiers[0]
    for number, tier in enumerate(policy.tiers, 1):
        why = unreachable.get(tier.name)
        if why is None:
            continue
        place = f"tiers[{number}] ({tier.name})"
        better = {above.name for above in policy.tiers[: number - 1]}
        if policy.movement.soft_landing and better - unreachable.keys():
            passed_through.add(tier.name)
            yield (
                f"{place}: nobody can qualify for it by figures: {why}; only a fall from a better "
                "tier passes through it"
            )
            continue
        yield f"{place}: nobody can reach it by figures: {why}"
        if tier.action is not None:
            yield f"tiers[{number}].action: {tier.action!r} is never sent, nobody comes to the tier"
    if best.action_down is not None:
        yield (
            f"tiers[1].action_down: {best.action_down!r} is never sent, nobody falls into the best "
            "tier"
        )
    never = unreachable.keys() - passed_through
    yield from _of_reminders(policy, never)


def _of_reminders(policy: Policy, never: set[str]) -> Iterator[str]:
    """Reminders that are only for tiers that nobody is in."""
    care = policy.care
    if care is None:
        return
    for name, silence in care.checkin.items():
        if name in never:
            yield f"care.checkin.{name}: {silence.action!r} is never sent, nobody is in the tier"
    for number, holiday in enumerate(care.holidays, 1):
        if holiday.tiers and set(holiday.tiers) <= never:
            yield f"care.holidays[{number}] ({holiday.name}): nobody is in any of its tiers"
    yield from _of_service(care, never)
    for place, occasion in (("birthday", care.birthday), ("anniversary", care.anniversary)):
        if occasion is not None and occasion.tiers and set(occasion.tiers) <= never:
            yield f"care.{place}: nobody is in any of its tiers"


def _of_service(care: CarePolicy, never: set[str]) -> Iterator[str]:
    """Visits and terms of tickets that are only for tiers that nobody is in."""
    for name in () if care.visits is None else care.visits.days:
        if name in never:
            yield f"care.visits.days.{name}: nobody is visited, nobody is in the tier"
    for number, terms in enumerate(care.tickets, 1):
        if terms.tiers and set(terms.tiers) <= never:
            yield f"care.tickets[{number}]: nobody is in any of its tiers"


def _of_points(policy: Policy) -> Iterator[str]:
    """Reminders of points that expire, where none do."""
    points = policy.points
    if points is not None and points.warn_days is not None and points.expire_after_days is None:
        yield "points.warn_days: nobody is told, points never expire without expire_after_days"


def _unreachable(policy: Policy, rules: Rules) -> dict[str, str]:
    """The tiers for which no figures of a customer qualify, and why."""
    combinations = _combinations(rules)
    digits = _digits(rules)
    if combinations is None or len(combinations) * len(digits) > MOST_COMBINATIONS:
        return {}
    found: dict[str, str] = {}
    for rank, tier in enumerate(policy.tiers):
        if _needs_more(tier):
            continue
        takers: set[int | None] = set()
        for figures, beyond in product(combinations, digits):
            rfm = _least(rules, rank, figures, beyond)
            if all(holds(condition, rfm) for condition in rules.tiers[rank].conditions):
                takers.add(_better(policy, rules, rank, rfm))
                if None in takers:
                    break
        if None not in takers:
            found[tier.name] = _why(policy, takers)
    return found


def _why(policy: Policy, takers: set[int | None]) -> str:
    names = [policy.tiers[rank].name for rank in sorted(one for one in takers if one is not None)]
    whose = names[0] if len(names) == 1 else f"one of {', '.join(names)}"
    better = "which is better" if len(names) == 1 else "which are better"
    return f"whoever meets its conditions meets those of {whose}, {better}"


def _better(policy: Policy, rules: Rules, rank: int, rfm: Rfm) -> int | None:
    """The best tier above one for which figures qualify; None if there is none for sure."""
    for above in range(rank):
        if not _needs_more(policy.tiers[above]) and all(
            holds(condition, rfm) for condition in rules.tiers[above].conditions
        ):
            return above
    return None


def _needs_more(tier: Tier) -> bool:
    """Whether a tier asks for more than figures of orders."""
    more = (name for name in tier.__struct_fields__ if name not in _BY_FIGURES)
    return any(getattr(tier, name) not in (None, (), {}) for name in more)


def _digits(rules: Rules) -> list[Beyond | None]:
    """Every sum that the digits of the dimensions may add to the score; conditions as met."""
    if rules.grading is None:
        return [None]
    points = {0}
    for dimension in rules.grading.dimensions:
        points = {sum_ + dimension.weight * step for sum_ in points for step in range(5)}
    return [Beyond((), (), each, frozenset()) for each in sorted(points)]


def _least(rules: Rules, rank: int, figures: tuple[int, int, int], beyond: Beyond | None) -> Rfm:
    """RFM with the least figures "ever" that a tier asks for, beside those of the window."""
    recency, frequency, monetary = figures
    asked = {condition.measure: condition.cutoff for condition in rules.tiers[rank].conditions}
    orders_ever = max(1, frequency, asked.get("orders_ever", 0))
    spend_ever = max(monetary, asked.get("spend_ever", 0))
    return compute_rfm(rules, recency, frequency, monetary, orders_ever, spend_ever, beyond)


def _combinations(rules: Rules) -> list[tuple[int, int, int]] | None:
    """Recency, frequency and value of one customer for each way in which cut-offs are passed.

    With an order in the window the last one is younger than the window, without one older. None if
    there are too many.
    """
    asked: dict[str, set[int]] = {}
    for tier in rules.tiers:
        for condition in tier.conditions:
            asked.setdefault(condition.measure, set()).add(condition.cutoff)
    recency = {*rules.recency_cutoffs, *asked.get("recency_days", ())}
    frequency = {*rules.frequency_cutoffs, *asked.get("frequency", ())}
    monetary = {*rules.monetary_cutoffs, *asked.get("monetary", ())}
    recencies = {0, rules.window_days} | {cutoff + step for cutoff in recency for step in (0, 1)}
    young = sorted(one for one in recencies if one < rules.window_days)
    old = sorted(one for one in recencies if one >= rules.window_days)
    counts = sorted({1, *(cutoff - step for cutoff in frequency for step in (0, 1))} - {0, -1})
    values = sorted({0, *(cutoff - step for cutoff in monetary for step in (0, 1))} - {-1})
    if len(young) * len(counts) * len(values) > MOST_COMBINATIONS:
        return None
    return [*product(young, counts, values), *((one, 0, 0) for one in old)]


# -- levels


def _of_levels(policy: Policy) -> Iterator[str]:
    dormancy = policy.dormancy
    uses_days = dormancy.mode != "probability" or dormancy.probability_min_orders > 1
    if uses_days and dormancy.at_risk_days == dormancy.dormant_days:
        yield (
            f"dormancy.at_risk_days: nobody stays at risk, dormant_days is {dormancy.dormant_days}"
            f" too, {_AT_ONCE}"
        )
    if dormancy.mode == "cadence":
        yield from _of_own_thresholds("dormancy.cadence", dormancy.cadence)
    elif dormancy.mode == "probability" and dormancy.probability is not None:
        yield from _of_own_thresholds("dormancy.probability", dormancy.probability)


_AT_ONCE = "so both alerts go out at one instant"


def _of_own_thresholds(place: str, own: Cadence | Probability) -> Iterator[str]:
    """Levels that come together, where each customer has thresholds of their own."""
    if own.min_days == own.max_days:
        yield (
            f"{place}.min_days: max_days is {own.max_days} too, so everybody is at risk, dormant "
            "and churned after the same days"
        )
    elif Fraction(own.at_risk) == Fraction(own.dormant):
        yield f"{place}.at_risk: nobody stays at risk, dormant is {own.dormant} too, {_AT_ONCE}"


# -- holidays


def _of_holidays(rules: Rules, now_ms: int) -> Iterator[str]:
    yesterday = rules.calendar.day(now_ms) - 1
    for number, holiday in enumerate(() if rules.care is None else rules.care.holidays, 1):
        if holiday.next_after(yesterday) is None:
            yield f"care.holidays[{number}] ({holiday.name}): has no date to come"


# -- contact


def _of_contact(policy: Policy) -> Iterator[str]:
    """Places and exemptions where there is no cap to be weighed against."""
    contact = policy.contact
    if contact is None or contact.caps:
        return
    for key in ("priority", "exempt"):
        if getattr(contact, key):
            yield f"contact.{key}: changes nothing without caps"
