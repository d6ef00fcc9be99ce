"""One server process in a process group of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

from devtools.servers.guardian import Workspace

_POLL_INTERVAL_S = 0.02
_LOG_TAIL_BYTES = 8_192
_INHERITED_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR", "JAVA_HOME")


class LocalServerError(RuntimeError):
    """A local server does not run."""


class BrokerUnavailable(LocalServerError):
    """This machine lacks what the broker needs (Java, Maven, a wheel, the way to fetch jars)."""


class RedisUnavailable(LocalServerError):
    """Neither REDIS_URL nor a redis-server program was found."""


class ServerFailed(LocalServerError):
    """A server was started but ended, or did not answer before its deadline."""


class ServerProcess:
    """A server that can be started, ended, killed and frozen, any number of times.

    Args:
        name: for messages, e.g. ``Apache Kafka``.
        command: the program and its arguments.
        port: the loopback port it listens on, the same after every start.
        workspace: where it runs, keeps its log, and who ends it if we die.
        environment: variables added to the few that servers inherit; the rest is withheld, so
            that a variable of ours is never taken for a setting of theirs.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        port: int,
        workspace: Workspace,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.port = port
        self.log_path = workspace.path / f"server-{port}.log"
        self._command = list(command)
        self._workspace = workspace
        self._environment = {k: os.environ[k] for k in _INHERITED_ENVIRONMENT if k in os.environ}
        self._environment.update(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id (and the id of its group) while it runs, else None."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        """True while the process exists, frozen or not."""
        if self._process is None:
            return False
        if self._process.poll() is None:
            return True
        self._forget()
        return False

    def launch(self) -> None:
        """Start the process; it is not yet ready when this returns."""
        if self.running:
            raise ValueError(f"{self.name} runs already")
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._workspace.path,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._workspace.guard(self._process.pid)

    def ask_to_end(self) -> None:
        """Send the request and return at once; nothing happens where it does not run."""
        if self.running:
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)  # a frozen process could not hear the request

    def stop(self, timeout_s: float = 10.0) -> None:
        """Ask it to end; kill it if it has not ended after ``timeout_s`` seconds."""
        self.ask_to_end()
        if self._process is None:
            return
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        else:
            self._forget()

    def kill(self) -> None:
        """End it at once, as a crash or a power cut would."""
        if not self.running or self._process is None:
            return
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._forget()

    def pause(self) -> None:
        """Freeze it: its connections stay open and nothing answers."""
        if not self.running:
            raise ValueError(f"{self.name} does not run")
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on."""
        self._signal(signal.SIGCONT)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines the server wrote."""
        if not self.log_path.exists():
            return ""
        tail = self.log_path.read_bytes()[-_LOG_TAIL_BYTES:].decode("utf-8", "replace")
        return "\n".join(tail.splitlines()[-lines:])

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise ValueError(f"{self.name} does not run")
        # An ended process keeps its number until `wait` or `poll` has seen its end, so the signal
        # cannot reach a stranger.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _forget(self) -> None:
        if self._process is not None:
            self._workspace.release(self._process.pid)
            self._process = None


def wait_until_ready(
    processes: Sequence[ServerProcess], ready: Callable[[], bool], timeout_s: float
) -> None:
    """Return once ``ready()`` holds.

    Raises:
        ServerFailed: a process ended, or the deadline passed; with the tail of its log.
    """
    deadline = time.monotonic() + timeout_s
    while not ready():
        for process in processes:
            if not process.running:
                raise _failure(process, "ended while it was starting")
        if time.monotonic() > deadline:
            raise _failure(processes[0], f"was not ready after {timeout_s:g} s")
        time.sleep(_POLL_INTERVAL_S)


def _failure(process: ServerProcess, what: str) -> ServerFailed:
    tail = process.log_tail() or "(its log is empty)"
    return ServerFailed(f"{process.name} on port {process.port} {what}; its log ends:\n{tail}")


def run_program(command: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; its standard output and error come as one text.

    Raises:
        subprocess.TimeoutExpired: it did not end in time, and was killed.
    """
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
