"""When a customer was visited last, and whether the next visit was asked for."""

from __future__ import annotations

from msgspec import Struct


class Visits(Struct, array_like=True):
    """The contacts made with a customer, under a policy with visits."""

    tier: str
    reached_ms: int
    """When the tier was reached, or the policy with visits came."""
    contact_ms: int | None = None
    """The last contact made."""
    is_told: bool = False
    """Whether the visit after the last contact went out; without one, that after the tier was
    reached."""

    def note_tier(self, tier: str, now_ms: int) -> None:
        """The customer is in a tier as of now."""
        if tier != self.tier:
            self.tier, self.reached_ms = tier, now_ms
            self.is_told = self.is_told and self.contact_ms is not None

    def note_contact(self, at_ms: int) -> None:
        """A contact was made; one that is no later than the last changes nothing."""
        if self.contact_ms is None or at_ms > self.contact_ms:
            self.contact_ms, self.is_told = at_ms, False

    @property
    def since_ms(self) -> int:
        """The instant from which the days to the next visit count."""
        return self.reached_ms if self.contact_ms is None else self.contact_ms

    def join(self, other: Visits) -> None:
        """Add the contacts of a customer who was merged into this one: the latest holds."""
        if other.contact_ms is None:
            return
        if other.contact_ms == self.contact_ms:
            self.is_told = self.is_told or other.is_told
        elif self.contact_ms is None or other.contact_ms > self.contact_ms:
            self.contact_ms, self.is_told = other.contact_ms, other.is_told
