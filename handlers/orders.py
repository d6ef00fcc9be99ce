"""Orders: placed, paid, cancelled, edited, refunded; and returns that name none."""

from __future__ import annotations

from handlers.browse import touch
from handlers.causes import CANCELLATION, ORDER
from handlers.causes import REFUND as REFUNDED
from handlers.dormancy import CameBack
from handlers.effects import Effect
from handlers.events import (
    OrderChanged,
    OrderPlaced,
    OrderRefunded,
    OrderUpdated,
    RefundCancelled,
)
from handlers.state.customer import Customer
from scoring.money import CURRENCY_DIGITS, Amount, convert
from scoring.orders import returns
from scoring.orders.change import (
    CANCEL,
    CANCEL_REFUND,
    EDIT,
    FAIL,
    PAY,
    REFUND,
    STATUS_PAID,
    Change,
)
from scoring.orders.order import FAILED, PAID, PENDING, Foreign, Order
from scoring.rules import Rules
from scoring.timestamps import NEVER_MS

_AS_TOLD_SINCE = 3
"""The format from which on changes are kept with their time, and amounts as they were told."""
PAYMENT_STATUS = {None: PENDING, "pending": PENDING, "paid": PAID, "failed": FAILED}

_CHANGES = {
    "order.paid": (PAY, Effect(reason=ORDER)),
    "order.cancelled": (CANCEL, Effect(reason=CANCELLATION, reduces=True)),
    "order.payment_failed": (FAIL, Effect(reason=CANCELLATION, reduces=True)),
}


def order_placed(customer: Customer, event: OrderPlaced, rules: Rules, today: int) -> Effect:
    """Add an order at its own time: an interaction, and a purchase if it counts."""
    placed_ms = event.occurred_ms
    amount, foreign = _in_base(event, rules)
    order = Order(
        event.order_id,
        placed_ms,
        rules.calendar.day(placed_ms),
        amount,
        PAYMENT_STATUS[event.payment_status],
        foreign=foreign,
    )
    placed = customer.ledger.place(order, rules, today)
    touch(customer, placed_ms)
    came_back = CameBack(placed.counts, placed_ms)
    return Effect(came_back=came_back, unmatched=placed.unmatched, order=order)


def order_changed(customer: Customer, event: OrderChanged, rules: Rules, today: int) -> Effect:
    """Mark an order as paid, failed or cancelled."""
    kind, effect = _CHANGES[event.type]
    if event.is_status:
        kind = STATUS_PAID
    return _change(customer, _changing(kind, event, rules), effect, rules)


def order_updated(customer: Customer, event: OrderUpdated, rules: Rules, today: int) -> Effect:
    """Set the amount of an order anew."""
    change = _with_amount(EDIT, event, event.order_id, "", rules)
    return _change(customer, change, Effect(reason=ORDER), rules)


def order_refunded(customer: Customer, event: OrderRefunded, rules: Rules, today: int) -> Effect:
    """Take a refund off its order, or a return off those there are."""
    if event.order_id is None:
        return _share_out(customer, event, rules)
    change = _with_amount(REFUND, event, event.order_id, event.refund_id, rules)
    return _change(customer, change, Effect(reason=REFUNDED, reduces=True), rules)


def refund_cancelled(
    customer: Customer, event: RefundCancelled, rules: Rules, today: int
) -> Effect:
    """Take back a refund, also one that is still to come."""
    change = Change(CANCEL_REFUND, event.order_id, event.refund_id, 0, event.occurred_ms)
    return _change(customer, change, Effect(reason=REFUNDED), rules)


def amount_of_refund(
    event: OrderRefunded | OrderUpdated, rules: Rules
) -> tuple[Amount, str | None]:
    """The amount as it is kept, and the currency that was told with it.

    Before format 3 a currency had no place, and the amount the decimals of the base currency.
    """
    assert event.amount is not None
    if rules.format < _AS_TOLD_SINCE:
        return Amount(event.amount_minor, rules.base_digits), None
    return event.amount, event.currency


def _changing(kind: int, event: OrderChanged, rules: Rules) -> Change:
    at_ms = NEVER_MS if rules.format < _AS_TOLD_SINCE else event.occurred_ms
    return Change(kind, event.order_id, at_ms=at_ms)


def _with_amount(
    kind: int, event: OrderRefunded | OrderUpdated, order_id: str, refund_id: str, rules: Rules
) -> Change:
    amount, currency = amount_of_refund(event, rules)
    if rules.format < _AS_TOLD_SINCE:
        return Change(kind, order_id, refund_id, amount.units)
    return Change(
        kind, order_id, refund_id, amount.units, event.occurred_ms, amount.scale, currency or ""
    )


def _change(customer: Customer, change: Change, effect: Effect, rules: Rules) -> Effect:
    changed = customer.ledger.change(change, rules)
    order, came_back = changed.order, None
    if order is not None and changed.comes_to_count:
        came_back = CameBack(True, order.placed_ms)
    reduces = effect.reduces or changed.is_lowered
    return Effect(effect.reason, reduces, came_back, changed.unmatched, order)


def _share_out(customer: Customer, event: OrderRefunded, rules: Rules) -> Effect:
    """A return that names no order, from the newest orders on."""
    ledger, currency = customer.ledger, event.currency or rules.base_currency
    ledger.returns = returns.remember(ledger.returns, event.refund_id, event.amount_minor, currency)
    shift = rules.base_digits - CURRENCY_DIGITS[currency]
    amount = convert(event.amount_minor, rules.rates[currency], shift)
    shared, left = ledger.share_out(amount, event.occurred_ms, rules)
    return Effect(reason=REFUNDED, reduces=True, unmatched=int(left > 0), returned=tuple(shared))


def _in_base(event: OrderPlaced, rules: Rules) -> tuple[int, Foreign | None]:
    currency, minor = event.currency, event.amount_minor
    if currency == rules.base_currency:
        return minor, None
    rate = rules.rates[currency]
    amount = convert(minor, rate, rules.base_digits - CURRENCY_DIGITS[currency])
    return amount, Foreign(currency, minor, rate.numerator, rate.denominator)
