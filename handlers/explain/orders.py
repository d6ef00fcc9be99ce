"""Which orders of a customer count, which do not and why, and which changes wait."""

from __future__ import annotations

from typing import Literal

from handlers.explain.model import (
    MergedWhy,
    NotCounted,
    OrdersWhy,
    OrderWhy,
    WaitingKind,
    WaitingWhy,
)
from handlers.outputs import optional_time
from scoring.calendar import date_of_day
from scoring.change import CANCEL, FAIL, PAY, REFUND, Change
from scoring.ledger import Ledger, MergedDay
from scoring.money import CURRENCY_DIGITS, text_of_minor
from scoring.order import FAILED, PAID, PENDING, Order
from scoring.rules import Rules
from scoring.timestamps import rfc3339

_PAYMENTS: dict[int, Literal["pending", "paid", "failed"]] = {
    PENDING: "pending",
    PAID: "paid",
    FAILED: "failed",
}
_WAITING: dict[int, WaitingKind] = {
    PAY: "payment",
    FAIL: "failed_payment",
    CANCEL: "cancellation",
    REFUND: "refund",
}


def date_of(day: int) -> str:
    """The local date of a business day."""
    return date_of_day(day).isoformat()


def orders_why(ledger: Ledger, rules: Rules) -> OrdersWhy:
    """The ledger, order by order."""
    return OrdersWhy(
        window_days=rules.window_days,
        currency=rules.base_currency,
        counts_when="paid" if rules.counts_when_paid else "placed",
        frequency=ledger.frequency,
        monetary=_money(ledger.monetary, rules),
        in_window=[_order_why(order, rules) for order in ledger.orders],
        merged=[_merged_why(merged, rules) for merged in ledger.merged],
        out_of_window=ledger.frozen_count - sum(merged.count for merged in ledger.merged),
        orders_ever=ledger.orders_ever,
        spend_ever=_money(ledger.spend_ever, rules),
        first_order_at=optional_time(ledger.first_order_ms),
        last_order_at=optional_time(ledger.last_order_ms),
    )


def waiting_why(change: Change, rules: Rules) -> WaitingWhy:
    """A change that waits for its order; refunds are in that order's currency."""
    kind = _WAITING[change.kind]
    if change.kind != REFUND:
        return WaitingWhy(kind, change.order_id)
    return WaitingWhy(kind, change.order_id, change.refund_id, _money(change.refund_units, rules))


def _order_why(order: Order, rules: Rules) -> OrderWhy:
    foreign = order.foreign
    return OrderWhy(
        order_id=order.order_id,
        placed_at=rfc3339(order.placed_ms),
        business_day=date_of(order.day),
        amount=_money(order.amount, rules),
        refunded=_money(order.amount - order.value, rules),
        value=_money(order.value, rules),
        placed_in=None
        if foreign is None
        else f"{text_of_minor(foreign.amount_minor, CURRENCY_DIGITS[foreign.currency])} "
        f"{foreign.currency}",
        payment=_PAYMENTS[order.payment],
        not_counted=_why_not(order),
        leaves_at=_leaves_at(order.day, rules),
    )


def _why_not(order: Order) -> NotCounted | None:
    """The first reason why an order does not count; None if it does."""
    if order.counts:
        return None
    if order.cancelled:
        return "cancelled"
    if order.payment == FAILED:
        return "failed"
    return "fully_refunded" if order.is_fully_refunded else "not_paid"


def _merged_why(merged: MergedDay, rules: Rules) -> MergedWhy:
    return MergedWhy(
        date_of(merged.day),
        merged.count,
        _money(merged.value, rules),
        _leaves_at(merged.day, rules),
    )


def _leaves_at(day: int, rules: Rules) -> str:
    return rfc3339(rules.calendar.start(day + rules.window_days))


def _money(minor: int, rules: Rules) -> str:
    return text_of_minor(minor, rules.base_digits)
