"""What an accepted event changed, for the evaluation and the features after it."""

from __future__ import annotations

from typing import NamedTuple

from handlers.causes import ORDER
from handlers.context import Cause
from handlers.dormancy import CameBack
from handlers.events import Event
from scoring.orders.order import Order


class Effect(NamedTuple):
    """The effect of an event on its customer.

    `reason` is that of a tier change by it (`handlers.causes`); `reduces` is true for
    cancellations, failed payments, refunds, and edits downwards.
    """

    reason: str = ORDER
    reduces: bool = False
    came_back: CameBack | None = None
    unmatched: int = 0
    order: Order | None = None
    """The order of the event as it is now; None if it is unknown."""
    returned: tuple[Order, ...] = ()
    """The orders that a return without an order was taken from."""

    @property
    def comes_to_count(self) -> bool:
        """Whether the event made an order count."""
        return self.came_back is not None and self.came_back.is_purchase


class AppliedEvent(NamedTuple):
    """An accepted event after the evaluation of tier and level, for the features after it.

    `tier_before` is the tier before that evaluation, `now_ms` the customer's clock after the event.
    """

    event: Event
    effect: Effect
    tier_before: str
    now_ms: int
    cause: Cause
