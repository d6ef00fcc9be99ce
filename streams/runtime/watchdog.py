"""Watchdogs: a process that hangs or stands still ends, so that its supervisor restarts it."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Mapping

from faust.types import TP

from streams.faust_app import Progress

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0


def _end_process(sentence: str) -> None:
    _log.critical("%s: ending the process", sentence)
    os._exit(1)


class LoopWatchdog:
    """Ends the process when its event loop hangs.

    A task counts the turns of the loop, and a thread looks whether it still counts: nothing that
    runs in the loop could notice that it hangs. A process that was frozen did not look either, so a
    freeze is no hang.

    Args:
        timeout_s: how long the loop may be busy without a turn.
        look_every_s: how often to count, and to look.
        end: ends the process, with a sentence.
    """

    def __init__(
        self,
        timeout_s: float,
        *,
        look_every_s: float = _LOOK_EVERY_S,
        end: Callable[[str], None] = _end_process,
    ) -> None:
        self._timeout_s = timeout_s
        self._look_every_s = look_every_s
        self._end = end
        self._turns = 0
        self._turning: asyncio.Task[None] | None = None
        self._over = threading.Event()

    async def start(self) -> None:
        """Watch the running loop."""
        self._turning = asyncio.create_task(self._turn())
        threading.Thread(target=self._watch, name="loop-watchdog", daemon=True).start()

    async def stop(self) -> None:
        """Watch no more."""
        self._over.set()
        if self._turning is not None:
            self._turning.cancel()

    async def _turn(self) -> None:
        while True:
            self._turns += 1
            await asyncio.sleep(self._look_every_s)

    def _watch(self) -> None:
        seen, silent_looks = 0, 0
        while not self._over.wait(self._look_every_s):
            turns = self._turns
            silent_looks = 0 if turns != seen else silent_looks + 1
            seen = turns
            if silent_looks * self._look_every_s > self._timeout_s:
                self._end(f"the event loop has not turned for {self._timeout_s:g} s")
                return


class Stalled(Exception):
    """A partition has records to take and its offset does not move; one sentence."""


class StallWatchdog:
    """Finds partitions that stand still although they have records; remembers when each moved.

    Args:
        timeout_s: how long a partition with lag may stand still.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._moved: dict[TP, tuple[int, float]] = {}

    def look(self, progress: Mapping[TP, Progress], now_s: float) -> None:
        """Compare the offsets of all partitions of this worker with those of the last look.

        Args:
            progress: of each partition.
            now_s: a monotonic time.

        Raises:
            Stalled: naming the partition that stood still for too long.
        """
        for tp in self._moved.keys() - progress.keys():
            del self._moved[tp]
        for tp, found in progress.items():
            offset, since_s = self._moved.get(tp, (found.acked, now_s))
            if found.lag == 0 or found.acked != offset:
                offset, since_s = found.acked, now_s
            self._moved[tp] = offset, since_s
            if now_s - since_s > self._timeout_s:
                raise Stalled(
                    f"{tp.topic}/{tp.partition} has {found.lag} records to take and stood still "
                    f"at offset {offset} for {now_s - since_s:.0f} s"
                )
