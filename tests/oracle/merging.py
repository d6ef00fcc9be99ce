"""Two customers become one: everything that was told of both is told of the one who stays."""

from dataclasses import replace
from datetime import date
from typing import TypeVar

from tests.oracle import (
    ahead,
    care,
    contact,
    followups,
    owner,
    points,
    retention,
    service,
    surveys,
    tags,
    visits,
)
from tests.oracle.customer import MOST_GONE, MOST_REMEMBERED, MOST_TICKETS, Customer, Told
from tests.oracle.effects import Effect
from tests.oracle.evaluation import Cause, Output, compare_level, evaluate_tier, view_on
from tests.oracle.feelings import look_for_scores
from tests.oracle.forwarded import Transfer
from tests.oracle.identity import (
    MOST_CHANNELS,
    MOST_PURPOSES,
    MOST_REDEMPTIONS,
    MOST_RETURNS,
    told_refunds,
)
from tests.oracle.ledger import Order
from tests.oracle.points import OrdersJoined
from tests.oracle.policy import Policy
from tests.oracle.times import business_day

T = TypeVar("T")
_BEFORE = 10**12  # places of who is merged lie before those of who stays


def take_over(
    customer: Customer, transfer: Transfer, at_ms: int, clock_ms: int, policy: Policy
) -> list[Output]:
    """Joins who was merged to who stays, at the clock of the latter; what that puts out.

    `clock_ms` is the partition's clock.
    """
    other, caused_by = transfer.customer, (transfer.event_id,)
    today = business_day(at_ms, policy.timezone)
    customer.position_ms = at_ms
    customer.freeze_what_left(today, policy)
    before = view_on(customer, today, policy)
    tier, manager = customer.tier, owner.owner_of(customer, policy)
    tags.forget_by_policy(other, transfer.policy, policy, today)
    look_for_scores(other, transfer.policy, policy)
    if "satisfaction" not in policy.sections:
        other.answers, other.resolutions = [], []
    contact.join(customer, other, policy)
    service.forget_by_policy(other, policy)
    customer.newest_event_ms = max(customer.newest_event_ms, transfer.at_ms, other.newest_event_ms)
    purchases = [order for order in other.orders if order.counts(policy)]
    orders = _join_orders(customer, other, today, policy)
    purchases = [orders.twins.get(id(order), order) for order in purchases]
    purchases += [order for order, counted_before in orders.changed if not counted_before]
    came_ms = [order.placed_at_ms for order in purchases if order.counts(policy)]
    effect = Effect(max(came_ms, default=None), other.last_interaction_ms())
    _join_the_rest(customer, other, policy)
    late = transfer.at_ms < at_ms
    cause = Cause(at_ms, today, before, reason="merge", late=late, caused_by=caused_by)
    told = evaluate_tier(customer, cause, policy)
    told += compare_level(customer, at_ms, effect, policy, "merge")
    care.watch(customer, at_ms, policy)
    ahead.look_anew(customer)
    told += ahead.warn(customer, at_ms, policy)
    surveys.follow(customer, at_ms, policy)
    told += followups.remind(customer, at_ms, policy)
    visits.follow(customer, at_ms, policy)
    told += retention.follow(customer, at_ms, clock_ms, policy)
    told += service.remind(customer, at_ms, policy)
    told += points.join(customer, other, orders, tier, at_ms, policy, caused_by)
    told += tags.look(customer, at_ms, policy, reason="merge", caused_by=caused_by, late=late)
    told += owner.look(customer, manager, at_ms, policy, reason="merge", caused_by=caused_by)
    return contact.weigh_together(customer, told, policy)


def _join_orders(customer: Customer, other: Customer, today: date, policy: Policy) -> OrdersJoined:
    joined = OrdersJoined([], [], {})
    own = customer.open_orders()
    counted_before = {id(order): order.counts(policy) for order in own + other.open_orders()}
    first_arrival = customer.next_arrival()
    for order in sorted(other.orders, key=lambda order: (order.placed_at_ms, order.arrival)):
        twin = None if order.frozen else _twin_of(order, own)
        if twin is None:
            order.arrival = first_arrival + order.arrival
            customer.orders.append(order)
            continue
        joined.twins[id(order)] = twin
        _join_twin(twin, order)
        joined.changed.append((twin, counted_before[id(twin)]))
        if twin.points is None:
            twin.points = order.points
        elif order.points is not None:
            joined.told_twice.append(order)
    _join_waiting(customer, other, joined, counted_before)
    customer.freeze_what_left(today, policy)
    customer.merge_beyond_newest(policy)
    return joined


