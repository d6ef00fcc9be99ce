"""When a customer was asked, and answered: what the next survey depends on."""

from __future__ import annotations

from msgspec import Struct

from scoring.timestamps import NEVER_MS


class Surveyed(Struct, array_like=True):
    """The surveys of a customer, in epoch milliseconds."""

    since_ms: int
    """The customer's clock when a policy with surveys first applied to it."""
    asked_ms: int = NEVER_MS
    answered_ms: int = NEVER_MS
    ticket_ms: int = NEVER_MS
    """The newest resolution of a ticket after which the customer was to be asked."""
    order_ms: int = NEVER_MS
    """The time of the newest order after which the customer was to be asked."""

    @property
    def last_ms(self) -> int:
        """When the customer was asked or answered last."""
        return max(self.asked_ms, self.answered_ms)

    def join(self, other: Surveyed) -> None:
        """Add the surveys of a customer who was merged into this one."""
        self.since_ms = min(self.since_ms, other.since_ms)
        self.asked_ms = max(self.asked_ms, other.asked_ms)
        self.answered_ms = max(self.answered_ms, other.answered_ms)
        self.ticket_ms = max(self.ticket_ms, other.ticket_ms)
        self.order_ms = max(self.order_ms, other.order_ms)
