"""A worker that has work and makes no progress ends, so that its supervisor starts a fresh one."""

from __future__ import annotations

from collections.abc import Mapping

from faust.types import TP

from streams.faust_app import Progress


class Stalled(Exception):
    """A partition has records to take and its position does not move; one sentence."""


class Watchdog:
    """Remembers when each partition moved last.

    Args:
        patience_s: how long a partition with lag may stand still.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._moved: dict[TP, tuple[int, float]] = {}

    def look(self, progress: Mapping[TP, Progress], now_s: float) -> None:
        """Take the positions of all partitions of this worker at a monotonic time.

        Raises:
            Stalled: naming the partition that stood still for too long.
        """
        for tp in self._moved.keys() - progress.keys():
            del self._moved[tp]
        for tp, found in progress.items():
            position, since_s = self._moved.get(tp, (found.acked, now_s))
            if found.lag == 0 or found.acked != position:
                position, since_s = found.acked, now_s
            self._moved[tp] = position, since_s
            if now_s - since_s > self._patience_s:
                raise Stalled(
                    f"{tp.topic}/{tp.partition} has {found.lag} records to take and stood still "
                    f"at offset {position} for {now_s - since_s:.0f} s"
                )
