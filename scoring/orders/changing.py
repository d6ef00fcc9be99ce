"""What a change makes of its order; whether the order then counts is for its ledger to say.

Payments, cancellations and edits hold by when they occurred; failures, refunds and what cancels
refunds by the order of the log.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from scoring.money import CURRENCY_DIGITS, MAX_MINOR_UNITS, convert, rounded
from scoring.orders.change import CANCEL, CANCEL_REFUND, EDIT, FAIL, PAY, REFUND, Change
from scoring.orders.order import FAILED, PAID, Order, currency_of, digits_of
from scoring.orders.refunds import Refunds
from scoring.rules import Rules

_WITH_TIMES = 3
"""The format from which on the times of payments and cancellations are kept."""


def apply_change(order: Order, change: Change, rules: Rules, *, waited: bool = False) -> bool:
    """Apply a change to its order.

    Args:
        order: changed in place.
        change: of this order.
        rules: in force.
        waited: it came before the order.

    Returns:
        False if it has no effect, because its amount is in another currency or beyond the limit.
    """
    kind = change.kind
    if kind == REFUND:
        return _refund(order, change, rules)
    if kind == EDIT:
        return _edit(order, change, rules)
    if kind == CANCEL_REFUND:
        _cancel_refund(order, change, rules)
    elif rules.format < _WITH_TIMES:
        _mark(order, kind)
    elif kind == CANCEL:
        _cancel(order, change.at_ms, waited=waited)
    elif kind == FAIL:
        _fail(order, waited=waited)
    elif kind == PAY:
        _pay(order, change.at_ms, waited=waited)
    else:
        _pay_at_once(order)
    return True


def apply_waiting(order: Order, waiting: Iterable[Change], rules: Rules) -> int:
    """Apply changes that waited for an order, in order of arrival; how many had no effect.

    The order's own `payment_status` revives nothing that waited: it is a payment only against
    cancellations that arrive later.
    """
    has_status = (
        rules.format >= _WITH_TIMES and order.payment == PAID and _told_payment_ms(order) is None
    )
    unmatched = sum(not apply_change(order, each, rules, waited=True) for each in waiting)
    if has_status and (order.payment != PAID or _told_payment_ms(order) is not None):
        _note_payment(order, order.placed_ms, _told_payment_ms(order))
    return unmatched


def settle(order: Order, rules: Rules, *, was_refunded: bool) -> None:
    """Bring the value of refunds in line with the amount, after one of them changed.

    Args:
        order: changed in place.
        rules: in force.
        was_refunded: it was fully refunded before that.
    """
    worth = 0
    if order.refunds is not None:
        worth = order.refunds.worth(order.rate, rules.base_digits)
        order.refunds.value = min(worth, order.amount)
    later = order.later
    if later is not None:
        later.stays_refunded = was_refunded and order.amount == 0 < worth + later.share


# -- payment and cancellation


def _mark(order: Order, kind: int) -> None:
    """As before format 3: a cancellation is final."""
    if kind == CANCEL:
        order.cancelled = True
    else:
        order.payment = FAILED if kind == FAIL else PAID


def _pay(order: Order, at_ms: int, *, waited: bool) -> None:
    _note_payment(order, at_ms, _told_payment_ms(order) if waited else order.newest_payment_ms)
    order.payment = PAID
    cancelled_ms = order.known_later().cancelled_ms
    if cancelled_ms is None or at_ms >= cancelled_ms:
        order.cancelled = False


def _pay_at_once(order: Order) -> None:
    """A `payment_status` that came late: it revives nothing."""
    if _told_payment_ms(order) is not None:
        _note_payment(order, order.placed_ms, _told_payment_ms(order))
    order.payment = PAID


def _fail(order: Order, *, waited: bool) -> None:
    if order.payment == PAID and not waited:
        _note_payment(order, order.placed_ms, order.newest_payment_ms)
    order.payment = FAILED


def _cancel(order: Order, at_ms: int, *, waited: bool) -> None:
    paid_ms = _told_payment_ms(order) if waited else order.newest_payment_ms
    if paid_ms is not None and paid_ms > at_ms:
        return
    later = order.known_later()
    if later.cancelled_ms is None or at_ms >= later.cancelled_ms:
        later.cancelled_ms = at_ms
        order.cancelled = True


def _told_payment_ms(order: Order) -> int | None:
    return None if order.later is None else order.later.paid_ms


def _note_payment(order: Order, at_ms: int, known_ms: int | None) -> None:
    order.known_later().paid_ms = at_ms if known_ms is None else max(at_ms, known_ms)


# -- refunds and edits


def _refund(order: Order, change: Change, rules: Rules) -> bool:
    if change.currency not in ("", currency_of(order, rules)):
        return False
    was_refunded = order.is_fully_refunded
    order.refunds = order.refunds or Refunds(b"", 0, 0)
    amount = change.amount(rules.base_digits)
    order.refunds.take(change.refund_id, amount, digits_of(order, rules), rules.base_digits)
    settle(order, rules, was_refunded=was_refunded)
    return True


def _cancel_refund(order: Order, change: Change, rules: Rules) -> None:
    was_refunded = order.is_fully_refunded
    order.refunds = order.refunds or Refunds(b"", 0, 0)
    order.refunds.cancel(change.refund_id, digits_of(order, rules), rules.base_digits)
    settle(order, rules, was_refunded=was_refunded)


def _edit(order: Order, change: Change, rules: Rules) -> bool:
    """Set the amount anew, unless a newer edit holds."""
    if change.currency not in ("", currency_of(order, rules)):
        return False
    minor = rounded(change.amount(rules.base_digits), digits_of(order, rules))
    amount = in_base(order, minor, rules)
    if max(minor, amount) > MAX_MINOR_UNITS:
        return False
    later = order.known_later()
    if later.edited_ms is not None and change.at_ms < later.edited_ms:
        return True
    was_refunded = order.is_fully_refunded
    if later.placed_minor is None:
        later.placed_minor = order.amount_minor
    later.edited_ms = change.at_ms
    order.amount = amount
    if order.foreign is not None:
        order.foreign = replace(order.foreign, amount_minor=minor)
    settle(order, rules, was_refunded=was_refunded)
    return True


def in_base(order: Order, minor: int, rules: Rules) -> int:
    """An amount in an order's own currency, converted at the rate of the order."""
    if order.foreign is None:
        return minor
    return convert(minor, order.rate, rules.base_digits - CURRENCY_DIGITS[order.foreign.currency])
