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
FEW = 64
"""So many orders are gone through: facts about them are not worth their memory."""


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


class OrderFacts:
    """What is known of many orders together, so that they need not be gone through each time.

    Attributes:
        size: the bytes that they may take at most, points not yet given included.
    """

    __slots__ = ("_ids", "size")

    def __init__(self, orders: Sequence[Order]) -> None:
        self._ids = {order.order_id for order in orders}
        self.size = sum([_most_bytes(order) for order in orders])

    def may_have(self, order_id: str) -> bool:
        """Whether there may be an order of this id; if not, there is none."""
        return order_id in self._ids

    def is_stale(self, number: int) -> bool:
        """Whether many ids are known of orders that are gone."""
        return len(self._ids) > 2 * number + FEW

    def add(self, order: Order) -> None:
        """An order came, or is as it was changed; `remove` it first as it was."""
        self._ids.add(order.order_id)
        self.size += _most_bytes(order)

    def remove(self, order: Order) -> None:
        """An order is gone, or is about to be changed."""
        self.size -= _most_bytes(order)


def _most_bytes(order: Order) -> int:
    return order_bytes(order) + (_EARNED if order.earned is None else 0)


def too_many(orders: Sequence[Order], rules: Rules, facts: OrderFacts | None = None) -> int:
    """How many of the oldest orders are more than are kept one by one.

    Args:
        orders: oldest first.
        rules: in force.
        facts: about these orders, if there are some.
    """
    if rules.format < 3:
        return max(0, len(orders) - MAX_ORDERS_BEFORE)
    excess = max(0, len(orders) - MAX_ORDERS)
    if len(orders) <= _SURELY_FIT or (facts is not None and facts.size <= MAX_ORDER_BYTES):
        return excess
    over = sum(map(order_bytes, orders)) - MAX_ORDER_BYTES
    for at, order in enumerate(orders):
        if over <= 0:
            return max(excess, at)
        over -= order_bytes(order)
    return excess
