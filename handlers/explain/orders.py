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
from scoring.money import CURRENCY_DIGITS, text_of_minor
from scoring.orders.change import CANCEL, CANCEL_REFUND, EDIT, FAIL, PAY, REFUND, Change
from scoring.orders.ledger import Ledger, MergedDay
from scoring.orders.order import FAILED, PAID, PENDING, Later, Order, currency_of
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
    EDIT: "edit",
    CANCEL_REFUND: "refund_cancellation",
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
    """A change that waits for its order; its amount is in that order's currency."""
    amount = None
    if change.kind in (REFUND, EDIT):
        units, scale = change.amount(rules.base_digits)
        shown = max(scale, CURRENCY_DIGITS.get(change.currency, rules.base_digits))
        amount = text_of_minor(units * int(10 ** (shown - scale)), shown)
    return WaitingWhy(
        _WAITING[change.kind],
        change.order_id,
        change.refund_id or None,
        amount,
        change.currency or None,
    )


def _order_why(order: Order, rules: Rules) -> OrderWhy:
    foreign, later = order.foreign, order.later or Later()
    return OrderWhy(
        order_id=order.order_id,
        placed_at=rfc3339(order.placed_ms),
        business_day=date_of(order.day),
        amount=_money(order.amount, rules),
        refunded=_money(order.amount - order.value, rules),
        value=_money(order.value, rules),
        placed_in=None if foreign is None else _in_own(order, foreign.amount_minor, rules),
        payment=_PAYMENTS[order.payment],
        not_counted=_why_not(order),
        leaves_at=_leaves_at(order.day, rules),
        placed_with=None
        if later.placed_minor is None
        else _in_own(order, later.placed_minor, rules),
        edited_at=optional_time(later.edited_ms),
        paid_at=optional_time(later.paid_ms),
        cancelled_at=optional_time(later.cancelled_ms),
        returned=_money(later.share, rules) if later.share else None,
    )


def _in_own(order: Order, minor: int, rules: Rules) -> str:
    """An amount in the order's own currency, with its name."""
    currency = currency_of(order, rules)
    return f"{text_of_minor(minor, CURRENCY_DIGITS[currency])} {currency}"


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
