"""The time of an episode."""

from __future__ import annotations

import time


class Stopwatch:
    """Runs from its making on.

    Attributes:
        began_ms: wall time of the beginning, in milliseconds since 1970.
    """

    def __init__(self) -> None:
        self.began_ms = time.time_ns() // 1_000_000
        self._began_s = time.monotonic()

    @property
    def now_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began_s

    @property
    def now_ms(self) -> int:
        """The wall clock of the rig, in milliseconds since 1970."""
        return self.began_ms + int(self.now_s * 1_000)
