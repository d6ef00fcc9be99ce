"""Duplicates and conflicts, looked at in the state before the record."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.oracle.checks import is_return
from tests.oracle.customer import Customer
from tests.oracle.ledger import Change, Order
from tests.oracle.money import digits_of

DUPLICATE = "duplicate"
CONFLICT = "conflict"
INVALID_AMOUNT = "invalid_amount"
INVALID_VALUE = "invalid_value"
MOST_REDEMPTIONS = 64
MOST_RETURNS = 24
MOST_CHANNELS = 16
MOST_PURPOSES = 8


@dataclass(frozen=True)
class Event:
    """A valid event. `acts_as` differs from `type` for an order told again with news.

    `place` tells which of two came later, `as_status` that a payment is one at the order's time.
    """

    event_id: str
    type: str
    customer_id: str
    at_ms: int
    fields: dict[str, Any]
    content: Any
    amount: Fraction | None
    acts_as: str
    place: int = 0
    as_status: bool = False

    @property
    def is_return(self) -> bool:
        return is_return(self.fields)

    def change(self) -> Change:
        """The change to an order that this event is."""
        about_refund = self.acts_as in ("order.refunded", "order.refund_cancelled")
        told_again = self.acts_as != self.type
        return Change(
            kind=self.acts_as,
            order_id=self.fields["order_id"],
            at_ms=self.at_ms,
            place=self.place,
            refund_id=self.fields["refund_id"] if about_refund else "",
            amount=self.amount if self.amount is not None else Fraction(0),
            currency=None if told_again else self.fields.get("currency"),
            as_status=self.as_status,
        )


PAYMENT_EVENTS = {"paid": "order.paid", "failed": "order.payment_failed"}


def verdict_on(event: Event, customer: Customer, base: str, clock_ms: int) -> str:
    """A reason, `duplicate`, or the type of event as which this one is to be applied.

    Orders that have left the window at the customer's clock must have been frozen before.
    """
    told = [content for event_id, content in customer.remembered if event_id == event.event_id]
    if event.content in told:
        return DUPLICATE
    verdict = _verdict_by_subject(event, customer, base, clock_ms)
    is_fault = verdict in (INVALID_AMOUNT, INVALID_VALUE)
    return CONFLICT if told and not is_fault else verdict


def _verdict_by_subject(event: Event, customer: Customer, base: str, clock_ms: int) -> str:
    """By what an event is about: an order, a refund, a redemption, consents."""
    match event.type:
        case "order.placed":
            return _verdict_on_order(event, customer)
        case "order.refunded" if event.is_return:
            return _verdict_on_return(event, customer, base)
        case "order.refunded":
            return _verdict_on_refund(event, customer)
        case "order.updated":
            return _verdict_on_currency(event, customer.open_order(event.fields["order_id"]))
        case "points.redeemed":
            return _verdict_on_redemption(event, customer)
        case "tier.override_approved":
            return _verdict_on_approval(event, customer, clock_ms)
        case "consent.changed":
            return _verdict_on_consent(event, customer)
    return event.type


def _verdict_on_approval(event: Event, customer: Customer, clock_ms: int) -> str:
    """It names what waits at the customer's clock, and is by somebody else."""
    waiting = customer.override_waiting(clock_ms)
    if waiting is None or waiting.event_id != event.fields["override"]:
        return INVALID_VALUE
    return INVALID_VALUE if waiting.by == event.fields["by"] else event.type


def _verdict_on_redemption(event: Event, customer: Customer) -> str:
    redeemed_id, points = event.fields["redemption_id"], event.fields["points"]
    told = [of for each, of in customer.redemptions[-MOST_REDEMPTIONS:] if each == redeemed_id]
    if not told:
        return event.type
    return DUPLICATE if points in told else CONFLICT


def _verdict_on_order(event: Event, customer: Customer) -> str:
    order = customer.open_order(event.fields["order_id"])
    if order is None:
        is_gone = event.fields["order_id"] in customer.gone
        return DUPLICATE if is_gone else event.type
    same_amount = event.amount in (order.placed_amount, order.amount)
    if not same_amount or order.currency != event.fields["currency"]:
        return CONFLICT
    acts_as = PAYMENT_EVENTS.get(event.fields.get("payment_status", ""))
    if acts_as is not None and order.is_news(_told_again(event, acts_as, order)):
        return acts_as
    return DUPLICATE


def _told_again(event: Event, acts_as: str, order: Order) -> Change:
    return Change(
        kind=acts_as,
        order_id=order.order_id,
        at_ms=event.at_ms,
        place=event.place,
        as_status=is_as_status(event, order),
    )


def is_as_status(event: Event, order: Order) -> bool:
    """Whether an order told again is paid as by a `payment_status` when it was placed."""
    return event.at_ms <= order.placed_at_ms


def _verdict_on_refund(event: Event, customer: Customer) -> str:
    refund = event.change()
    order = customer.open_order(refund.order_id)
    told = told_refunds(customer, refund.order_id).get(refund.refund_id)
    if told is None:
        return _verdict_on_currency(event, order)
    amount, currency = told
    others = {currency, refund.currency} - {None}
    return DUPLICATE if amount == refund.amount and len(others) <= 1 else CONFLICT


def _verdict_on_currency(event: Event, order: Order | None) -> str:
    """Of an edit or a refund: its currency must be the order's, and so its decimals."""
    if order is None:
        return event.type
    currency = event.fields.get("currency")
    if currency is not None:
        return event.type if currency == order.currency else CONFLICT
    assert event.amount is not None
    scale = 10 ** digits_of(order.currency)
    return event.type if (event.amount * scale).denominator == 1 else INVALID_AMOUNT


def _verdict_on_return(event: Event, customer: Customer, base: str) -> str:
    told = [each[1:] for each in customer.returns if each[0] == event.fields["refund_id"]]
    if not told:
        return event.type
    same = (event.amount, event.fields.get("currency", base)) in told
    return DUPLICATE if same else CONFLICT


def _verdict_on_consent(event: Event, customer: Customer) -> str:
    for field, known, most in (
        ("channels", customer.channels, MOST_CHANNELS),
        ("purposes", customer.purposes, MOST_PURPOSES),
    ):
        told = {n for n, value in event.fields.get(field, {}).items() if value is not None}
        if told - known.keys() and len(told | known.keys()) > most:
            return INVALID_VALUE
    return event.type


def told_refunds(customer: Customer, order_id: str) -> dict[str, tuple[Fraction, str | None]]:
    """Amount and currency of the refunds of an order that it has, or that wait for it."""
    order = customer.open_order(order_id)
    waiting = {
        change.refund_id: (change.amount, change.currency)
        for change in customer.waiting
        if change.kind == "order.refunded" and change.order_id == order_id
    }
    if order is None:
        return waiting
    return waiting | {each: (amount, order.currency) for each, amount in order.refunds.items()}
