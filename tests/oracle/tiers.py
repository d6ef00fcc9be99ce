"""Tiers: which one is qualified for, how one moves, what the next one asks."""

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from tests.oracle.grades import fits
from tests.oracle.ledger import Basis, Counted, Figures, figures_on, is_in_window
from tests.oracle.money import MOST_MINOR_UNITS, money_text
from tests.oracle.overrides import Override
from tests.oracle.policy import CONDITIONS, MONEY, Policy, Tier
from tests.oracle.times import business_day, start_of_day, time_text

PROSPECT = "prospect"
_ATTRIBUTES, _DIMENSIONS = "attributes.", "dimensions."


def name_of(rank: int, policy: Policy) -> str:
    """The tier at a rank: 0 is best, the one after the last is `prospect`."""
    return policy.tiers[rank].name if rank < len(policy.tiers) else PROSPECT


def rank_of(tier: str, policy: Policy) -> int | None:
    """None for a tier the policy no longer has."""
    if tier == PROSPECT:
        return len(policy.tiers)
    names = [each.name for each in policy.tiers]
    return names.index(tier) if tier in names else None


def conditions_of(tier: Tier) -> list[tuple[str, Any]]:
    """Each measure that a tier looks at, with the cut-off or the condition on it."""
    return [
        *((measure, tier.cutoffs[measure]) for _, measure in CONDITIONS if measure in tier.cutoffs),
        *((f"{_ATTRIBUTES}{name}", condition) for name, condition in tier.attributes.items()),
        *((f"{_DIMENSIONS}{name}", digit) for name, digit in tier.min_dimensions.items()),
    ]


def value_of(measure: str, figures: Figures) -> Any:
    if measure.startswith(_ATTRIBUTES):
        return figures.grades.attributes.get(measure.removeprefix(_ATTRIBUTES))
    if measure.startswith(_DIMENSIONS):
        return figures.grades.digits.get(measure.removeprefix(_DIMENSIONS))
    return figures.measure(measure)


def holds(measure: str, cutoff: Any, figures: Figures) -> bool:
    value = value_of(measure, figures)
    if measure.startswith(_ATTRIBUTES):
        return fits(cutoff, value)
    if value is None:
        return False  # a dimension that the former policy did not have
    return bool(value <= cutoff if measure == "recency_days" else value >= cutoff)


def qualified_rank(figures: Figures | None, policy: Policy) -> int:
    if figures is None:
        return len(policy.tiers)
    return next(
        rank
        for rank, tier in enumerate(policy.tiers)
        if all(holds(measure, cutoff, figures) for measure, cutoff in conditions_of(tier))
    )


@dataclass(frozen=True)
class Standing:
    """What a customer brings to an evaluation: rank, running grace, last rise, word by hand."""

    rank: int
    grace_until: date | None
    last_rise: date | None
    override: Override | None = None  # the newest, in force or not

    def in_force(self, at_ms: int, policy: Policy) -> Override | None:
        given = self.override
        if given is None or given.tier is None or given.until_ms <= at_ms:
            return None
        return given if policy.tier_named(given.tier) is not None else None


def limited(own: int, override: Override | None, policy: Policy) -> int:
    """The qualified rank under what is set by hand."""
    if override is None:
        return own
    assert override.tier is not None
    rank = rank_of(override.tier, policy)
    assert rank is not None
    match override.mode:
        case "floor":
            return min(own, rank)
        case "ceiling":
            return max(own, rank)
    return rank


def may_be(rank: int, override: Override | None, policy: Policy) -> bool:
    """Whether what is set by hand allows a rank."""
    if override is None or override.mode == "floor":
        return True
    assert override.tier is not None
    best = rank_of(override.tier, policy)
    assert best is not None
    return rank >= best


@dataclass(frozen=True)
class Move:
    """What an evaluation decides; `grace_ended` when the fall is the end of a grace."""

    rank: int
    grace_until: date | None
    last_rise: date | None
    grace_ended: bool = False


