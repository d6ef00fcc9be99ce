"""A token bucket: how many may pass now, and how long until the next one may."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """Tokens that flow in at a steady rate until the bucket is full. Callers tell it the time.

    Attributes:
        per_second: tokens that flow in each second.
        most: tokens that the bucket holds.
        tokens: tokens in it at `filled_s`; who takes some subtracts them.
        filled_s: when it was last filled, in seconds of a clock that never goes back.
    """

    per_second: float
    most: float
    tokens: float
    filled_s: float

    def fill(self, now_s: float) -> None:
        """Add what has flowed in since the last time."""
        flowed_in = (now_s - self.filled_s) * self.per_second
        self.tokens = min(self.most, self.tokens + flowed_in)
        self.filled_s = now_s

    def wait_s(self, wanted: float) -> float:
        """Seconds until it holds so many tokens, 0 if it does; as of the last `fill`."""
        return max(0.0, (wanted - self.tokens) / self.per_second)
