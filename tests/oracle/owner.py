"""The account manager of a customer, and what the next one takes over."""

from typing import Any

from tests.oracle import followups
from tests.oracle.customer import Customer
from tests.oracle.evaluation import fall_of
from tests.oracle.policy import Policy
from tests.oracle.suppression import marks
from tests.oracle.times import time_text


def owner_of(customer: Customer, policy: Policy) -> str | None:
    """By the attribute that the policy names; None without one, or without the key."""
    name = policy.owner_attribute
    return None if name is None else customer.attribute(name) or None


def look(
    customer: Customer,
    former: str | None,
    at_ms: int,
    policy: Policy,
    *,
    reason: str,
    caused_by: tuple[str, ...],
) -> list[dict[str, Any]]:
    """`owner.changed`, if there is another one than before."""
    owner = owner_of(customer, policy)
    if owner == former:
        return []
    fall = fall_of(customer, at_ms, policy)
    customer.sequence += 1
    return [
        {
            "type": "owner.changed",
            "customer_id": customer.customer_id,
            "sequence": customer.sequence,
            "effective_at": time_text(at_ms),
            "reason": reason,
            "caused_by": list(caused_by),
            "previous_owner": former,
            "tier": customer.tier,
            "keeps_until": time_text(fall.at_ms if fall else None),
            "open_tickets": _open_tickets(customer),
            "followups": followups.shown(customer),
            **marks(customer, at_ms, policy),
        }
    ]


def _open_tickets(customer: Customer) -> list[dict[str, Any]]:
    return [
        {"ticket_id": ticket_id, "kind": each.kind, "opened_at": time_text(each.opened_at_ms)}
        for ticket_id, each in customer.tickets.items()
        if each.is_open
    ]
