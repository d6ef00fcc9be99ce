"""What was promised for a ticket: its stages that run, and what was told of them."""

from __future__ import annotations

from msgspec import Struct

from scoring.timestamps import NEVER_MS


class Stage(Struct, array_like=True):
    """A stage of a ticket that runs: until the response, or until the resolution."""

    began_ms: int
    tier: str
    """The customer's tier when it began."""
    told_ms: int = NEVER_MS
    """The latest instant that was told."""
    next_ms: int | None = None
    """The next instant to tell; None if none is to come."""


class Promise(Struct, array_like=True):
    """The stages of a ticket, under a policy with terms for tickets."""

    severity: int | None = None
    severity_ms: int = NEVER_MS
    opened_ms: int = NEVER_MS
    """When the ticket was first opened."""
    answered_ms: int = NEVER_MS
    """When it was last responded to, or resolved."""
    response: Stage | None = None
    resolution: Stage | None = None

    def take_opening(self, at_ms: int, severity: int | None, tier: str) -> None:
        """The ticket was opened: the first stage begins, unless it has ended."""
        if severity is not None and at_ms >= self.severity_ms:
            self.severity, self.severity_ms = severity, at_ms
        if self.opened_ms == NEVER_MS:
            self.opened_ms = at_ms
            if self.answered_ms < at_ms:
                self.response = Stage(at_ms, tier)
        elif at_ms < self.opened_ms:
            self.opened_ms = at_ms
            if self.response is not None:
                self.response.began_ms, self.response.tier = at_ms, tier

    def take_answer(self, at_ms: int) -> None:
        """The ticket was responded to, or resolved: the first stage ends if it had begun."""
        self.answered_ms = max(self.answered_ms, at_ms)
        if self.response is not None and self.answered_ms >= self.response.began_ms:
            self.response = None

    def begin_resolution(self, at_ms: int, tier: str) -> None:
        """The second stage begins, or begins anew."""
        if self.resolution is None or self.resolution.began_ms != at_ms:
            self.resolution = Stage(at_ms, tier)

    def join(self, older: Promise, *, is_open: bool) -> None:
        """Join what is known of the same ticket from another customer, where it is older.

        The stages are those of the newer, the severity is the newest, the answer the latest.
        """
        if older.severity_ms > self.severity_ms:
            self.severity, self.severity_ms = older.severity, older.severity_ms
        self.take_answer(older.answered_ms)
        if not is_open:
            self.response = self.resolution = None