def move(
    now: Standing,
    own: int,
    at_ms: int,
    today: date,
    policy: Policy,
    *,
    at_once: bool = False,
    by_hand: bool = False,
) -> Move:
    """Movement rules 1 to 4, for who qualifies for `own` by figures.

    Args:
        now: how the customer stands before.
        own: the rank that the figures qualify for.
        at_ms: the customer's clock.
        today: its business day.
        policy: the policy in force.
        at_once: this event lowered the qualified tier (rule 3).
        by_hand: an override begins or ends, so that a rise starts no hold.
    """
    override = now.in_force(at_ms, policy)
    qualified = limited(own, override, policy)
    if qualified < now.rank:
        is_lifted = by_hand or own > qualified
        return Move(qualified, None, now.last_rise if is_lifted else today)
    if qualified == now.rank:
        return Move(qualified, None, now.last_rise)
    if at_once or not may_be(now.rank, override, policy):
        return Move(qualified, None, None)
    held_until = None
    if policy.hold_days and now.last_rise is not None:
        held_until = now.last_rise + timedelta(days=policy.hold_days)
    if held_until is not None and today < held_until:
        return Move(now.rank, now.grace_until, now.last_rise)
    if policy.grace_days == 0:
        return Move(qualified, None, now.last_rise)
    if now.grace_until is None:
        return Move(now.rank, today + timedelta(days=policy.grace_days), now.last_rise)
    if today < now.grace_until:
        return Move(now.rank, now.grace_until, now.last_rise)
    landed = now.rank + 1 if policy.soft_landing else qualified
    next_grace = today + timedelta(days=policy.grace_days) if landed < qualified else None
    return Move(landed, next_grace, now.last_rise, grace_ended=True)


@dataclass(frozen=True)
class Fall:
    """The next fall if nothing more happens."""

    at_ms: int
    rank: int


def next_fall(basis: Basis, now: Standing, at_ms: int, policy: Policy) -> Fall | None:
    """The first instant at which the tier is worse than now: every coming day is tried."""
    steps = [*policy.recency_cutoffs]
    steps += [t.cutoffs["recency_days"] for t in policy.tiers if "recency_days" in t.cutoffs]
    today = business_day(at_ms, policy.timezone)
    last_day = max((order.day for order in basis.orders), default=date.min)
    longest_days = max(policy.window_days, *map(int, steps)) + 2
    quiet_from = max(last_day + timedelta(days=longest_days), today)
    if now.last_rise is not None:
        quiet_from = max(quiet_from, now.last_rise + timedelta(days=policy.hold_days))
    ends_ms = None
    if now.in_force(at_ms, policy) is not None:
        assert now.override is not None
        ends_ms = now.override.until_ms
    rank, day = now.rank, today
    while day <= quiet_from or now.grace_until is not None or ends_ms is not None:
        next_day = day + timedelta(days=1)
        begins_ms = start_of_day(next_day, policy.timezone)
        instant_ms = begins_ms if ends_ms is None else min(begins_ms, ends_ms)
        by_hand = instant_ms == ends_ms
        on = business_day(instant_ms, policy.timezone)
        if instant_ms == begins_ms:
            day = next_day
        if by_hand:
            ends_ms = None
            quiet_from = max(quiet_from, on)
        if on != day:
            continue  # the zone skipped this date
        own = qualified_rank(figures_on(basis, on, policy), policy)
        after = move(now, own, instant_ms, on, policy, by_hand=by_hand)
        if after.rank > rank:
            return Fall(instant_ms, after.rank)
        now = replace(
            now, rank=after.rank, grace_until=after.grace_until, last_rise=after.last_rise
        )
    return None


@dataclass(frozen=True)
class Needed:
    """How many orders, and of what total, would do; None for no number."""

    orders: int | None
    total_minor: int | None

    def shown(self, policy: Policy) -> dict[str, Any]:
        total = self.total_minor
        return {
            "orders_needed": self.orders,
            "total_needed": None if total is None else money_text(total, policy.digits),
        }


MOST_ORDERS_NEEDED = 100
NOTHING = Needed(None, None)


