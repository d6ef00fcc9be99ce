"""Token buckets: how many requests somebody may send, and when again after too many."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    left: float
    filled_s: float


class Buckets:
    """A bucket for each of many callers, of whom the longest silent are forgotten.

    Who is forgotten begins with a full bucket: that is what silence would have filled it to,
    unless more callers than ``most`` come at once.

    Args:
        rate: requests a second that flow in; 0 for no limit.
        burst: what a bucket holds.
        most: callers to remember.
        clock: seconds that never go back.
    """

    def __init__(self, rate: float, burst: float, most: int, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = max(1.0, burst)
        self._most = most
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, caller: str) -> float:
        """Take one request out; 0 if there was one, else the seconds until there is."""
        if not self._rate:
            return 0.0
        now_s = self._clock()
        bucket = self._buckets.get(caller)
        if bucket is None:
            if len(self._buckets) >= self._most:
                self._buckets.popitem(last=False)
            bucket = self._buckets[caller] = _Bucket(self._burst, now_s)
        else:
            self._buckets.move_to_end(caller)
            flown_in = (now_s - bucket.filled_s) * self._rate
            bucket.left = min(self._burst, bucket.left + flown_in)
            bucket.filled_s = now_s
        if bucket.left < 1:
            return (1 - bucket.left) / self._rate
        bucket.left -= 1
        return 0.0
