"""One run of the demo: send all events, show the outputs, and wait until all are processed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from itertools import islice
from typing import Any, NamedTuple

import aiohttp
from rich.console import Console
from rich.live import Live

from config.settings import Settings
from devtools.demo.feeds import FOLLOWED, Readings, follow, read_metrics, wait_for_view
from devtools.demo.render import progress_line, render
from devtools.demo.stack import DemoStack
from devtools.demo.state import DemoState
from devtools.traffic.cdnow import purchase_rows
from devtools.traffic.enrich import TrafficShape, enriched
from devtools.traffic.record import TrafficRecord
from devtools.traffic.sender import Sent, open_sender

_METRICS_EVERY_S = 0.5
_FRAMES_PER_S = 4
_LINE_EVERY_S = 1.0
_QUIET_S = 2.5
"""Longer than the worker takes from one checkpoint to the next."""
_STUCK_S = 60.0
_VIEW_TIMEOUT_S = 20.0

_NOTHING = Readings(0, 0, {})


class DemoPlan(NamedTuple):
    """What is sent: all events or the first so many, from which seed, how fast (None: at once)."""

    events: int | None
    seed: int
    per_second: float | None


def demo_records(plan: DemoPlan) -> list[TrafficRecord]:
    """The purchases of CDNOW, with browsing, support, refunds and some bad records among them."""
    shape = TrafficShape(seed=plan.seed, bad_records=True, duplicate_share=0.002, late_share=0.002)
    return list(islice(enriched(purchase_rows(), shape), plan.events))


class DemoRun:
    """One run on a stack whose worker and projector are ready.

    Args:
        stack: for metrics and failures.
        settings: of the stack.
        records: what to send.
        per_second: at most so fast.
        state: shows what comes.
        console: where the view is drawn.
    """

    def __init__(
        self,
        stack: DemoStack,
        settings: Settings,
        records: Sequence[TrafficRecord],
        per_second: float | None,
        state: DemoState,
        console: Console,
    ) -> None:
        self._stack = stack
        self._settings = settings
        self._records = records
        self._per_second = per_second
        self._state = state
        self._console = console
        self._readings = _NOTHING
        self._started_s = time.monotonic()

    async def run(self) -> None:
        """Send everything, and return when all of it was processed and its outputs were seen.

        Raises:
            DemoFailed: a process ended, or nothing moves any more.
        """
        self._started_s = time.monotonic()
        self._state.total = len(self._records)
        await _first_of(
            self._send_and_wait(),
            follow(self._settings, self._state),
            self._watch_worker(),
            self._draw(),
        )
        self._show_last()

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._started_s

    async def _send_and_wait(self) -> None:
        def show(sent: Sent) -> None:
            self._state.on_progress(self._seconds, sent.total)

        async with open_sender(
            self._settings, per_second=self._per_second, on_progress=show
        ) as sender:
            await sender.send(self._records)
        await self._until_drained()
        state = self._state
        state.in_redis = await wait_for_view(
            self._settings, list(state.tier_labels()), state.population.total, _VIEW_TIMEOUT_S
        )

    async def _until_drained(self) -> None:
        moved_s, before = self._seconds, self._position()
        while True:
            await asyncio.sleep(_METRICS_EVERY_S)
            position = self._position()
            if position != before:
                moved_s, before = self._seconds, position
            quiet_s = self._seconds - moved_s
            if quiet_s > _QUIET_S and self._complete():
                return
            if quiet_s > _STUCK_S:
                raise self._stack.stuck(_STUCK_S)

    def _position(self) -> tuple[object, ...]:
        return self._readings.processed, self._readings.outputs, self._state.seen.total()

    def _complete(self) -> bool:
        """Whether all that was sent is processed, and all that was put out is seen."""
        outputs, seen = self._readings.outputs, self._state.seen
        return self._readings.processed >= len(self._records) and all(
            seen[topic] >= outputs.get(topic, 0) for topic in FOLLOWED
        )

    async def _watch_worker(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as client:
            while True:
                found = read_metrics(await self._stack.metrics(client))
                self._readings = found
                self._state.on_metrics(self._seconds, found.processed, found.waiting)
                await asyncio.sleep(_METRICS_EVERY_S)

    async def _draw(self) -> None:
        if not self._console.is_terminal:
            while True:
                self._console.print(progress_line(self._state), soft_wrap=True, highlight=False)
                await asyncio.sleep(_LINE_EVERY_S)
        with Live(
            render(self._state), console=self._console, auto_refresh=False, transient=True
        ) as live:
            while True:
                self._state.news.advance()
                live.refresh()
                await asyncio.sleep(1 / _FRAMES_PER_S)

    def _show_last(self) -> None:
        if self._console.is_terminal:
            self._console.print(render(self._state))
        else:
            self._console.print(progress_line(self._state), soft_wrap=True, highlight=False)


async def _first_of(main: Coroutine[Any, Any, None], *others: Coroutine[Any, Any, None]) -> None:
    """Run until `main` ends, or any of the others fails; then cancel the rest."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in (main, *others)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
