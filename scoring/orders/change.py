"""A change to one order, as it is applied or waits for its order."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from scoring.money import Amount
from scoring.since import since
from scoring.timestamps import NEVER_MS

PAY, FAIL, CANCEL, REFUND, EDIT, CANCEL_REFUND, STATUS_PAID = range(7)
"""Kinds of change to an order. `STATUS_PAID` is a `payment_status` of `paid` that came with the
order told again: it never waits."""

_IN_BASE = -1


class Change(Struct, array_like=True, frozen=True):
    """A payment, failed payment, cancellation, refund or edit of one order, or a refund's end."""

    kind: int
    order_id: str
    refund_id: str = ""
    refund_units: int = 0
    """The amount of a refund or an edit, in units of `decimals`."""
    at_ms: Annotated[int, since(3)] = NEVER_MS
    """When it occurred."""
    decimals: Annotated[int, since(3)] = _IN_BASE
    """The decimals that the amount was told with, at most four; -1 for those of the base currency,
    as before format 3."""
    currency: Annotated[str, since(3)] = ""
    """The currency that was told with the amount; empty for that of the order."""

    def amount(self, base_digits: int) -> Amount:
        """The amount, with the decimals it is kept with."""
        return Amount(self.refund_units, base_digits if self.decimals < 0 else self.decimals)
