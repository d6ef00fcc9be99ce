"""Identity: whether an event is a duplicate or a conflict, by its id or by what it is about."""

from __future__ import annotations

from handlers import reasons
from handlers.decode.digests import id_digest
from handlers.decode.fields import readable_id
from handlers.events import (
    ConsentChanged,
    CustomerErased,
    Event,
    OrderChanged,
    OrderPlaced,
    OrderRefunded,
    PointsRedeemed,
)
from handlers.orders import PAYMENT_STATUS
from handlers.profiles import consent_fault
from handlers.reasons import Rejection
from handlers.state.customer import Customer
from scoring.order import FAILED, PAID, Order
from scoring.rules import Rules


class Duplicate:
    """The verdict on an event that was seen before; it has no effect."""


DUPLICATE = Duplicate()
ERASED = "the customer was erased"

_PAYMENT_NEWS = {PAID: "order.paid", FAILED: "order.payment_failed"}


def identify(customer: Customer, event: Event, rules: Rules) -> Event | Rejection | Duplicate:
    """The event to apply, or why there is none.

    A repeated order with a new payment status is the event of that payment.
    """
    if customer.erased:
        if type(event) is CustomerErased:
            return event
        return erased_rejection(event.event_id)
    same = customer.is_duplicate(id_digest(event.event_id), event.content)
    if same:
        return DUPLICATE
    rejection = _fault(customer, event)
    if rejection is None and same is not None:
        rejection = _conflict(event, "this event id came before with other content")
    if rejection is not None:
        return rejection
    if type(event) is OrderPlaced:
        ledger = customer.ledger
        order = ledger.find(event.order_id)
        if order is not None:
            return _identify_order(event, order, rules.base_currency)
        return DUPLICATE if rules.format >= 3 and ledger.has_left(event.order_id) else event
    if type(event) is OrderRefunded:
        return _identify_refund(customer, event)
    return _identify_redemption(customer, event) if type(event) is PointsRedeemed else event


def _fault(customer: Customer, event: Event) -> Rejection | None:
    """What makes a value impossible for this customer: judged before a conflict."""
    fault = consent_fault(customer, event) if type(event) is ConsentChanged else None
    return None if fault is None else Rejection(reasons.INVALID_VALUE, fault, event.event_id)


def erased_rejection(event_id: str | None) -> Rejection:
    """What the dead letter of an event of an erased customer says: nothing but its id."""
    return Rejection(reasons.ERASED_CUSTOMER, ERASED, readable_id(event_id))


def _identify_redemption(
    customer: Customer, event: PointsRedeemed
) -> Event | Rejection | Duplicate:
    account = customer.points
    same = None if account is None else account.is_duplicate(event.redemption_id, event.points)
    if same is None:
        return event
    if same:
        return DUPLICATE
    return _conflict(event, "this redemption came before with other points")


def _identify_refund(customer: Customer, event: OrderRefunded) -> Event | Rejection | Duplicate:
    same = customer.ledger.is_duplicate_refund(event.order_id, event.refund_id, event.refund_units)
    if same is None:
        return event
    if same:
        return DUPLICATE
    return _conflict(event, "this refund came before with another amount")


def _identify_order(
    event: OrderPlaced, order: Order, base_currency: str
) -> Event | Rejection | Duplicate:
    foreign = order.foreign
    if foreign is None:
        same = event.amount_minor == order.amount and event.currency == base_currency
    else:
        same = event.amount_minor == foreign.amount_minor and event.currency == foreign.currency
    if not same:
        return _conflict(event, "this order came before with another amount or currency")
    payment = PAYMENT_STATUS[event.payment_status]
    news = _PAYMENT_NEWS.get(payment)
    if news is None or payment == order.payment:
        return DUPLICATE
    return OrderChanged(
        event_id=event.event_id,
        type=news,
        customer_id=event.customer_id,
        occurred_ms=event.occurred_ms,
        content=event.content,
        fault=None,
        channel=event.channel,
        order_id=event.order_id,
    )


def _conflict(event: Event, detail: str) -> Rejection:
    return Rejection(reasons.CONFLICT, detail, event.event_id)
