"""Whether the projector works, for the probes."""

from __future__ import annotations

from collections.abc import Callable, Mapping


class LoopHealth:
    """Flags that a loop sets and the probes read.

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

    def comes_round(self) -> bool:
        """Whether it is not stuck."""
        return self._clock() - self._last_turn_s < self._turn_timeout_s


class ProjectorHealth:
    """The state of all loops of the projector.

    Args:
        clock: seconds that never go back.
        turn_timeout_s: time after which a loop that has not come round is taken for stuck.
        loops: how many there are.
    """

    def __init__(self, clock: Callable[[], float], turn_timeout_s: float, loops: int) -> None:
        self.loops = [LoopHealth(clock, turn_timeout_s) for _ in range(loops)]

    def ready(self) -> Mapping[str, bool]:
        """``assigned``: each knows its partitions and its place; ``redis``: it answered last."""
        return {
            "assigned": all(loop.assigned for loop in self.loops),
            "redis": all(loop.redis for loop in self.loops),
        }

    def alive(self) -> Mapping[str, bool]:
        """``loop``: none is stuck."""
        return {"loop": all(loop.comes_round() for loop in self.loops)}
