"""One `tierstream worker` as a process of its own: started, watched, ended in every way."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from devtools.servers.guardian import Workspace
from devtools.servers.ports import LOOPBACK, free_ports
from tests.harness.environment import CLI
from tests.harness.process import Process

WORKER = (*CLI, "worker")
READY_TIMEOUT_S = 90.0
_POLL_S = 0.05

_HARMLESS = "because it is rebalancing"
"""The Kafka client's warning when a heartbeat tells it that the group changes: nothing is wrong."""


class RunningWorker(Process):
    """A worker process, its log and its HTTP server.

    Args:
        name: of its log.
        environment: all of its variables.
        folder: where the log is written.
        workspace: ends the process if this one dies.
        program: what is run.
    """

    def __init__(
        self,
        name: str,
        environment: Mapping[str, str],
        folder: Path,
        workspace: Workspace,
        program: Sequence[str] = WORKER,
    ) -> None:
        (self._port,) = free_ports()
        self._stdout = folder / f"{name}.out"
        variables = {**environment, "TIERSTREAM_HTTP_PORT": str(self._port)}
        log = folder / f"{name}.log"
        super().__init__(name, program, variables, log, workspace, self._stdout)

    @property
    def port(self) -> int:
        """Where its metrics and probes are."""
        return self._port

    async def ready(self) -> None:
        """Wait until it says on `/readyz` that it is assigned and restored."""
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while self.probe("readyz") != 200:
            self.must_run()
            assert time.monotonic() < deadline_s, f"{self.name}: {self.why_not_ready}\n{self.log}"
            await asyncio.sleep(_POLL_S)

    @property
    def why_not_ready(self) -> str:
        """What it says of itself."""
        try:
            with urlopen(f"http://{LOOPBACK}:{self._port}/readyz", timeout=5) as answer:
                return f"ready: {answer.read()}"
        except HTTPError as error:
            return f"not ready: {error.read()!r}"
        except URLError as error:
            return f"not ready: {error}"

    async def owns(self, *partitions: int) -> None:
        """Wait until it has so many partitions of the canonical log (any of these numbers)."""
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while self.value("assigned_partitions") not in partitions:
            self.must_run()
            assert time.monotonic() < deadline_s, f"{self.name} does not own {partitions}"
            await asyncio.sleep(_POLL_S)

    def probe(self, path: str) -> int | None:
        """The HTTP status of a path; None while nobody listens."""
        try:
            with urlopen(f"http://{LOOPBACK}:{self._port}/{path}", timeout=5) as answer:
                return int(answer.status)
        except URLError as error:
            return getattr(error, "code", None)

    def value(self, name: str, **labels: str) -> float:
        """The sum of a metric over all its series that have these labels."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.metrics.decode())
            for sample in family.samples
            if sample.name == f"tierstream_{name}" and labels.items() <= sample.labels.items()
        )

    @property
    def metrics(self) -> bytes:
        """The page of metrics."""
        with urlopen(f"http://{LOOPBACK}:{self._port}/metrics", timeout=5) as answer:
            return bytes(answer.read())

    @property
    def complaints(self) -> list[str]:
        """What it wrote beyond information: warnings, errors, and whatever is no log record."""
        written = [*self.log.splitlines(), *self._stdout.read_text().splitlines()]
        return [line for line in written if not _is_information(line)]


def _is_information(line: str) -> bool:
    try:
        record: dict[str, Any] = json.loads(line)
    except ValueError:
        return False
    is_level_low = record["level"] in ("debug", "info") or _HARMLESS in record["message"]
    return is_level_low and "exception" not in record
