"""How many orders of a customer are kept one by one, so that its state fits a record."""

from __future__ import annotations

from collections.abc import Sequence

from scoring.orders.order import Later, Order
from scoring.orders.refunds import MAX_REFUND_IDS
from scoring.rules import Rules

MAX_ORDERS = 2_048
MAX_ORDERS_BEFORE = 512
"""In partitions of a format before the third."""
MAX_ORDER_BYTES = 458_752
"""What the orders may take together: 224 bytes each, if there are as many as may be."""

_PLAIN, _FOREIGN, _REFUNDS, _EARNED = 37, 32, 25, 63
_LATER, _LATER_NUMBER = 7, 8
_MOST_WITHOUT_IDS = _PLAIN + _FOREIGN + _REFUNDS + _EARNED
MOST_BYTES = _MOST_WITHOUT_IDS + _LATER + 5 * _LATER_NUMBER + 4 * 128 + 16 * MAX_REFUND_IDS
"""What one order may take at most."""
_SURELY_FIT = MAX_ORDER_BYTES // MOST_BYTES


def order_bytes(order: Order) -> int:
    """What an order takes in a state, or a few bytes more."""
    order_id, refunds = order.order_id, order.refunds
    size = _PLAIN + (len(order_id) if order_id.isascii() else len(order_id.encode()))
    if order.foreign is not None:
        size += _FOREIGN
    if refunds is not None:
        size += _REFUNDS + len(refunds.seen)
    if order.later is not None:
        size += _later_bytes(order.later)
    return size if order.earned is None else size + _EARNED


def _later_bytes(later: Later) -> int:
    numbers = (later.paid_ms, later.cancelled_ms, later.edited_ms, later.placed_minor)
    return _LATER + _LATER_NUMBER * (4 - numbers.count(None) + (later.share > 0))


def too_many(orders: Sequence[Order], rules: Rules) -> int:
    """How many of the oldest orders are more than are kept one by one.

    Args:
        orders: oldest first.
        rules: in force.
    """
    if rules.format < 3:
        return max(0, len(orders) - MAX_ORDERS_BEFORE)
    excess = max(0, len(orders) - MAX_ORDERS)
    if len(orders) <= _SURELY_FIT or _surely_fit(orders):
        return excess
    over = sum(map(order_bytes, orders)) - MAX_ORDER_BYTES
    for at, order in enumerate(orders):
        if over <= 0:
            return max(excess, at)
        over -= order_bytes(order)
    return excess


def _surely_fit(orders: Sequence[Order]) -> bool:
    """Whether orders fit even if each has all that an order may have; quicker to find out."""
    ids = "".join([order.order_id for order in orders])
    size = len(orders) * _MOST_WITHOUT_IDS + (len(ids) if ids.isascii() else len(ids.encode()))
    size += sum([len(refunds.seen) for order in orders if (refunds := order.refunds) is not None])
    size += sum([_later_bytes(order.later) for order in orders if order.later is not None])
    return size <= MAX_ORDER_BYTES
