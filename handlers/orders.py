"""Orders: placed, paid, cancelled, refunded."""

from __future__ import annotations

from handlers.browse import touch
from handlers.causes import CANCELLATION, ORDER
from handlers.causes import REFUND as REFUNDED
from handlers.dormancy import CameBack
from handlers.effects import Effect
from handlers.events import OrderChanged, OrderPlaced, OrderRefunded
from handlers.state.customer import Customer
from scoring.change import CANCEL, FAIL, PAY, REFUND, Change
from scoring.money import CURRENCY_DIGITS, convert
from scoring.order import FAILED, PAID, PENDING, Foreign, Order
from scoring.rules import Rules

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
    is_purchase = customer.ledger.place(order, rules, today)
    touch(customer, placed_ms)
    return Effect(came_back=CameBack(is_purchase, placed_ms), order=order)


def order_changed(customer: Customer, event: OrderChanged, rules: Rules, today: int) -> Effect:
    """Mark an order as paid, failed or cancelled."""
    kind, effect = _CHANGES[event.type]
    return _change(customer, Change(kind, event.order_id), effect, rules)


def order_refunded(customer: Customer, event: OrderRefunded, rules: Rules, today: int) -> Effect:
    """Take a refund off its order."""
    change = Change(REFUND, event.order_id, event.refund_id, event.refund_units)
    return _change(customer, change, Effect(reason=REFUNDED, reduces=True), rules)


def _change(customer: Customer, change: Change, effect: Effect, rules: Rules) -> Effect:
    counted, unmatched = customer.ledger.change(change, rules)
    came_back = None if counted is None else CameBack(True, counted.placed_ms)
    order = None if rules.points is None else customer.ledger.find(change.order_id)
    return effect._replace(came_back=came_back, unmatched=unmatched, order=order)


def _in_base(event: OrderPlaced, rules: Rules) -> tuple[int, Foreign | None]:
    currency, minor = event.currency, event.amount_minor
    if currency == rules.base_currency:
        return minor, None
    rate = rules.rates[currency]
    amount = convert(minor, rate, rules.base_digits - CURRENCY_DIGITS[currency])
    return amount, Foreign(currency, minor, rate.numerator, rate.denominator)
