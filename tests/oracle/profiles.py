"""The public profile."""

from typing import Any

from tests.oracle import feelings, followups, owner, points, service, tags, visits
from tests.oracle.customer import Customer
from tests.oracle.evaluation import fall_of, keep_of, standing_of
from tests.oracle.ledger import Figures, figures_on
from tests.oracle.levels import ACTIVE, LEVELS
from tests.oracle.money import money_text
from tests.oracle.overrides import shown_override, shown_pending
from tests.oracle.policy import Policy
from tests.oracle.tiers import next_tier
from tests.oracle.times import business_day, time_text


def _stage(customer: Customer, frequency: int, policy: Policy) -> str:
    ever = len(customer.counted(policy))
    if ever == 0:
        return "prospect"
    if customer.level != ACTIVE:
        return LEVELS[customer.level]
    if frequency >= policy.loyal_min_orders:
        return "loyal"
    return "new" if ever == 1 else "active"


def _declared(name: str, shown: Any) -> dict[str, Any]:
    """A field that is there only with a policy that declares it."""
    return {} if shown is None else {name: shown}


def _health(customer: Customer, figures: Figures | None, policy: Policy) -> dict[str, Any] | None:
    return None if customer.refuses_profiling else feelings.health_of(customer, figures, policy)


def _left_because(customer: Customer) -> dict[str, Any]:
    found = feelings.churn_answer(customer)
    if found is None:
        return {}
    return {"churn_answer": found[0], "churn_answered_at": time_text(found[1])}


def _owner(customer: Customer, policy: Policy) -> dict[str, Any]:
    """There under a policy that names its attribute."""
    named = policy.owner_attribute is not None
    return {"owner": owner.owner_of(customer, policy)} if named else {}


def _pending(customer: Customer, as_of_ms: int, policy: Policy) -> dict[str, Any]:
    """There under a policy that asks for approval, or while something still waits."""
    waiting = customer.override_waiting(as_of_ms)
    if waiting is None:
        return {"pending_override": None} if policy.needs_approval else {}
    return {"pending_override": shown_pending(waiting)}


def profile_of(customer: Customer, as_of_ms: int, policy: Policy) -> dict[str, Any]:
    """Tier, stage and figures on the business day of an instant."""
    today = business_day(as_of_ms, policy.timezone)
    counted = customer.counted(policy)
    basis = customer.basis(policy)
    figures = figures_on(basis, today, policy)
    nothing = {
        "recency_days": None,
        "frequency": 0,
        "monetary": money_text(0, policy.digits),
        "r": None,
        "f": None,
        "m": None,
        "score": None,
        "segment": None,
        **({"dimensions": basis.grades.digits} if policy.dimensions else {}),
    }
    now = standing_of(customer, policy)
    fall, kept = fall_of(customer, as_of_ms, policy), keep_of(customer, as_of_ms, policy)
    override = now.in_force(as_of_ms, policy)
    return {
        "customer_id": customer.customer_id,
        "sequence": customer.sequence,
        "attributes": {n: told.value for n, told in customer.attributes.items() if told.value},
        "marketing_consent": customer.marketing_consent(),
        "channel_consent": {name: told.value for name, told in sorted(customer.channels.items())},
        "purpose_consent": {name: t.value for name, t in sorted(customer.purposes.items())},
        "tier": customer.tier,
        "stage": _stage(customer, figures.frequency if figures else 0, policy),
        "level": LEVELS[customer.level],
        **(figures.shown(policy) if figures else nothing),
        "keeps_until": time_text(fall.at_ms if fall else None),
        "keep": None if kept is None else kept.shown(policy),
        "next_tier": next_tier(basis, now, as_of_ms, policy),
        "override": None if override is None else shown_override(override),
        **_pending(customer, as_of_ms, policy),
        "orders_ever": len(counted),
        "spend_ever": money_text(sum(order.value_minor for order in counted), policy.digits),
        "first_order_at": time_text(min((order.at_ms for order in counted), default=None)),
        "last_order_at": time_text(customer.last_order_ms(policy)),
        "last_interaction_at": time_text(customer.last_interaction_ms()),
        **_declared("satisfaction", feelings.satisfaction_of(customer, policy)),
        **_declared("health", _health(customer, figures, policy)),
        **_declared("tags", tags.shown(customer, policy)),
        **_declared("holdout", feelings.is_held_out(customer.customer_id, policy)),
        **({} if policy.points is None else {"points": points.shown(customer.movements)}),
        **_declared("followups", followups.shown(customer) or None),
        **_left_because(customer),
        **_declared("promises", service.shown(customer, as_of_ms, policy)),
        **visits.shown(customer, policy),
        "open_tickets": len(customer.open_tickets()),
        "as_of": time_text(as_of_ms),
        "policy_version": policy.version,
        **_owner(customer, policy),
    }
