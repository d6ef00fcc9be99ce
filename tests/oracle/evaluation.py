"""Evaluating a customer: the tier moves first, then the level; each may put out an event."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.oracle.customer import Customer, Grace
from tests.oracle.effects import Effect
from tests.oracle.feelings import is_held_out
from tests.oracle.ledger import figures_on
from tests.oracle.levels import ACTIVE, AT_RISK, CHURNED, DORMANT, LEVELS, thresholds, true_level
from tests.oracle.policy import Policy
from tests.oracle.tiers import (
    Move,
    View,
    crossed,
    keeps_until_ms,
    move,
    next_tier,
    qualified_rank,
    rank_of,
)
from tests.oracle.tiers import name_of as tier_name_of
from tests.oracle.times import time_text

Output = dict[str, Any]


@dataclass(frozen=True)
class Cause:
    """Why a customer is evaluated, and what an output says about it."""

    at_ms: int
    today: date
    before: View
    reason: str | None = None  # None: time alone
    late: bool = False
    caused_by: tuple[str, ...] = ()
    may_lower_at_once: bool = False


def view_on(customer: Customer, today: date, policy: Policy) -> View:
    return View(policy, figures_on(customer.counted(policy), today, policy))


def _decide(customer: Customer, cause: Cause, after: View) -> Move:
    policy = after.policy
    qualified = qualified_rank(after.figures, policy)
    rank = rank_of(customer.tier, policy)
    if rank is None:  # the policy has given up the tier
        return Move(qualified, None)
    lowered = qualified > qualified_rank(cause.before.figures, cause.before.policy)
    return move(
        rank,
        customer.grace.until if customer.grace else None,
        qualified,
        cause.today,
        policy,
        at_once=cause.may_lower_at_once and lowered,
    )


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
    counted = customer.counted(policy)
    grace_until = customer.grace.until if customer.grace else None
    keeps_ms = keeps_until_ms(counted, decided.rank, grace_until, cause.today, policy)
    tier = policy.tier_named(customer.tier)
    customer.sequence += 1
    return [
        {
            "type": "tier.changed",
            "customer_id": customer.customer_id,
            "sequence": customer.sequence,
            "previous_tier": former_tier,
            "tier": customer.tier,
            "direction": "up" if upwards else "down",
            "reason": cause.reason or ("grace_expired" if decided.grace_ended else "window"),
            "late": cause.late,
            "caused_by": list(cause.caused_by),
            "effective_at": time_text(cause.at_ms),
            "before": _shown(cause.before),
            "after": _shown(after),
            "crossed": crossings,
            "next_tier": next_tier(counted, customer.tier, cause.today, policy),
            "keeps_until": time_text(keeps_ms),
            "action": tier.action if tier else None,
            "policy_version": policy.version,
            "marketing_consent": customer.marketing_consent(),
        }
    ]


def _shown(view: View) -> dict[str, Any] | None:
    return view.figures.shown(view.policy) if view.figures else None


def compare_level(customer: Customer, at_ms: int, effect: Effect, policy: Policy) -> list[Output]:
    """Sets the true level at the customer's clock; returns what is to be told."""
    level = true_level(at_ms, customer.counted(policy), customer.interactions_ms, policy)
    former, since_ms = customer.level, customer.level_since_ms
    if level == former:
        return []
    if level > former:
        return [reach_level(customer, level, at_ms, policy)]
    above = [sequence for standing, sequence in customer.standing_alerts if standing > level]
    customer.standing_alerts = [each for each in customer.standing_alerts if each[0] <= level]
    customer.level, customer.level_since_ms = level, at_ms
    if effect.purchase_ms is not None and effect.purchase_ms >= since_ms:
        told = "customer.reactivated" if former in (DORMANT, CHURNED) else None
    elif effect.interaction_ms is not None and effect.interaction_ms >= since_ms:
        told = "customer.returned" if former == CHURNED else None
    else:
        told = "dormancy.withdrawn"
    if told is None:
        return []
    return [_level_output(customer, told, former, at_ms, policy, withdraws=above)]


def reach_level(customer: Customer, level: int, at_ms: int, policy: Policy) -> Output:
    """The alert for a more severe level, effective at an instant."""
    assert ACTIVE <= customer.level < level
    former, customer.level, customer.level_since_ms = customer.level, level, at_ms
    output = _level_output(customer, "dormancy.alert", former, at_ms, policy, withdraws=[])
    customer.standing_alerts.append((level, customer.sequence))
    return output


def _level_output(
    customer: Customer,
    told: str,
    former: int,
    at_ms: int,
    policy: Policy,
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
        "effective_at": time_text(at_ms),
        "last_order_at": time_text(customer.last_order_ms(policy)),
        "last_interaction_at": time_text(customer.last_interaction_ms()),
        "threshold_days": limits.days_of(customer.level) if is_alert else None,
        "basis": limits.basis if is_alert else None,
        "withdraws": withdraws if told == "dormancy.withdrawn" else [],
        "tier": customer.tier,
        "open_tickets": len(customer.open_tickets()),
        "suppressed": customer.suppressed(held_out=is_held_out(customer.customer_id, policy)),
        "action": policy.actions.get(action_keys[told]),
        "policy_version": policy.version,
        "marketing_consent": customer.marketing_consent(),
    }
