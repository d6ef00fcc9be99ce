"""One `tierstream worker` as a process of its own: started, watched, ended in every way."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from devtools.servers.guardian import Workspace
from devtools.servers.ports import LOOPBACK, free_ports

ROOT = Path(__file__).parents[2]
CLI = [sys.executable, "-m", "cli.main"]
WORKER = (*CLI, "worker")
READY_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 10.0
_POLL_S = 0.05

_HARMLESS = "because it is rebalancing"
"""The Kafka client's warning when a heartbeat tells it that the group changes: nothing is wrong."""


class RunningWorker:
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
        self._name = name
        self._log = folder / f"{name}.log"
        self._stdout = folder / f"{name}.out"
        with self._log.open("wb") as log, self._stdout.open("wb") as out:
            self._process = subprocess.Popen(
                program,
                cwd=ROOT,
                env={**environment, "TIERSTREAM_HTTP_PORT": str(self._port)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,  # a group of its own, to see that nobody is left in it
            )
        workspace.guard(self._process.pid)
        self._workspace = workspace

    async def ready(self) -> None:
        """Wait until it says on `/readyz` that it is assigned and restored."""
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while self.probe("readyz") != 200:
            self.must_run()
            assert time.monotonic() < deadline_s, f"{self._name} is not ready\n{self.log}"
            await asyncio.sleep(_POLL_S)

    async def owns(self, *partitions: int) -> None:
        """Wait until it has so many partitions of the canonical log (any of these numbers)."""
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while self.value("assigned_partitions") not in partitions:
            self.must_run()
            assert time.monotonic() < deadline_s, f"{self._name} does not own {partitions}"
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
    def process_id(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.poll()

    def must_run(self) -> None:
        """Fail if it ended."""
        assert self._process.poll() is None, f"{self._name} ended\n{self.log}"

    # -- freezing

    def freeze(self) -> None:
        """Let it do nothing until it is thawed; it does not notice."""
        self.must_run()
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on where it was."""
        self._process.send_signal(signal.SIGCONT)

    # -- ending

    def stop(self) -> int:
        """Ask it to stop, as a supervisor does; its exit code. It may not take long."""
        self._process.send_signal(signal.SIGTERM)
        return self.exit_code(STOP_TIMEOUT_S)

    def exit_code(self, within_s: float) -> int:
        """Wait for its end."""
        try:
            code = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self._name} does not end\n{self.log}") from None
        assert not self._anybody_left(), f"{self._name} left a process behind"
        self._workspace.release(self._process.pid)
        return code

    def kill(self) -> None:
        """End it at once, with nothing cleaned up."""
        self.must_run()
        self.end()

    def end(self) -> None:
        """Make sure that it is gone."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
            self._workspace.release(self._process.pid)

    def _anybody_left(self) -> bool:
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    # -- what it said

    @property
    def log(self) -> str:
        """Everything it wrote on the standard error."""
        return self._log.read_text("utf-8", "replace")

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