def _join_twin(twin: Order, order: Order) -> None:
    """One order that both were told of."""
    _join_payments(twin, order)
    twin.payment = twin.payment or order.payment
    twin.edits = order.edits + twin.edits
    twin.refunds = order.refunds | twin.refunds
    twin.refunds_cancelled |= order.refunds_cancelled
    twin.shares += order.shares
    twin.is_spent = twin.is_spent or order.is_spent
    twin.settle()


def _join_payments(twin: Order, order: Order) -> None:
    """Cancelled if either is, unless the newest payment of both is newer than the cancellation."""
    is_cancelled = twin.cancelled or order.cancelled
    payments = [*order.payments, *twin.payments]
    cancellations = [*order.cancellations, *twin.cancellations]
    paid = max(payments, key=lambda each: each.at_ms, default=None)
    cancelled = max(cancellations, key=lambda each: each.at_ms, default=None)
    if is_cancelled and paid is not None and cancelled is not None:
        is_cancelled = paid.at_ms <= cancelled.at_ms
    twin.payments = [] if paid is None else [replace(paid, place=-_BEFORE, as_status=False)]
    twin.cancellations = [cancelled] if is_cancelled and cancelled is not None else []


def _twin_of(order: Order, own: list[Order]) -> Order | None:
    twins = [
        each
        for each in own
        if (each.order_id, each.currency) == (order.order_id, order.currency)
        and {each.placed_amount, each.amount} & {order.placed_amount, order.amount}
    ]
    return twins[-1] if twins else None


def _join_waiting(
    customer: Customer, other: Customer, joined: OrdersJoined, counted_before: dict[int, bool]
) -> None:
    """What waited on either side finds the orders of both; a refund told twice counts once."""
    waiting, customer.waiting = [*customer.waiting, *other.waiting], []
    customer.unmatched += other.unmatched
    for change in waiting:
        order = customer.open_order(change.order_id)
        told = None
        if change.kind == "order.refunded":
            told = told_refunds(customer, change.order_id).get(change.refund_id)
        if told is not None:
            currencies = {told[1], change.currency} - {None}
            customer.unmatched += told[0] != change.amount or len(currencies) > 1
        elif order is None:
            customer.waiting.append(change)
        else:
            joined.changed.append((order, counted_before[id(order)]))
            customer.unmatched += not order.take(change)
    waiting, customer.waiting = customer.waiting, []
    for change in waiting:
        customer.let_wait(change)


def _join_the_rest(customer: Customer, other: Customer, policy: Policy) -> None:
    customer.remembered = _newest(customer.remembered, other.remembered, MOST_REMEMBERED)
    customer.interactions_ms += other.interactions_ms
    if customer.consents or other.consents:
        newest_ms = max(at_ms for at_ms, _ in customer.consents + other.consents)
        said = {customer.marketing_consent(), other.marketing_consent()}
        customer.consents = [(newest_ms, False not in said)]
    _join_consents(customer, other)
    customer.overrides = [
        replace(each, place=each.place - _BEFORE) for each in other.overrides
    ] + customer.overrides
    _join_pending(customer, other)
    customer.gone = _newest(customer.gone, other.gone, MOST_GONE)
    customer.returns = _newest(customer.returns, other.returns, MOST_RETURNS)
    customer.churn_answers = other.churn_answers + customer.churn_answers
    followups.join(customer, other)
    surveys.join(customer, other)
    visits.join(customer, other)
    retention.join(customer, other)
    customer.points_told_ms += other.points_told_ms
    waiting = [*other.redemptions_cancelled, *customer.redemptions_cancelled]
    customer.redemptions_cancelled = list(dict.fromkeys(waiting))
    customer.answers = customer.answers + other.answers
    customer.graded_scores = other.graded_scores + customer.graded_scores
    customer.resolutions = customer.resolutions + other.resolutions
    customer.redemptions = _newest(
        customer.redemptions[-MOST_REDEMPTIONS:],
        other.redemptions[-MOST_REDEMPTIONS:],
        MOST_REDEMPTIONS,
    )
    customer.activities = sorted(
        [*customer.activities, *other.activities], key=lambda activity: activity[1]
    )
    _join_attributes(customer, other, policy)
    _join_tickets(customer, other)
    _join_care(customer, other)
    customer.tags.ever += other.tags.ever
    customer.tags.counted += other.tags.counted
    customer.tags.weights += other.tags.weights


