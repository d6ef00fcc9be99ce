"""A limit on events per second: a token bucket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

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
        self._per_second = per_second
        self._clock = clock
        self._sleep = sleep
        self._tokens = 0.0
        self._filled_s = clock()

    async def grant(self, most: int) -> int:
        """How many may be sent now: 1 to `most`; waits until a burst's worth is due."""
        if self._per_second is None:
            await self._sleep(0)
            return most
        burst = max(1.0, self._per_second * _BURST_S)
        enough = min(float(most), burst)
        self._fill(burst)
        while self._tokens < enough:
            missing_s = (enough - self._tokens) / self._per_second
            await self._sleep(max(missing_s, _SHORTEST_SLEEP_S))
            self._fill(burst)
        granted = min(most, int(self._tokens))
        self._tokens -= granted
        return granted

    def give_back(self, unused: int) -> None:
        """What was granted and not sent may be sent later."""
        self._tokens += unused

    def _fill(self, burst: float) -> None:
        now_s = self._clock()
        added = (now_s - self._filled_s) * (self._per_second or 0.0)
        # Time lost in a slow send is caught up for one burst at most: no flood after a stall.
        self._tokens = min(self._tokens + added, 2 * burst)
        self._filled_s = now_s
