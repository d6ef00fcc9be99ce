"""A token bucket, and a sender's pace that is kept by one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

_BURST_S = 0.1
# What rounding leaves of a token would be waited for in steps too small to move the clock.
_SHORTEST_SLEEP_S = 0.001


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


class Pace:
    """Limits the sends per second, in bursts of at most a tenth of a second.

    Args:
        per_second: the rate; None for no limit.
        clock: seconds that only go forward.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        per_second: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if per_second is not None and per_second <= 0:
            raise ValueError(f"a rate of {per_second} events per second sends nothing")
        self._clock = clock
        self._sleep = sleep
        self._bucket: TokenBucket | None = None
        if per_second is not None:
            self._burst = max(1.0, per_second * _BURST_S)
            # Time lost in a slow send is caught up for one burst at most: no flood after a stall.
            self._bucket = TokenBucket(per_second, 2 * self._burst, 0.0, clock())

    async def grant(self, most: int) -> int:
        """How many may be sent now: 1 to `most`; waits until a burst's worth is due."""
        bucket = self._bucket
        if bucket is None:
            await self._sleep(0)
            return most
        enough = min(float(most), self._burst)
        bucket.fill(self._clock())
        while bucket.tokens < enough:
            await self._sleep(max(bucket.wait_s(enough), _SHORTEST_SLEEP_S))
            bucket.fill(self._clock())
        granted = min(most, int(bucket.tokens))
        bucket.tokens -= granted
        return granted

    def give_back(self, unused: int) -> None:
        """What was granted and not sent may be sent later."""
        if self._bucket is not None:
            self._bucket.tokens += unused
