"""An asyncio loop whose time passes only when nobody has anything to do.

It also is the scheduler of simulated processes: what belongs to a dead one is dropped, what belongs
to a frozen one waits until it wakes. So a process can die at any await, and runs no `finally`.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import warnings
from collections.abc import Callable
from contextvars import Context, ContextVar
from typing import Any, Protocol


class Scheduled(Protocol):
    """What the loop asks of a simulated process."""

    def may_step(self, handle: asyncio.Handle) -> bool:
        """Whether to run this now; if not, the process keeps it or forgets it."""


CURRENT: ContextVar[Any] = ContextVar("CURRENT", default=None)
"""The simulated process that the running code belongs to; None for the world around them."""


class Deadlock(RuntimeError):
    """Nobody will ever do anything again."""


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs handles in the order in which they came, and jumps to the next timer when there is none.

    `_run_once` is asyncio's own, less the waiting.
    """

    _ready: Any
    _scheduled: list[Any]

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 1_000.0
        self.steps = 0
        self.failure: BaseException | None = None
        self._begun: list[asyncio.Task[Any]] = []
        self.set_exception_handler(self._note_failure)

    def _note_failure(self, _loop: Any, context: dict[str, Any]) -> None:
        """A callback of the world failed; what is left over of dead processes is of no interest."""
        if "handle" in context:
            self.failure = self.failure or context["exception"]

    def create_task(self, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """As ever; `bury` closes those that never end."""
        task: asyncio.Task[Any] = super().create_task(*args, **kwargs)
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        self._begun.append(task)
        return task

    def bury(self) -> None:
        """Close all that still waits, without a word."""
        begun, self._begun = self._begun, []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of what never began
            for task in begun:
                if not task.done():
                    _close(task)
            begun.clear()
            self._ready.clear()
            self._scheduled.clear()

    def time(self) -> float:
        """Virtual seconds."""
        return self._now_s

    def again(self, handles: list[asyncio.Handle]) -> None:
        """Put held handles back, before all others."""
        self._ready.extendleft(reversed(handles))

    def _run_once(self) -> None:
        ready = self._ready
        if not ready:
            self._advance()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            owner = handle._context.get(CURRENT)
            if owner is None or owner.may_step(handle):
                self.steps += 1
                handle._run()

    def _advance(self) -> None:
        scheduled, ready = self._scheduled, self._ready
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
        if not scheduled:
            if self._stopping:  # type: ignore[attr-defined]
                return
            raise Deadlock("nothing is left to wait for")
        self._now_s = max(self._now_s, scheduled[0]._when)
        while scheduled and scheduled[0]._when <= self._now_s:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            if not handle._cancelled:
                ready.append(handle)

    def _write_to_self(self) -> None:
        """Nobody waits in a selector."""

    def _process_events(self, event_list: Any) -> None:
        """There are none."""

    def call_outside(self, delay_s: float, callback: Callable[..., Any], *args: Any) -> None:
        """Have the world call something later, whatever becomes of the process that asks for it."""
        if delay_s > 0:
            self.call_later(delay_s, callback, *args, context=OUTSIDE)
        else:
            self.call_soon(callback, *args, context=OUTSIDE)


def _close(task: asyncio.Task[Any]) -> None:
    coroutine = task.get_coro()
    assert coroutine is not None
    with contextlib.suppress(RuntimeError, asyncio.CancelledError):  # it would wait once more
        coroutine.close()


OUTSIDE = Context()
"""In which no process is current."""
