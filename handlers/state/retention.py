"""How long a customer has been inactive, and whether the end of the retention was told."""

from __future__ import annotations

from msgspec import Struct

from scoring.timestamps import NEVER_MS


class Retention(Struct, array_like=True):
    """The retention of a customer, under a policy with one."""

    since_ms: int
    """When the customer was last active; at first when it came to be known, or the policy came."""
    told_ms: int = NEVER_MS
    """The `since_ms` of which `retention.due` told."""
    erase_ms: int | None = None
    """When the customer is erased, once that was told."""

    def note_active(self, at_ms: int) -> None:
        """The customer was active: what was told no longer holds if that was not known."""
        if at_ms > self.since_ms:
            self.since_ms, self.erase_ms = at_ms, None

    def withdraw(self) -> None:
        """What was told no longer holds: it is not due after all."""
        self.told_ms, self.erase_ms = NEVER_MS, None


class Retired(Struct, array_like=True, frozen=True):
    """A time in the log in which a customer was erased by its retention, and then came back."""

    since: int
    """The offset of the record with which the customer was erased."""
    until: int
    """The offset of the record by which the customer came back."""
