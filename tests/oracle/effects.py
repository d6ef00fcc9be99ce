"""What an accepted event does to its customer's history."""

from dataclasses import dataclass, field, replace
from datetime import date

from tests.oracle import service
from tests.oracle.births import CALENDAR, is_birth_date
from tests.oracle.customer import Customer, tell
from tests.oracle.feelings import resolutions_of
from tests.oracle.fields import BROWSE_TYPES, SUPPORT_TYPES, attributes_told
from tests.oracle.followups import schedule
from tests.oracle.grades import is_by_satisfaction
from tests.oracle.identity import MOST_RETURNS, PAYMENT_EVENTS, Event, is_as_status
from tests.oracle.ledger import Change, Order, freeze, has_left_window, is_in_window
from tests.oracle.money import digits_of, to_minor
from tests.oracle.overrides import Override
from tests.oracle.policy import Policy
from tests.oracle.times import business_day, parse_rfc3339

REASONS = {
    "order.placed": "order",
    "order.paid": "order",
    "order.updated": "order",
    "order.cancelled": "cancellation",
    "order.payment_failed": "cancellation",
    "order.refunded": "refund",
    "order.refund_cancelled": "refund",
    "tier.overridden": "override",
    "tier.override_approved": "override",
    "profile.updated": "profile",
    "survey.answered": "survey",
    **dict.fromkeys((*BROWSE_TYPES, *SUPPORT_TYPES[:-1]), "interaction"),
}
LEVEL_REASONS = {**REASONS, "survey.answered": "interaction"}
LOWERING_TYPES = (
    "order.cancelled",
    "order.payment_failed",
    "order.refunded",
    "order.updated",
    "profile.updated",
)


@dataclass(frozen=True)
class Effect:
    """The purchase and the interaction an event is, by the times at which they count.

    `orders` are those it changed, `refused` attributes it told that cannot be used. An edit may
    not lower the tier at once unless it is one downwards.
    """

    purchase_ms: int | None = None
    interaction_ms: int | None = None
    orders: list[Order] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    may_lower: bool = True


def apply_event(event: Event, customer: Customer, policy: Policy, today: date) -> Effect:
    """Applies an event on the business day of the customer's clock after it."""
    kind = event.acts_as
    if kind.startswith("order."):
        return _apply_to_orders(event, customer, policy, today)
    if kind == "profile.updated":
        return _tell_attributes(event, customer, policy)
    match kind:
        case "consent.changed":
            _tell_consent(event, customer)
        case "tier.overridden":
            _set_by_hand(event, customer, policy)
        case "tier.override_approved":
            _approve(event, customer)
        case "followup.scheduled":
            schedule(customer, event)
        case "survey.answered":
            _answer(event, customer, policy)
        case "ticket.opened" | "ticket.responded" | "ticket.resolved" | "ticket.reopened":
            _tell_ticket(event, customer, policy)
    if kind in (*BROWSE_TYPES, *SUPPORT_TYPES):
        customer.interactions_ms.append(event.at_ms)
        return Effect(interaction_ms=event.at_ms)
    return Effect()


def _apply_to_orders(event: Event, customer: Customer, policy: Policy, today: date) -> Effect:
    if event.acts_as == "order.placed":
        return _place(event, customer, policy, today)
    if event.acts_as == "order.refunded" and event.is_return:
        return _give_back(event, customer, policy, today)
    return _change_order(event, customer, policy)


def _tell_consent(event: Event, customer: Customer) -> None:
    if "marketing" in event.fields:
        customer.consents.append((event.at_ms, event.fields["marketing"]))
    for name, known in (("channels", customer.channels), ("purposes", customer.purposes)):
        for each, granted in event.fields.get(name, {}).items():
            if granted is not None:
                tell(known, each, granted, event.at_ms)


def _override(event: Event) -> Override:
    tier = event.fields.get("tier")
    until_ms = None if tier is None else parse_rfc3339(event.fields["until"])
    return Override(
        tier=tier,
        until_ms=0 if until_ms is None else until_ms,
        mode=event.fields.get("mode", "floor"),
        by=event.fields.get("by"),
        note=event.fields.get("note"),
        at_ms=event.at_ms,
        place=event.place,
        event_id=event.event_id,
    )


def _set_by_hand(event: Event, customer: Customer, policy: Policy) -> None:
    given = _override(event)
    if given.tier is not None and policy.needs_approval:
        customer.let_wait_for_approval(given)
        return
    customer.overrides.append(given)
    if given.tier is None and customer.pending and customer.pending.at_ms <= given.at_ms:
        customer.pending = None


def _approve(event: Event, customer: Customer) -> None:
    """What waits counts; nothing does if retention has just erased who had it."""
    if customer.pending is not None:
        customer.overrides.append(replace(customer.pending, place=event.place))
        customer.pending = None


