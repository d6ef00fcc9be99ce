"""Whether the API works, for the probes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

_TURN_TIMEOUT_S = 30.0


class ApiHealth:
    """Flags that the process sets and the probes read.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.redis = False
        self.view = False
        self.serving = False
        self._clock = clock
        self._last_turn_s = clock()

    def turned(self) -> None:
        """The process looked after itself, as it does every second."""
        self._last_turn_s = self._clock()

    def ready(self) -> Mapping[str, bool]:
        """``serving``: it listens and is not about to end; ``redis``, ``view``: were seen last."""
        return {"serving": self.serving, "redis": self.redis, "view": self.view}

    def alive(self) -> Mapping[str, bool]:
        """``loop``: it is not stuck."""
        return {"loop": self._clock() - self._last_turn_s < _TURN_TIMEOUT_S}
