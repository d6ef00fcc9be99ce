"""A limit on events per second for a sender."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from streams.runtime.token_bucket import TokenBucket

_BURST_S = 0.1
# What rounding leaves of a token would be waited for in steps too small to move the clock.
_SHORTEST_SLEEP_S = 0.001


class Pace:
    """Grants sends at a steady rate, in small bursts of at most a tenth of a second.

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
