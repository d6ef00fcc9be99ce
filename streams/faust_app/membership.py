"""Whether this process may still write: what the consumer group last said of it.

A worker that was silent for longer than the session timeout is thrown out of its group, and others
own its partitions; a worker that was frozen, or cut off, does not know that yet. So each answer of
the group is a lease: it holds for one session timeout, counted from the moment the question was
sent, because the broker counts from a later one. While no lease holds, writing waits. If the group
then says that it does not know us, the assignment is lost and nothing is written any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_POLL_S = 0.02


class AssignmentLost(RuntimeError):
    """Partitions went away while they were in use, or may have: this process must end."""


def seconds_awake_or_not() -> float:
    """Monotonic seconds that also pass while the machine is suspended, where it can tell."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


class Membership:
    """The place of this process in its consumer group; used from all threads, written from one.

    Args:
        session_timeout_s: silence after which the group takes a member for dead.
        timeout_s: how long a write may wait for the group's answer.
        now_s: the time.
    """

    def __init__(
        self,
        session_timeout_s: float,
        timeout_s: float,
        now_s: Callable[[], float] = seconds_awake_or_not,
    ) -> None:
        self.lost: AssignmentLost | None = None
        self._session_timeout_s = session_timeout_s
        self._timeout_s = timeout_s
        self._now_s = now_s
        self._holds = False
        self._confirmed_s = now_s()

    @property
    def holds(self) -> bool:
        """Whether partitions are ours: from their assignment until all of them is committed."""
        return self._holds

    @property
    def silent_s(self) -> float:
        """Seconds since the group last confirmed this member."""
        return self._now_s() - self._confirmed_s

    def now_s(self) -> float:
        """The time, for `note_confirmation`."""
        return self._now_s()

    def note_confirmation(self, asked_s: float) -> None:
        """Note that the group confirmed this member, when asked at that time."""
        self._confirmed_s = max(self._confirmed_s, asked_s)

    def take(self) -> None:
        """Note that partitions were assigned."""
        self._holds = True

    def give_back(self) -> None:
        """Note that what was taken is durable and committed; the partitions may go."""
        self._holds = False

    def lose(self, why: str) -> AssignmentLost:
        """Stop all writing for good. The first reason stays."""
        if self.lost is None:
            self.lost = AssignmentLost(f"{why}; another worker may own its partitions now")
        return self.lost

    async def confirm(self) -> None:
        """Return when writing is safe: at once, unless the lease is over.

        Raises:
            AssignmentLost: the partitions are lost, or the group did not answer in time.
        """
        if self.lost is None and (not self._holds or self.silent_s < self._session_timeout_s):
            return
        give_up_s = self._now_s() + self._timeout_s
        while self.lost is None and self._holds and self.silent_s >= self._session_timeout_s:
            if self._now_s() > give_up_s:
                self.lose(
                    f"the consumer group has not confirmed this worker for {self.silent_s:.0f} s"
                )
            await asyncio.sleep(_POLL_S)
        if self.lost is not None:
            raise self.lost
