"""What an accepted event did, for the evaluation and the features that follow."""

from __future__ import annotations

from typing import NamedTuple

from handlers.context import Cause
from handlers.dormancy import CameBack
from handlers.events import Event
from scoring.order import Order


class Effect(NamedTuple):
    """`reason` names the event in a tier change; `reduces` is true for what lowers value."""

    reason: str = "order"
    reduces: bool = False
    came_back: CameBack | None = None
    unmatched: int = 0
    order: Order | None = None
    """The order it is about, as it stands now; None if there is none in reach, or no points."""

    @property
    def comes_to_count(self) -> bool:
        """Whether an order came to count by the event."""
        return self.came_back is not None and self.came_back.is_purchase


class AppliedEvent(NamedTuple):
    """An accepted event after tier and level were looked at, for the features that follow.

    `tier_before` is the customer's tier before this event's evaluation, `now_ms` the customer's
    clock after the event.
    """

    event: Event
    effect: Effect
    tier_before: str
    now_ms: int
    cause: Cause
