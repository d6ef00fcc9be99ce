"""Duplicates and conflicts, looked at in the state before the record."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.oracle.customer import Change, Customer

DUPLICATE = "duplicate"
CONFLICT = "conflict"
MOST_REDEMPTIONS = 64


@dataclass(frozen=True)
class Event:
    """A valid event. `acts_as` differs from `type` for an order told again with news."""

    event_id: str
    type: str
    customer_id: str
    at_ms: int
    fields: dict[str, Any]
    content: Any
    amount: Fraction | None
    acts_as: str

    def change(self) -> Change:
        """The change to an order that a payment, cancellation or refund is."""
        refunded = self.acts_as == "order.refunded"
        return Change(
            kind=self.acts_as,
            order_id=self.fields["order_id"],
            refund_id=self.fields["refund_id"] if refunded else "",
            amount=self.amount if refunded and self.amount is not None else Fraction(0),
        )


PAYMENT_EVENTS = {"paid": "order.paid", "failed": "order.payment_failed"}


def verdict_on(event: Event, customer: Customer) -> str:
    """`duplicate`, `conflict` or the type of event as which this one is to be applied.

    Orders that have left the window at the customer's clock must have been frozen before.
    """
    told = [content for event_id, content in customer.remembered if event_id == event.event_id]
    if told:
        return DUPLICATE if event.content in told else CONFLICT
    if event.type == "order.placed":
        return _verdict_on_order(event, customer)
    if event.type == "order.refunded":
        return _verdict_on_refund(event, customer)
    if event.type == "points.redeemed":
        return _verdict_on_redemption(event, customer)
    return event.type


def _verdict_on_redemption(event: Event, customer: Customer) -> str:
    redeemed_id, points = event.fields["redemption_id"], event.fields["points"]
    told = [of for each, of in customer.redemptions[-MOST_REDEMPTIONS:] if each == redeemed_id]
    if not told:
        return event.type
    return DUPLICATE if points in told else CONFLICT


def _verdict_on_order(event: Event, customer: Customer) -> str:
    order = customer.open_order(event.fields["order_id"])
    if order is None:
        return event.type
    if (order.amount, order.currency) != (event.amount, event.fields["currency"]):
        return CONFLICT
    status = event.fields.get("payment_status")
    if status in PAYMENT_EVENTS and status != order.payment:
        return PAYMENT_EVENTS[status]
    return DUPLICATE


def _verdict_on_refund(event: Event, customer: Customer) -> str:
    refund = event.change()
    told = told_refunds(customer, refund.order_id).get(refund.refund_id)
    if told is None:
        return event.type
    return DUPLICATE if told == refund.amount else CONFLICT


def told_refunds(customer: Customer, order_id: str) -> dict[str, Fraction]:
    """The refunds of an order that it has, or that wait for it."""
    order = customer.open_order(order_id)
    waiting = {
        change.refund_id: change.amount
        for change in customer.waiting
        if change.kind == "order.refunded" and change.order_id == order_id
    }
    return waiting | (dict(order.refunds) if order else {})
