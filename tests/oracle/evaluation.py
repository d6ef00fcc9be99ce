"""Evaluating a customer: the tier moves first, then the level; each may put out an event."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.oracle.customer import Customer, Grace
from tests.oracle.effects import Effect
from tests.oracle.identity import Event
from tests.oracle.ledger import figures_on
from tests.oracle.levels import ACTIVE, AT_RISK, CHURNED, DORMANT, LEVELS, thresholds, true_level
from tests.oracle.policy import Policy
from tests.oracle.suppression import marks
from tests.oracle.tiers import (
    Fall,
    Move,
    Needed,
    Standing,
    View,
    crossed,
    keep,
    limited,
    move,
    next_fall,
    next_tier,
    qualified_rank,
    rank_of,
)
from tests.oracle.tiers import name_of as tier_name_of
from tests.oracle.times import time_text

Output = dict[str, Any]


@dataclass(frozen=True)
class Cause:
    """Why a customer is evaluated, and what an output says about it.

    `by_hand`: an override came, or one ended.
    """

    at_ms: int
    today: date
    before: View
    reason: str | None = None  # None: time alone
    late: bool = False
    caused_by: tuple[str, ...] = ()
    may_lower_at_once: bool = False
    by_hand: bool = False


def view_on(customer: Customer, today: date, policy: Policy) -> View:
    return View(policy, figures_on(customer.basis(policy), today, policy))


def standing_of(customer: Customer, policy: Policy) -> Standing:
    """How a customer in a tier of the policy stands."""
    rank = rank_of(customer.tier, policy)
    assert rank is not None, "a policy moves everybody out of the tiers it gives up"
    grace_until = customer.grace.until if customer.grace else None
    return Standing(rank, grace_until, customer.last_rise, customer.newest_override())


def fall_of(customer: Customer, at_ms: int, policy: Policy) -> Fall | None:
    """The next fall if nothing more happens, as it looks at the customer's clock."""
    basis, now = customer.basis(policy), standing_of(customer, policy)
    asked = (basis, now)
    known = customer.fall_known
    # Without anything new it is what it was, until it comes or what is set by hand has ended.
    if known is not None and known[0] == asked and known[1] is policy and at_ms < known[2]:
        earlier: Fall | None = known[3]
        return earlier
    found = next_fall(basis, now, at_ms, policy)
    ends_ms = now.override.until_ms if now.in_force(at_ms, policy) and now.override else None
    valid_until = min((t for t in (found and found.at_ms, ends_ms) if t), default=1 << 62)
    customer.fall_known = (asked, policy, valid_until, found)
    return found


def keep_of(customer: Customer, at_ms: int, policy: Policy) -> Needed | None:
    """What keeps the tier at the instant of its fall; None without one ahead."""
    fall, rank = fall_of(customer, at_ms, policy), standing_of(customer, policy).rank
    return keep(customer.basis(policy), rank, fall, at_ms, policy)


def _decide(customer: Customer, cause: Cause, after: View) -> Move:
    policy = after.policy
    own = qualified_rank(after.figures, policy)
    override = customer.newest_override()
    if rank_of(customer.tier, policy) is None:  # the policy has given up the tier
        in_force = Standing(0, None, None, override).in_force(cause.at_ms, policy)
        return Move(limited(own, in_force, policy), None, customer.last_rise)
    now = standing_of(customer, policy)
    # Of a cancellation, a refund and the like, both sides are under the same override.
    in_force = now.in_force(cause.at_ms, policy)
    former = qualified_rank(cause.before.figures, cause.before.policy)
    lowered = limited(own, in_force, policy) > limited(former, in_force, policy)
    return move(
        now,
        own,
        cause.at_ms,
        cause.today,
        policy,
        at_once=cause.may_lower_at_once and lowered,
        by_hand=cause.by_hand,
    )


def _last_rise(
    customer: Customer, former_tier: str, decided: Move, cause: Cause, policy: Policy
) -> date | None:
    """Out of a tier that the policy has given up, whatever is called up is a rise."""
    if rank_of(former_tier, policy) is not None:
        return decided.last_rise
    before, after = cause.before.policy, view_on(customer, cause.today, policy)
    is_rise = _is_upwards(former_tier, decided.rank, before, policy)
    by_figures = qualified_rank(after.figures, policy) <= decided.rank
    return cause.today if is_rise and by_figures else customer.last_rise


def _is_upwards(tier: str, rank: int, before: Policy, after: Policy) -> bool:
    """Against the rank of the former tier; of one given up, that in the former policy."""
    former = rank_of(tier, after)
    if former is None:
        former = rank_of(tier, before)
    assert former is not None
    return rank <= former


