"""Whether the projector works, for the probes."""

from __future__ import annotations

from collections.abc import Callable, Mapping


class LoopHealth:
    """Flags that a loop sets and the probes read.

    Attributes:
        delay_s: age of the oldest record that Redis lacked when it was last looked at, 0 for none;
            None before that, and while the offsets to resume from are unknown.

    Args:
        clock: seconds that never go back.
        heartbeat_timeout_s: a loop without a heartbeat for longer is taken for stuck.
    """

    def __init__(self, clock: Callable[[], float], heartbeat_timeout_s: float) -> None:
        self.assigned = False
        self.redis = False
        self.delay_s: float | None = None
        self._clock = clock
        self._heartbeat_timeout_s = heartbeat_timeout_s
        self._last_heartbeat_s = clock()

    def heartbeat(self) -> None:
        """The loop runs; called at every round, and while it waits for Redis."""
        self._last_heartbeat_s = self._clock()

    def is_alive(self) -> bool:
        """Whether it is not stuck."""
        return self._clock() - self._last_heartbeat_s < self._heartbeat_timeout_s


class ProjectorHealth:
    """The state of all loops of the projector.

    Args:
        clock: seconds that never go back.
        heartbeat_timeout_s: a loop without a heartbeat for longer is taken for stuck.
        loops: how many there are.
    """

    def __init__(self, clock: Callable[[], float], heartbeat_timeout_s: float, loops: int) -> None:
        self.loops = [LoopHealth(clock, heartbeat_timeout_s) for _ in range(loops)]

    def ready(self) -> Mapping[str, bool]:
        """``assigned``: each loop knows its partitions and offsets; ``redis``: it answered last."""
        return {
            "assigned": all(loop.assigned for loop in self.loops),
            "redis": all(loop.redis for loop in self.loops),
        }

    def alive(self) -> Mapping[str, bool]:
        """``loop``: none is stuck."""
        return {"loop": all(loop.is_alive() for loop in self.loops)}
