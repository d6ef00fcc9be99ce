"""A simulated process: it lives, is frozen, or is dead; and it may be struck at an await."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any

from tests.simulator.event_loop import CURRENT, VirtualLoop

Strike = Callable[["Process"], None]


class Process:
    """The tasks of one run of a worker.

    Attributes:
        name: of the slot it runs in and the how-manieth it is there.
        error: what it ended by, if it ended by itself with an error.
        on_point: called with each named point that is reached.
        clock_off_ms: how far the wall clock of its machine is wrong.
    """

    def __init__(
        self, loop: VirtualLoop, name: str, on_point: Callable[[Process, str], None]
    ) -> None:
        self.loop = loop
        self.name = name
        self.on_point = on_point
        self.is_dead = False
        self.is_frozen = False
        self.clock_off_ms = 0
        self.error: BaseException | None = None
        self.ended_s: float | None = None
        self.steps_left: int | None = None
        self.strike: Strike | None = None
        self.on_end: Callable[[Process], None] = lambda _: None
        self.ask_to_stop: Callable[[], None] = lambda: None
        self._held: list[asyncio.Handle] = []
        self._context: Context = copy_context()
        self._context.run(CURRENT.set, self)

    def may_step(self, handle: asyncio.Handle) -> bool:
        """For the loop: whether to run this now."""
        if self.is_dead:
            return False
        if self.is_frozen:
            self._held.append(handle)
            return False
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left <= 0:
                self.steps_left = None
                assert self.strike is not None
                self.strike(self)
                return self.may_step(handle)
        return True

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something as part of the process; its failure ends the process."""
        return self.loop.create_task(self._run(coroutine), context=self._context.copy())

    async def _run(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            await coroutine
        except Exception as error:
            self.end(error)

    async def reach(self, point: str) -> None:
        """A named point: here the process may be struck."""
        self.on_point(self, point)
        if self.is_dead or self.is_frozen:
            await asyncio.sleep(0)

    def kill(self) -> None:
        """Let nothing of it run any more."""
        if not self.is_dead:
            self.is_dead = True
            self.ended_s = self.loop.time()
            self.on_end(self)

    def end(self, error: BaseException | None) -> None:
        """End by itself."""
        if not self.is_dead:
            self.error = error
            self.kill()

    def freeze(self) -> None:
        """Let it stand still."""
        self.is_frozen = True

    def thaw(self) -> None:
        """Let it go on as if no time had passed."""
        self.is_frozen = False
        held, self._held = self._held, []
        self.loop.again(held)
