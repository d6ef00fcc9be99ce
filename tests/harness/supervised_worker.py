"""What systemd, Docker or Kubernetes do for a worker: who ends is started again, not too fast."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self

from tests.harness.deployment import Deployment
from tests.harness.running_worker import RunningWorker

_POLL_S = 0.05
_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 2.0


class Supervisor:
    """Keeps one worker of a deployment running, until left; then it is stopped in order.

    Args:
        deployment: whose worker it is.
        first: the first life, if it is a special one.

    Attributes:
        codes: how each life ended so far.
        worker: the present life, or the last one.
    """

    def __init__(self, deployment: Deployment, first: RunningWorker | None = None) -> None:
        self.codes: list[int] = []
        self.worker = first or deployment.start_worker()
        self._deployment = deployment
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep_running())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if kind is None:
            self.codes.append(self.worker.stop())

    async def ended(self, times: int, within_s: float) -> int:
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

    async def _keep_running(self) -> None:
        pause_s = _PAUSE_S
        while True:
            await asyncio.sleep(_POLL_S)
            if self.worker.code is None:
                continue
            self.codes.append(self.worker.exit_code(within_s=1))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            self.worker = self._deployment.start_worker()
