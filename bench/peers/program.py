"""A peer program as a process: started, watched, killed with all it started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from bench.processes import tree_cpu_seconds

_POLL_S = 0.01
_LOG_LINES = 25


class PeerFailed(RuntimeError):
    """A program ended when it should not have, or takes too long; the message ends with its log."""


class Program:
    """One process of a peer; use it in a `with` statement, it kills it.

    Args:
        command: with the job's file.
        environment: variables beside the inherited ones.
        log: takes standard output and error.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def cpu_seconds(self) -> float:
        """Of the process and all it started, also just after its end."""
        return tree_cpu_seconds(self._process.pid)

    def has_ended(self) -> bool:
        """Whether it ended with code 0. It is kept as it is, so that its CPU time can be read.

        Raises:
            PeerFailed: it ended in another way.
        """
        ending = os.WEXITED | os.WNOHANG | os.WNOWAIT
        found = os.waitid(os.P_PID, self._process.pid, ending)
        if found is None:
            return False
        if found.si_code != os.CLD_EXITED or found.si_status != 0:
            raise PeerFailed(f"the program ended with {found.si_status}{self._tail()}")
        return True

    def wait_for(self, file: Path, at_most_s: float) -> None:
        """Until a file is there.

        Raises:
            PeerFailed: the program ended without it, or it takes too long.
        """
        deadline_s = time.monotonic() + at_most_s
        while not file.exists():
            if self.has_ended() and not file.exists():
                raise PeerFailed(f"the program ended without {file.name}{self._tail()}")
            self.fail_after(deadline_s, f"there is no {file.name}")
            time.sleep(_POLL_S)

    def fail_after(self, deadline_s: float, reason: str) -> None:
        """See that a deadline (monotonic) is not past.

        Raises:
            PeerFailed: it is.
        """
        if time.monotonic() > deadline_s:
            raise PeerFailed(f"it takes too long: {reason}{self._tail()}")

    def kill(self) -> None:
        """End it and all it started, at once and without warning."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _tail(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        return "\n" + "\n".join(lines)
