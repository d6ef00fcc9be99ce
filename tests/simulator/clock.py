"""What stands in for the module `time` in the code under simulation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

import streams.checked_clock
import streams.engine.flusher
import streams.engine.owned_partition
import streams.ingest.agent
import streams.runtime.clock
from tests.simulator.event_loop import CURRENT

_TIMED = (
    streams.checked_clock,
    streams.engine.flusher,
    streams.engine.owned_partition,
    streams.ingest.agent,
    streams.runtime.clock,
)


def machine_ms(right_ms: int) -> int:
    """What the machine of the current process shows when it is this time."""
    process = CURRENT.get()
    return right_ms if process is None else right_ms + process.clock_off_ms


class WallClock:
    """Monotonic seconds of the loop, and wall time that jumps when it is told to.

    Args:
        now_s: the loop's time.
        wall_ms: epoch milliseconds at the beginning.
    """

    def __init__(self, now_s: Callable[[], float], wall_ms: int) -> None:
        self._now_s = now_s
        self._offset_ms = wall_ms - int(now_s() * 1_000)

    def monotonic(self) -> float:
        """As `time.monotonic`."""
        return self._now_s()

    def time_ns(self) -> int:
        """As `time.time_ns` on the machine of the process that asks."""
        return machine_ms(self.wall_ms) * 1_000_000

    @property
    def wall_ms(self) -> int:
        """Epoch milliseconds."""
        return self._offset_ms + int(self._now_s() * 1_000)

    def jump(self, by_ms: int) -> None:
        """Set the wall clock forward, or back."""
        self._offset_ms += by_ms

    def reach(self, wall_ms: int) -> None:
        """Set the wall clock to a time, unless it is past it."""
        self._offset_ms += max(0, wall_ms - self.wall_ms)

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Have the code under simulation look at this clock."""
        with ExitStack() as stack:
            for module in _TIMED:
                stack.enter_context(mock.patch.object(module, "time", self))
            yield
