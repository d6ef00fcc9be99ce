"""Orders, refunds and edits that were told before, or do not fit what is known of the order."""

from __future__ import annotations

from handlers import reasons
from handlers.decode.amounts import OWN_CURRENCY_SINCE, AmountFault, check_with_order
from handlers.decode.found import shown
from handlers.events import Event, OrderChanged, OrderPlaced, OrderRefunded, OrderUpdated
from handlers.orders import PAYMENT_STATUS, amount_of_refund
from handlers.reasons import DUPLICATE, Duplicate, Rejection
from scoring.orders import returns
from scoring.orders.ledger import Ledger
from scoring.orders.order import FAILED, PAID, Order, currency_of
from scoring.rules import Rules

Identified = Event | Rejection | Duplicate
_LEFT_SINCE = 3
"""The format from which on the ids of orders that left the window are kept."""
_REVIVED_SINCE = 3
"""The format from which on a payment revives a cancelled order."""


def identify_order(ledger: Ledger, event: OrderPlaced, rules: Rules) -> Identified:
    """A new order; told again it is a duplicate, or the event of a payment that is news."""
    order = ledger.find(event.order_id)
    if order is None:
        has_left = rules.format >= _LEFT_SINCE and ledger.has_left(event.order_id)
        return DUPLICATE if has_left else event
    if event.currency != currency_of(order, rules) or not order.has_amount(event.amount_minor):
        detail = f"order_id: {shown(event.order_id)} came before with another amount or currency"
        return conflict(event, detail)
    payment = PAYMENT_STATUS[event.payment_status]
    if payment == PAID and _is_payment_news(order, event.occurred_ms, rules):
        return _payment_event(event, "order.paid", is_status=event.occurred_ms <= order.placed_ms)
    if payment == FAILED != order.payment:
        return _payment_event(event, "order.payment_failed", is_status=False)
    return DUPLICATE


def identify_refund(ledger: Ledger, event: OrderRefunded, rules: Rules) -> Identified:
    """A new refund that fits its order; one that was seen is judged before its decimals."""
    if event.order_id is None:
        currency = event.currency or rules.base_currency
        same = returns.is_duplicate(ledger.returns, event.refund_id, event.amount_minor, currency)
    else:
        amount, told = amount_of_refund(event, rules)
        same = ledger.is_duplicate_refund(event.order_id, event.refund_id, amount, told, rules)
    if same is None:
        return _with_order(ledger, event, rules)
    if same:
        return DUPLICATE
    detail = f"refund_id: {shown(event.refund_id)} came before with another amount or currency"
    return conflict(event, detail)


def identify_edit(ledger: Ledger, event: OrderUpdated, rules: Rules) -> Identified:
    """An edit that fits its order."""
    return _with_order(ledger, event, rules)


def conflict(event: Event, detail: str) -> Rejection:
    """The dead letter of an event that contradicts what is known."""
    return Rejection(reasons.CONFLICT, detail, event.event_id)


def _with_order(ledger: Ledger, event: OrderRefunded | OrderUpdated, rules: Rules) -> Identified:
    if event.order_id is None or rules.format < OWN_CURRENCY_SINCE:
        return event
    try:
        check_with_order(event, ledger.find(event.order_id), rules)
    except AmountFault as fault:
        return fault.rejection
    return event


def _is_payment_news(order: Order, at_ms: int, rules: Rules) -> bool:
    """Whether a payment would change whether the order is paid, failed or cancelled."""
    if order.payment != PAID:
        return True
    if not order.cancelled or rules.format < _REVIVED_SINCE or at_ms <= order.placed_ms:
        return False
    cancelled_ms = None if order.later is None else order.later.cancelled_ms
    return cancelled_ms is None or at_ms >= cancelled_ms


def _payment_event(event: OrderPlaced, name: str, *, is_status: bool) -> OrderChanged:
    return OrderChanged(
        event_id=event.event_id,
        type=name,
        customer_id=event.customer_id,
        occurred_ms=event.occurred_ms,
        content=event.content,
        fault=None,
        channel=event.channel,
        order_id=event.order_id,
        is_status=is_status,
    )
