"""How many requests each caller may send, and when the next one is allowed after too many."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from streams.runtime.token_bucket import TokenBucket


class RateLimiter:
    """A token bucket for each of many callers; those who were silent longest are forgotten.

    A forgotten caller starts with a full bucket again. The time since would have filled it as well,
    unless more callers than ``most`` come at once.

    Args:
        rate: requests per second allowed to each caller; 0 for no limit.
        burst: requests that a caller may send at once.
        most: callers to remember.
        clock: seconds that never go back.
    """

    def __init__(self, rate: float, burst: float, most: int, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = max(1.0, burst)
        self._most = most
        self._clock = clock
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, caller: str) -> float:
        """Count one request; 0 if it is allowed, else the seconds until one is."""
        if not self._rate:
            return 0.0
        now_s = self._clock()
        bucket = self._buckets.get(caller)
        if bucket is None:
            if len(self._buckets) >= self._most:
                self._buckets.popitem(last=False)
            bucket = TokenBucket(self._rate, self._burst, self._burst, now_s)
            self._buckets[caller] = bucket
        else:
            self._buckets.move_to_end(caller)
            bucket.fill(now_s)
        wait_s = bucket.wait_s(1)
        if not wait_s:
            bucket.tokens -= 1
        return wait_s