def _tell_attributes(event: Event, customer: Customer, policy: Policy) -> Effect:
    usable, refused = attributes_told(event.fields["attributes"])
    if CALENDAR in usable:
        tell(customer.attributes, CALENDAR, usable[CALENDAR], event.at_ms)
    born = usable.get("birth_date")
    if born and not is_birth_date(born, customer.attribute(CALENDAR)):
        del usable["birth_date"]
        refused.append("birth_date")
    customer.updates.append((event.at_ms, usable))
    for name, value in usable.items():
        if name != CALENDAR:
            tell(customer.attributes, name, value, event.at_ms)
    customer.forget_attributes(policy)
    return Effect(refused=refused)


def _answer(event: Event, customer: Customer, policy: Policy) -> None:
    survey = event.fields["survey"]
    if survey == "churn":
        customer.churn_answers.append((event.at_ms, event.fields["answer"]))
        return
    if survey == "csat" and is_by_satisfaction(policy):
        customer.graded_scores.append((event.at_ms, int(event.fields["score"])))
    if "satisfaction" in policy.sections:
        customer.answers.append((survey, event.at_ms, int(event.fields["score"])))


def _place(event: Event, customer: Customer, policy: Policy, today: date) -> Effect:
    assert event.amount is not None
    currency = event.fields["currency"]
    order = Order(
        order_id=event.fields["order_id"],
        arrival=customer.next_arrival(),
        placed_at_ms=event.at_ms,
        placed_amount=event.amount,
        currency=currency,
        rate=policy.rates[currency],
        digits=digits_of(policy.currency),
    )
    changes = [change for change in customer.waiting if change.order_id == order.order_id]
    customer.waiting = [c for c in customer.waiting if c.order_id != order.order_id]
    status = PAYMENT_EVENTS.get(event.fields.get("payment_status", ""))
    if status is not None:
        told = Change(status, order.order_id, event.at_ms, event.place, as_status=True)
        changes.insert(0, told)
    for change in changes:
        customer.unmatched += not order.take(change)
    customer.orders.append(order)
    customer.interactions_ms.append(event.at_ms)
    if has_left_window(business_day(event.at_ms, policy.timezone), today, policy):
        freeze(order, policy, merged=False)
        customer.remember_gone(order.order_id)
    comes_to_count = order.counts(policy)
    customer.merge_beyond_newest(policy)
    order.just_came_to_count = comes_to_count
    return Effect(event.at_ms if comes_to_count else None, event.at_ms, [order])


def _change_order(event: Event, customer: Customer, policy: Policy) -> Effect:
    change = event.change()
    order = customer.open_order(change.order_id)
    if order is None:
        customer.let_wait(change)
        return Effect()
    if event.acts_as != event.type:
        change = as_told_again(event, change, order)
    counted_before, amount_before = order.counts(policy), order.amount
    order.take(change)
    comes_to_count = order.counts(policy) and not counted_before
    order.just_came_to_count = comes_to_count
    return Effect(
        order.placed_at_ms if comes_to_count else None,
        orders=[order],
        may_lower=change.kind != "order.updated" or order.amount < amount_before,
    )


def as_told_again(event: Event, change: Change, order: Order) -> Change:
    """The payment that an order told again is."""
    if not is_as_status(event, order):
        return change
    return replace(change, at_ms=order.placed_at_ms, as_status=True)


def _give_back(event: Event, customer: Customer, policy: Policy, today: date) -> Effect:
    """Takes a return from the orders it may be of, newest first."""
    assert event.amount is not None
    currency = event.fields.get("currency", policy.currency)
    left = to_minor(event.amount, policy.rates[currency], policy.digits)
    customer.returns.append((event.fields["refund_id"], event.amount, currency))
    customer.returns = customer.returns[-MOST_RETURNS:]
    changed = []
    for order in reversed(customer.open_orders()):
        day = business_day(order.placed_at_ms, policy.timezone)
        may_be_of = order.placed_at_ms <= event.at_ms and is_in_window(day, today, policy)
        taken = min(left, order.value_minor) if may_be_of and order.counts(policy) else 0
        if taken:
            order.shares += taken
            order.settle()
            order.just_came_to_count = False
            left -= taken
            changed.append(order)
    customer.unmatched += left > 0
    return Effect(orders=changed)


def _tell_ticket(event: Event, customer: Customer, policy: Policy) -> None:
    if event.type == "ticket.responded":
        service.hear_answer(event, customer, policy)
        return
    ticket = customer.touch_ticket(event.fields["ticket_id"])
    service.hear(event, ticket, customer, policy)
    known = len(resolutions_of(ticket.told))
    ticket.told.append((event.at_ms, event.type))
    if "satisfaction" in policy.sections:
        customer.resolutions += resolutions_of(ticket.told)[known:]
    if ticket.state_at_ms is None or event.at_ms >= ticket.state_at_ms:
        if not ticket.is_open:
            ticket.opened_at_ms = event.at_ms
        ticket.state, ticket.state_at_ms = event.type, event.at_ms
    kind = event.fields.get("kind") if event.type == "ticket.opened" else None
    if kind is not None and (ticket.kind_at_ms is None or event.at_ms >= ticket.kind_at_ms):
        ticket.kind, ticket.kind_at_ms = kind, event.at_ms