def _least_total(
    basis: Basis, number: int, rank: int, placed_on: date, on: date, policy: Policy
) -> int | None:
    """The smallest total of so many orders with which the figures qualify for a rank on a day."""

    def qualifies(total: int) -> bool:
        more = [Counted("", 0, placed_on, 0, True, False)] * (number - 1)
        more.append(Counted("", 0, placed_on, total, in_reach=True, merged=False))
        return qualified_rank(figures_on(basis.plus(more), on, policy), policy) <= rank

    monetary = sum(
        order.value_minor
        for order in basis.orders
        if order.in_reach and is_in_window(order.day, on, policy)
    )
    ever = sum(order.value_minor for order in basis.orders)
    steps = [step - monetary for step in policy.monetary_cutoffs_minor]
    for tier in policy.tiers:
        steps += [tier.cutoffs[m] - has for m, has in _sums(monetary, ever) if m in tier.cutoffs]
    totals = {0} | {max(0, math.ceil(step)) for step in steps}
    possible = [total for total in sorted(totals) if total <= number * MOST_MINOR_UNITS]
    if not possible or not qualifies(possible[-1]):
        return None
    return next(total for total in possible if qualifies(total))


def _sums(monetary: int, ever: int) -> list[tuple[str, int]]:
    return [("monetary", monetary), ("spend_ever", ever)]


def needed(basis: Basis, rank: int, placed_on: date, on: date, policy: Policy) -> Needed:
    """The smallest number of orders of a day, and their smallest total, for a rank on a day."""
    for number in range(1, MOST_ORDERS_NEEDED + 1):
        total = _least_total(basis, number, rank, placed_on, on, policy)
        if total is not None:
            return Needed(number, total)
    return NOTHING


def keep(basis: Basis, rank: int, fall: Fall | None, at_ms: int, policy: Policy) -> Needed | None:
    """What keeps a tier at the instant of its fall; None without a fall."""
    if fall is None:
        return None
    today = business_day(at_ms, policy.timezone)
    on = business_day(fall.at_ms, policy.timezone)
    return needed(basis, rank, today, on, policy)


def next_tier(basis: Basis, now: Standing, at_ms: int, policy: Policy) -> dict[str, Any] | None:
    """The tier directly above and what orders of today would qualify for it."""
    if now.rank == 0:
        return None
    above, today = now.rank - 1, business_day(at_ms, policy.timezone)
    amount, more = None, NOTHING
    if may_be(above, now.in_force(at_ms, policy), policy):
        amount = _least_total(basis, 1, above, today, today, policy)
        more = needed(basis, above, today, today, policy)
    return {
        "tier": name_of(above, policy),
        "order_amount_needed": None if amount is None else money_text(amount, policy.digits),
        **more.shown(policy),
    }


@dataclass(frozen=True)
class View:
    """A customer's figures under a policy: one side of an evaluation."""

    policy: Policy
    figures: Figures | None


def _shown(value: Any, measure: str, policy: Policy) -> Any:
    if value is None or measure.startswith((_ATTRIBUTES, _DIMENSIONS)):
        return value
    if measure in MONEY:
        return money_text(value, policy.digits)
    return int(value) if value == int(value) else float(value)


def crossed(tier: str, before: View, after: View, at_ms: int) -> list[dict[str, Any]]:
    """The conditions of a tier that came to hold or ceased to hold."""

    def asked(view: View) -> dict[str, Any]:
        known = view.policy.tier_named(tier)
        return {} if known is None else dict(conditions_of(known))

    def look(view: View, measure: str) -> tuple[Any, bool, Any]:
        """Cut-off of the condition, whether it holds, and the value looked at."""
        known = view.policy.tier_named(tier)
        cutoff = asked(view).get(measure)
        if known is None or view.figures is None:
            return cutoff, False, value_of(measure, view.figures) if view.figures else None
        held = cutoff is None or holds(measure, cutoff, view.figures)
        return cutoff, held, value_of(measure, view.figures)

    found = []
    plain = [measure for _, measure in CONDITIONS]
    for measure in dict.fromkeys([*plain, *asked(after), *asked(before)]):
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
