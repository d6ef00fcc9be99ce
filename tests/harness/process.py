"""A process under test: started, watched, ended in every way."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from devtools.servers.guardian import Workspace
from tests.harness.environment import ROOT

STOP_TIMEOUT_S = 10.0


class Process:
    """A program that runs in a group of its own, with its output in files.

    Attributes:
        name: for messages.

    Args:
        program: what is run.
        environment: all of its variables.
        log: where its standard error goes.
        workspace: ends the process if this one dies.
        stdout: where its standard output goes; the same file unless said.
    """

    def __init__(
        self,
        name: str,
        program: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        workspace: Workspace,
        stdout: Path | None = None,
    ) -> None:
        self.name = name
        self.log_file = log
        self._workspace = workspace
        with (stdout or log).open("wb") as out, log.open("wb") as err:
            self._process = subprocess.Popen(
                program,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT if stdout is None else err,
                start_new_session=True,  # a group of its own, to see that nobody is left in it
            )
        workspace.guard(self._process.pid)

    @property
    def process_id(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    @property
    def log(self) -> str:
        """Everything it wrote into its log."""
        return self.log_file.read_text("utf-8", "replace")

    def must_run(self) -> None:
        """Fail if it ended."""
        assert self.code is None, f"{self.name} ended\n{self.log}"

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def freeze(self) -> None:
        """Let it do nothing until it is thawed; it does not notice."""
        self.must_run()
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on where it was."""
        self.signal(signal.SIGCONT)

    def stop(self, within_s: float = STOP_TIMEOUT_S) -> int:
        """Ask it to stop, as a supervisor does; its exit code. It may not take long."""
        self.signal(signal.SIGTERM)
        return self.exit_code(within_s)

    def exit_code(self, within_s: float) -> int:
        """Wait for its end, which may leave nobody behind."""
        try:
            code = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end\n{self.log}") from None
        assert not self._anybody_left(), f"{self.name} left a process behind"
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
