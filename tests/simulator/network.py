"""Between processes and the broker: requests that take time, arrive late, or do not come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from tests.simulator.event_loop import VirtualLoop
from tests.simulator.process import Process

T = TypeVar("T")


class Network:
    """Carries requests.

    A request that has left arrives whatever becomes of its sender, but for half of those of the
    killed. What a frozen process was answered waits until it wakes.

    Args:
        loop: whose time passes.
        draws: latencies.
        stuck: how often a request is stuck for long, from 0 to 1.
        stuck_s: at most so long.
    """

    def __init__(self, loop: VirtualLoop, draws: Random, stuck: float, stuck_s: float) -> None:
        self._loop = loop
        self._draws = draws
        self._stuck = stuck
        self._stuck_s = stuck_s
        self.stuck_requests = 0

    def heal(self) -> None:
        """Let no request be stuck any more."""
        self._stuck = 0.0

    async def call(self, process: Process, request: Callable[[], T | asyncio.Future[T]]) -> T:
        """Have the broker do something, and wait for what comes of it."""
        answer: asyncio.Future[T] = self._loop.create_future()
        self._loop.call_outside(self._latency_s(), self._arrive, process, request, answer)
        return await answer

    def _latency_s(self) -> float:
        draws = self._draws
        if draws.random() < self._stuck:
            self.stuck_requests += 1
            return draws.random() * self._stuck_s
        return draws.random() * 0.012

    def _arrive(
        self, process: Process, request: Callable[[], Any], answer: asyncio.Future[Any]
    ) -> None:
        if process.is_dead and self._draws.random() < 0.5:
            return
        try:
            result = request()
        except Exception as error:
            self._reply(answer.set_exception, answer, error)
            return
        if isinstance(result, asyncio.Future):
            result.add_done_callback(
                lambda done: self._reply(answer.set_result, answer, done.result())
            )
        else:
            self._reply(answer.set_result, answer, result)

    def _reply(self, put: Callable[[Any], None], answer: asyncio.Future[Any], what: Any) -> None:
        def arrive() -> None:
            if not answer.done():
                put(what)
                if isinstance(what, BaseException):
                    answer.exception()  # nobody may be left to look at it

        self._loop.call_outside(self._draws.random() * 0.012, arrive)
