"""A worker of a deployment that is started again whenever it ends."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self

from tests.harness.deployment import Deployment
from tests.harness.process import STOP_TIMEOUT_S
from tests.harness.running_worker import RunningWorker
from tests.harness.stopwatch import Stopwatch
from tests.harness.supervisor import Place, Supervisor

_POLL_S = 0.05


class SupervisedWorker:
    """Keeps one worker of a deployment running, until left; then it is stopped in order.

    Args:
        deployment: whose worker it is.
        first: the first life, if it is a special one.

    Attributes:
        worker: the present life, or the last one.
    """

    def __init__(self, deployment: Deployment, first: RunningWorker | None = None) -> None:
        self.worker = first or deployment.start_worker()
        self._deployment = deployment
        watch = Stopwatch()
        self._supervisor = Supervisor(deployment.folder, watch)
        self._place = self._supervisor.keep(Place("worker", self._start, watch))

    def _start(self, number: int) -> RunningWorker:
        if number:
            self.worker = self._deployment.start_worker()
        return self.worker

    async def __aenter__(self) -> Self:
        self._place.want()
        self._place.look()
        await self._supervisor.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            await self._place.stop(STOP_TIMEOUT_S)
        await self._supervisor.__aexit__(kind, error, trace)

    @property
    def codes(self) -> list[int | None]:
        """How each life ended so far."""
        return [life.exit_code for life in self._place.lives]

    async def ended(self, times: int, within_s: float) -> int | None:
        """Wait until so many lives have ended; how the last of them did."""
        deadline_s = time.monotonic() + within_s
        while len(self.codes) < times:
            assert time.monotonic() < deadline_s, f"{self.codes}\n{self.worker.log}"
            await asyncio.sleep(_POLL_S)
        return self.codes[times - 1]

    async def ready(self, within_s: float = 90.0) -> RunningWorker:
        """Wait until a life of the worker is ready; it."""
        deadline_s = time.monotonic() + within_s
        while self.worker.code is not None or self.worker.probe("readyz") != 200:
            assert time.monotonic() < deadline_s, self.worker.log
            await asyncio.sleep(_POLL_S)
        return self.worker
