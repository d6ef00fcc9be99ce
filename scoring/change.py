"""A change to one order, as it is applied or waits for its order."""

from __future__ import annotations

from msgspec import Struct

PAY, FAIL, CANCEL, REFUND = range(4)
"""Kinds of change to an order."""


class Change(Struct, array_like=True, frozen=True):
    """A payment, failed payment, cancellation or refund of one order.

    `refund_units` are in the currency of the order, to as many decimals as the base currency has:
    hundredths with a base of two digits.
    """

    kind: int
    order_id: str
    refund_id: str = ""
    refund_units: int = 0
