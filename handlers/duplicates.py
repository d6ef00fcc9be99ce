"""Identity: whether an event is a duplicate or a conflict, by its id or by what it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from handlers import reasons
from handlers.decode.fields import readable_id
from handlers.decode.found import shown
from handlers.events import (
    ConsentChanged,
    CustomerErased,
    Event,
    OrderPlaced,
    OrderRefunded,
    OrderUpdated,
    PointsRedeemed,
    TierOverrideApproved,
)
from handlers.order_identity import (
    Identified,
    conflict,
    identify_edit,
    identify_order,
    identify_refund,
)
from handlers.profile.consent import consent_fault
from handlers.reasons import DUPLICATE, Rejection
from handlers.state.customer import Customer
from handlers.tiers.override import approval_fault
from scoring.rules import Rules

ERASED = "the customer was erased"


def identify(
    customer: Customer, event: Event, rules: Rules, clock_ms: int, digest: bytes
) -> Identified:
    """The event to apply, or why there is none.

    A repeated order with a new payment status is the event of that payment.

    Args:
        customer: before the event.
        event: whose values can be used.
        rules: in force.
        clock_ms: the customer's clock before the event.
        digest: of the event's id.
    """
    if customer.erased:
        if type(event) is CustomerErased:
            return event
        return erased_rejection(event.event_id)
    same = customer.is_duplicate(digest, event.content)
    if same:
        return DUPLICATE
    if type(event) in _WITH_FAULTS:
        rejection = _fault(customer, event, clock_ms)
        if rejection is not None:
            return rejection
    identify_in = _BY_SUBJECT.get(type(event))
    identified = event if identify_in is None else identify_in(customer, event, rules)
    if same is None or (type(identified) is Rejection and identified.reason != reasons.CONFLICT):
        return identified
    detail = f"event_id: {shown(event.event_id)} came before with other content"
    return conflict(event, detail)


_WITH_FAULTS = frozenset({ConsentChanged, TierOverrideApproved})
"""What may say something that is impossible for its customer."""


def _fault(customer: Customer, event: Event, clock_ms: int) -> Rejection | None:
    """What makes a value impossible for this customer: judged before a conflict."""
    fault = None
    if type(event) is ConsentChanged:
        fault = consent_fault(customer, event)
    elif type(event) is TierOverrideApproved:
        fault = approval_fault(customer, event, clock_ms)
    return None if fault is None else Rejection(reasons.INVALID_VALUE, fault, event.event_id)


def erased_rejection(event_id: str | None) -> Rejection:
    """What the dead letter of an event of an erased customer says: nothing but its id."""
    return Rejection(reasons.ERASED_CUSTOMER, ERASED, readable_id(event_id))


def _identify_order(customer: Customer, event: OrderPlaced, rules: Rules) -> Identified:
    return identify_order(customer.ledger, event, rules)


def _identify_refund(customer: Customer, event: OrderRefunded, rules: Rules) -> Identified:
    return identify_refund(customer.ledger, event, rules)


def _identify_edit(customer: Customer, event: OrderUpdated, rules: Rules) -> Identified:
    return identify_edit(customer.ledger, event, rules)


def _identify_redemption(customer: Customer, event: PointsRedeemed, rules: Rules) -> Identified:
    account = customer.points
    same = None if account is None else account.is_duplicate(event.redemption_id, event.points)
    if same is None:
        return event
    if same:
        return DUPLICATE
    detail = f"redemption_id: {shown(event.redemption_id)} came before with other points"
    return conflict(event, detail)


_BY_SUBJECT: dict[type[Event], Callable[[Customer, Any, Rules], Identified]] = {
    OrderPlaced: _identify_order,
    OrderRefunded: _identify_refund,
    OrderUpdated: _identify_edit,
    PointsRedeemed: _identify_redemption,
}
"""Whether what an event is about was told before: an order, a refund, a redemption."""
