"""Whether the projector works, for the probes."""

from __future__ import annotations

from collections.abc import Callable, Mapping


class ProjectorHealth:
    """Flags that the projector sets and the probes read.

    Args:
        clock: seconds that never go back.
        turn_timeout_s: time after which a loop that has not come round is taken for stuck.
    """

    def __init__(self, clock: Callable[[], float], turn_timeout_s: float) -> None:
        self.assigned = False
        self.redis = False
        self._clock = clock
        self._turn_timeout_s = turn_timeout_s
        self._last_turn_s = clock()

    def turned(self) -> None:
        """The loop came round; while it waits for Redis it does so as well."""
        self._last_turn_s = self._clock()

    def ready(self) -> Mapping[str, bool]:
        """``assigned``: it knows its partitions and its place; ``redis``: Redis answered last."""
        return {"assigned": self.assigned, "redis": self.redis}

    def alive(self) -> Mapping[str, bool]:
        """``loop``: it is not stuck."""
        return {"loop": self._clock() - self._last_turn_s < self._turn_timeout_s}
