"""What an accepted event does to its customer's history."""

from dataclasses import dataclass
from datetime import date

from tests.oracle.checks import BROWSE_TYPES, SUPPORT_TYPES
from tests.oracle.customer import Change, Customer
from tests.oracle.feelings import resolutions_of
from tests.oracle.identity import PAYMENT_EVENTS, Event
from tests.oracle.ledger import Order, freeze, has_left_window
from tests.oracle.money import digits_of
from tests.oracle.policy import Policy
from tests.oracle.times import business_day

REASONS = {
    "order.placed": "order",
    "order.paid": "order",
    "order.cancelled": "cancellation",
    "order.payment_failed": "cancellation",
    "order.refunded": "refund",
}
LOWERING_TYPES = ("order.cancelled", "order.payment_failed", "order.refunded")


@dataclass(frozen=True)
class Effect:
    """The purchase and the interaction an event is, by the times at which they count."""

    purchase_ms: int | None = None
    interaction_ms: int | None = None
    order: Order | None = None


def apply_event(event: Event, customer: Customer, policy: Policy, today: date) -> Effect:
    """Applies an event on the business day of the customer's clock after it."""
    kind = event.acts_as
    if kind == "order.placed":
        return _place(event, customer, policy, today)
    if kind in REASONS:
        return _change_order(event.change(), customer, policy)
    if kind == "consent.changed":
        customer.consents.append((event.at_ms, event.fields["marketing"]))
    if kind == "profile.updated":
        told = {k: v for k, v in event.fields["attributes"].items() if v is not None}
        customer.updates.append((event.at_ms, told))
        for name, value in event.fields["attributes"].items():
            if value is not None:
                customer.tell_attribute(name, value, event.at_ms)
        customer.forget_attributes()
    if kind.startswith("ticket."):
        _tell_ticket(event, customer, policy)
    if kind == "survey.answered" and "satisfaction" in policy.sections:
        score = int(event.fields["score"])
        customer.answers.append((event.fields["survey"], event.at_ms, score))
    if kind in (*BROWSE_TYPES, *SUPPORT_TYPES):
        customer.interactions_ms.append(event.at_ms)
        return Effect(interaction_ms=event.at_ms)
    return Effect()


def _place(event: Event, customer: Customer, policy: Policy, today: date) -> Effect:
    assert event.amount is not None
    currency = event.fields["currency"]
    order = Order(
        order_id=event.fields["order_id"],
        arrival=customer.next_arrival(),
        placed_at_ms=event.at_ms,
        amount=event.amount,
        currency=currency,
        rate=policy.rates[currency],
        digits=digits_of(policy.currency),
    )
    changes = [change for change in customer.waiting if change.order_id == order.order_id]
    customer.waiting = [c for c in customer.waiting if c.order_id != order.order_id]
    status = event.fields.get("payment_status")
    if status in PAYMENT_EVENTS:
        changes.insert(0, Change(PAYMENT_EVENTS[status], order.order_id))
    for change in changes:
        alter(order, change)
    customer.orders.append(order)
    customer.interactions_ms.append(event.at_ms)
    if has_left_window(business_day(event.at_ms, policy.timezone), today, policy):
        freeze(order, policy, merged=False)
    comes_to_count = order.counts(policy)
    customer.merge_beyond_newest(policy)
    order.just_came_to_count = comes_to_count
    return Effect(event.at_ms if comes_to_count else None, event.at_ms, order)


def _change_order(change: Change, customer: Customer, policy: Policy) -> Effect:
    order = customer.open_order(change.order_id)
    if order is None:
        customer.let_wait(change)
        return Effect()
    counted_before = order.counts(policy)
    alter(order, change)
    comes_to_count = order.counts(policy) and not counted_before
    order.just_came_to_count = comes_to_count
    return Effect(purchase_ms=order.placed_at_ms if comes_to_count else None, order=order)


def alter(order: Order, change: Change) -> None:
    match change.kind:
        case "order.paid":
            order.payment = "paid"
        case "order.payment_failed":
            order.payment = "failed"
        case "order.cancelled":
            order.cancelled = True
        case "order.refunded":
            order.refunds[change.refund_id] = change.amount


def _tell_ticket(event: Event, customer: Customer, policy: Policy) -> None:
    ticket = customer.touch_ticket(event.fields["ticket_id"])
    known = len(resolutions_of(ticket.told))
    ticket.told.append((event.at_ms, event.type))
    if "satisfaction" in policy.sections:
        customer.resolutions += resolutions_of(ticket.told)[known:]
    if ticket.state_at_ms is None or event.at_ms >= ticket.state_at_ms:
        ticket.state, ticket.state_at_ms = event.type, event.at_ms
    kind = event.fields.get("kind") if event.type == "ticket.opened" else None
    if kind is not None and (ticket.kind_at_ms is None or event.at_ms >= ticket.kind_at_ms):
        ticket.kind, ticket.kind_at_ms = kind, event.at_ms