def evaluate_tier(customer: Customer, cause: Cause, policy: Policy) -> list[Output]:
    """Moves the customer by the rules of movement; returns the `tier.changed`, if there is one."""
    after = view_on(customer, cause.today, policy)
    decided = _decide(customer, cause, after)
    former_tier, former_grace = customer.tier, customer.grace
    customer.tier = tier_name_of(decided.rank, policy)
    if decided.grace_until is None:
        customer.grace = None
    elif former_grace is None or decided.grace_ended:
        lost = crossed(customer.tier, cause.before, after, cause.at_ms)
        customer.grace = Grace(decided.grace_until, lost)
    customer.last_rise = _last_rise(customer, former_tier, decided, cause, policy)
    if customer.tier == former_tier:
        return []
    upwards = _is_upwards(former_tier, decided.rank, cause.before.policy, policy)
    if decided.grace_ended:
        assert former_grace is not None
        crossings = former_grace.crossed
    else:
        is_given_up = rank_of(former_tier, policy) is None
        higher = customer.tier if upwards or is_given_up else former_tier
        crossings = crossed(higher, cause.before, after, cause.at_ms)
    basis, now = customer.basis(policy), standing_of(customer, policy)
    fall = fall_of(customer, cause.at_ms, policy)
    tier = policy.tier_named(customer.tier)
    action = tier.action if tier else None
    if tier and tier.action_down is not None and not upwards:
        action = tier.action_down
    customer.sequence += 1
    return [
        {
            "type": "tier.changed",
            "customer_id": customer.customer_id,
            "sequence": customer.sequence,
            "previous_tier": former_tier,
            "tier": customer.tier,
            "direction": "up" if upwards else "down",
            "reason": _reason(cause, decided),
            "late": cause.late,
            "caused_by": list(cause.caused_by),
            "effective_at": time_text(cause.at_ms),
            "before": _shown(cause.before),
            "after": _shown(after),
            "crossed": crossings,
            "next_tier": next_tier(basis, now, cause.at_ms, policy),
            "keeps_until": time_text(fall.at_ms if fall else None),
            "action": action,
            **marks(customer, cause.at_ms, policy),
        }
    ]


def _reason(cause: Cause, decided: Move) -> str:
    if cause.reason is not None:
        return cause.reason
    if decided.grace_ended:
        return "grace_expired"
    return "override" if cause.by_hand else "window"


def _shown(view: View) -> dict[str, Any] | None:
    return view.figures.shown(view.policy) if view.figures else None


def compare_level(
    customer: Customer, at_ms: int, effect: Effect, policy: Policy, reason: str
) -> list[Output]:
    """Sets the true level at the customer's clock; returns what is to be told."""
    level = true_level(at_ms, customer.counted(policy), customer.interactions_ms, policy)
    former, since_ms = customer.level, customer.level_since_ms
    if level == former:
        return []
    if level > former:
        return [reach_level(customer, level, at_ms, policy, reason)]
    above = [sequence for standing, sequence in customer.standing_alerts if standing > level]
    customer.standing_alerts = [each for each in customer.standing_alerts if each[0] <= level]
    customer.level, customer.level_since_ms = level, at_ms
    if effect.purchase_ms is not None and effect.purchase_ms >= since_ms:
        told = "customer.reactivated" if former in (DORMANT, CHURNED) else None
    elif former == CHURNED and (effect.interaction_ms or 0) >= since_ms:
        told = "customer.returned"  # no other level falls by an interaction
    else:
        told = "dormancy.withdrawn"
    if told is None:
        return []
    return [_level_output(customer, told, former, at_ms, policy, reason, withdraws=above)]


def reach_level(
    customer: Customer, level: int, at_ms: int, policy: Policy, reason: str = "silence"
) -> Output:
    """The alert for a more severe level, effective at an instant."""
    assert ACTIVE <= customer.level < level
    former, customer.level, customer.level_since_ms = customer.level, level, at_ms
    output = _level_output(customer, "dormancy.alert", former, at_ms, policy, reason, withdraws=[])
    customer.standing_alerts.append((level, customer.sequence))
    return output


def _level_output(
    customer: Customer,
    told: str,
    former: int,
    at_ms: int,
    policy: Policy,
    reason: str,
    *,
    withdraws: list[int],
) -> Output:
    is_alert = told == "dormancy.alert"
    assert not is_alert or customer.level >= AT_RISK
    limits = thresholds(customer.counted(policy), policy)
    action_keys = {
        "dormancy.alert": LEVELS[customer.level],
        "customer.reactivated": "reactivated",
        "customer.returned": "returned",
        "dormancy.withdrawn": "",
    }
    customer.sequence += 1
    return {
        "type": told,
        "customer_id": customer.customer_id,
        "sequence": customer.sequence,
        "level": LEVELS[customer.level],
        "previous_level": LEVELS[former],
        "reason": reason,
        "effective_at": time_text(at_ms),
        "last_order_at": time_text(customer.last_order_ms(policy)),
        "last_interaction_at": time_text(customer.last_interaction_ms()),
        "threshold_days": limits.days_of(customer.level) if is_alert else None,
        "basis": limits.basis if is_alert else None,
        "withdraws": withdraws if told == "dormancy.withdrawn" else [],
        "tier": customer.tier,
        "open_tickets": len(customer.open_tickets()),
        "action": policy.actions.get(action_keys[told]),
        **marks(customer, at_ms, policy),
    }


def attributes_refused(
    customer: Customer, event: Event, names: list[str], at_ms: int, policy: Policy
) -> Output:
    """What was told of a profile and cannot be used."""
    customer.sequence += 1
    return {
        "type": "attributes.refused",
        "customer_id": customer.customer_id,
        "sequence": customer.sequence,
        "effective_at": time_text(at_ms),
        "caused_by": [event.event_id],
        "reason": "profile",
        "refused": sorted(name[:128] for name in names)[:64],
        **marks(customer, at_ms, policy),
    }