def _join_pending(customer: Customer, other: Customer) -> None:
    """The newest of both waits (equal: the survivor's), unless it was ended under either."""
    both = [each for each in (other.pending, customer.pending) if each is not None]
    customer.pending = max(both, key=lambda each: each.at_ms, default=None)
    ends_ms = [each.at_ms for each in customer.overrides if each.tier is None]
    if customer.pending and max(ends_ms, default=-1) > customer.pending.at_ms:
        customer.pending = None


def _newest(own: list[T], theirs: list[T], most: int) -> list[T]:
    """Both lists, theirs as the older; too long, the longer one loses its oldest first."""
    own, theirs = list(own), list(theirs)
    while len(own) + len(theirs) > most:
        del (own if len(own) > len(theirs) else theirs)[0]
    return theirs + own


def _join_consents(customer: Customer, other: Customer) -> None:
    """Of both, the stricter; what is told later counts if it is not before both."""
    for mine, theirs in ((customer.channels, other.channels), (customer.purposes, other.purposes)):
        for name, told in theirs.items():
            own = mine.get(name)
            if own is None:
                mine[name] = told
            else:
                both = own.value and told.value
                mine[name] = Told(both, max(own.at_ms, told.at_ms))
    for known, most in ((customer.channels, MOST_CHANNELS), (customer.purposes, MOST_PURPOSES)):
        by_time = sorted(known, key=lambda name: (-known[name].at_ms, name))
        for name in by_time[most:]:
            del known[name]


def _join_attributes(customer: Customer, other: Customer, policy: Policy) -> None:
    customer.updates = other.updates + customer.updates
    for name, told in other.attributes.items():
        mine = customer.attributes.get(name)
        if mine is None or mine.at_ms < told.at_ms:
            customer.attributes[name] = told
    customer.forget_attributes(policy)


def _join_tickets(customer: Customer, other: Customer) -> None:
    found = dict(other.tickets)
    for ticket_id, ticket in customer.tickets.items():
        theirs = found.get(ticket_id)
        if theirs is None:
            found[ticket_id] = ticket
            continue
        own_at, their_at = ticket.state_at_ms, theirs.state_at_ms
        assert own_at is not None
        assert their_at is not None
        kept = ticket if own_at >= their_at else theirs
        kinds = [
            (each.kind_at_ms, each.kind) for each in (theirs, ticket) if each.kind_at_ms is not None
        ]
        if kinds:
            newest_ms = max(at_ms for at_ms, _ in kinds)
            kept.kind_at_ms, kept.kind = [each for each in kinds if each[0] == newest_ms][-1]
        service.join(kept, theirs if kept is ticket else ticket)
        found[ticket_id] = kept
    by_time = sorted(found.items(), key=lambda each: each[1].state_at_ms or 0)
    customer.tickets = dict(by_time[-MOST_TICKETS:])
    service.join_answers(customer, other)


def _join_care(customer: Customer, other: Customer) -> None:
    since = [customer.cared_for_since_ms, other.cared_for_since_ms]
    customer.cared_for_since_ms = min((at_ms for at_ms in since if at_ms is not None), default=None)
    for key, days in other.dates_told.items():
        customer.dates_told.setdefault(key, []).extend(days)
    customer.checkins_told_ms += other.checkins_told_ms
    customer.refreshes_told_ms += other.refreshes_told_ms
    customer.expiring_told += other.expiring_told
