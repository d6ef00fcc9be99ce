"""Worker processes of the product, as an operator starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from bench.processes import pin
from devtools.servers.ports import free_ports

_ROOT = Path(__file__).parents[1]
_READY_S = 90.0
_STOP_S = 60.0
_POLL_S = 0.05


class WorkerFailed(RuntimeError):
    """A worker ended or did not become ready; the message ends with its log."""


class Workers:
    """Some workers; use it in a `with` statement, it stops them.

    Args:
        count: how many processes.
        environment: the `TIERSTREAM_` variables, without the port.
        folder: where their logs go.
        core: the one processor core they may use; None leaves the choice to the system.
    """

    def __init__(
        self, count: int, environment: Mapping[str, str], folder: Path, *, core: int | None = None
    ) -> None:
        self._logs = [folder / f"worker-{number}.log" for number in range(count)]
        self._ports = free_ports(count)
        self._processes: list[subprocess.Popen[bytes]] = []
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TIERSTREAM_")}
        for log, port in zip(self._logs, self._ports, strict=True):
            with log.open("wb") as out:
                self._processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "cli.main", "worker"],
                        cwd=_ROOT,
                        env={**inherited, **environment, "TIERSTREAM_HTTP_PORT": str(port)},
                        stdout=out,
                        stderr=subprocess.STDOUT,
                    )
                )
            if core is not None:
                pin(self._processes[-1].pid, core)

    @property
    def pids(self) -> list[int]:
        """Of each worker."""
        return [process.pid for process in self._processes]

    def wait_until_ready(self) -> None:
        """Until every worker has its partitions and has restored them.

        Raises:
            WorkerFailed: one ended, or they take too long.
        """
        deadline_s = time.monotonic() + _READY_S
        for port in self._ports:
            while not _is_ready(port):
                self.check()
                if time.monotonic() > deadline_s:
                    raise WorkerFailed(f"a worker is not ready after {_READY_S:g} s{self._tail()}")
                time.sleep(_POLL_S)

    def metrics(self) -> list[str]:
        """What `/metrics` of each worker says now."""
        found = []
        for port in self._ports:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                found.append(answer.read().decode())
        return found

    def pause(self) -> None:
        """Freeze them (SIGSTOP): they keep their partitions, and start together at `resume`."""
        for process in self._processes:
            process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on (SIGCONT); harmless where they run."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)

    def check(self) -> None:
        """See that all run.

        Raises:
            WorkerFailed: one ended.
        """
        for process in self._processes:
            if process.poll() is not None:
                raise WorkerFailed(f"a worker ended with {process.returncode}{self._tail()}")

    def stop(self) -> None:
        """End them in an orderly way; those that do not end, at once."""
        self.resume()
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _tail(self) -> str:
        lines = [line for log in self._logs for line in log.read_text().splitlines()[-10:]]
        return "\n" + "\n".join(lines)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
