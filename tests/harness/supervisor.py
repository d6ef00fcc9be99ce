"""Keeps processes running: who ends is started again after a short pause, and its end is noted."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devtools.servers.guardian import Workspace
from tests.fault.evidence import ProcessLife
from tests.harness.controls import VARIABLE, Controls
from tests.harness.stopwatch import Stopwatch

_log = logging.getLogger(__name__)

_ROOT = Path(__file__).parents[2]
_POLL_S = 0.05
_PAUSE_S = 0.5
_PAUSE_MAX_S = 4.0
_LIVED_LONG_S = 10.0
_STOP_TIMEOUT_S = 60.0
_TAIL_BYTES = 65_536

TIERSTREAM = (sys.executable, "-m", "tests.harness.launcher")
"""The program of a place, unless it is another's."""


@dataclass(slots=True)
class _Running:
    process: subprocess.Popen[bytes]
    log: Path
    started_s: float


class Place:
    """One process after another under one name.

    Attributes:
        name: e.g. ``worker-0``.
        controls: of whoever runs here.
        lives: those who ended.

    Args:
        command: of the program, `tierstream` under its controls.
        environment: all variables.
        folder: where its logs and its controls are.
        workspace: ends the process if the rig dies.
        watch: the episode's time.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        workspace: Workspace,
        watch: Stopwatch,
        program: Sequence[str] = TIERSTREAM,
    ) -> None:
        self.name = name
        self.controls = Controls(folder / f"{name}.controls")
        self.lives: list[ProcessLife] = []
        self._command = [*program, *command]
        self._environment = {**environment, VARIABLE: str(self.controls.file)}
        self._folder = folder
        self._workspace = workspace
        self._watch = watch
        self._running: _Running | None = None
        self._wanted = False
        self._next_start_s = 0.0
        self._pause_s = _PAUSE_S

    @property
    def pid(self) -> int | None:
        """The process there now."""
        return None if self._running is None else self._running.process.pid

    @property
    def log(self) -> Path | None:
        """The log of the process there now."""
        return None if self._running is None else self._running.log

    def want(self) -> None:
        """From now on somebody shall run here."""
        self._wanted = True
        self._pause_s = _PAUSE_S
        self._next_start_s = self._watch.now_s

    def signal(self, number: signal.Signals) -> int | None:
        """Send a signal to whoever is here; the pid, or None if there is nobody."""
        running = self._running
        if running is None or running.process.poll() is not None:
            return None
        running.process.send_signal(number)
        return running.process.pid

    def look(self) -> None:
        """Note an end, and start the next when it is time."""
        if self._running is not None and self._running.process.poll() is not None:
            self._note_end(self._running)
        if self._running is None and self._wanted and self._watch.now_s >= self._next_start_s:
            self._start()

    async def stop(self) -> ProcessLife | None:
        """Ask whoever is here to end, and start nobody again; kill it if it does not."""
        self._wanted = False
        if self.signal(signal.SIGTERM) is None:
            self.look()
            return self.lives[-1] if self.lives else None
        self.signal(signal.SIGCONT)
        deadline_s = time.monotonic() + _STOP_TIMEOUT_S
        while self._running is not None:
            if time.monotonic() > deadline_s:
                _log.error("%s does not end", self.name)
                self.signal(signal.SIGKILL)
            await asyncio.sleep(_POLL_S)
            self.look()
        return self.lives[-1]

    def end(self) -> None:
        """Make sure that nobody is here."""
        self._wanted = False
        if self._running is not None:
            self._running.process.kill()
            self._running.process.wait()
            self.look()
        self.controls.close()

    def still_alive(self) -> ProcessLife | None:
        """Whoever is here, as a life without an end."""
        running = self._running
        if running is None:
            return None
        return ProcessLife(
            self.name, running.process.pid, running.started_s, None, None, _last_line(running.log)
        )

    def _start(self) -> None:
        log = self._folder / f"{self.name}.{len(self.lives)}.log"
        with log.open("wb") as target:
            process = subprocess.Popen(
                self._command,
                cwd=_ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=target,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._workspace.guard(process.pid)
        self._running = _Running(process, log, self._watch.now_s)
        _log.info("%6.1f s  %s starts as %s", self._watch.now_s, self.name, process.pid)

    def _note_end(self, running: _Running) -> None:
        now_s = self._watch.now_s
        code, pid = running.process.returncode, running.process.pid
        self._workspace.release(pid)
        self._running = None
        life = ProcessLife(self.name, pid, running.started_s, now_s, code, _last_line(running.log))
        self.lives.append(life)
        lived_long = now_s - running.started_s > _LIVED_LONG_S
        self._pause_s = _PAUSE_S if lived_long else min(2 * self._pause_s, _PAUSE_MAX_S)
        self._next_start_s = now_s + self._pause_s
        _log.info("%6.1f s  %s ended with %s: %s", now_s, self.name, code, life.last_line)


class Supervisor:
    """All places of an episode.

    Args:
        folder: for logs and controls.
        watch: the episode's time.
    """

    def __init__(self, folder: Path, watch: Stopwatch) -> None:
        self._folder = folder
        self._watch = watch
        self._workspace = Workspace("fault")
        self._task: asyncio.Task[None] | None = None
        self.places: dict[str, Place] = {}

    async def __aenter__(self) -> Supervisor:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for place in self.places.values():
            place.end()
        self._workspace.close()

    def add(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        program: Sequence[str] = TIERSTREAM,
    ) -> Place:
        """A new place, where nobody runs yet."""
        folder, workspace, watch = self._folder, self._workspace, self._watch
        place = Place(name, command, environment, folder, workspace, watch, program)
        self.places[name] = place
        return place

    def lives(self) -> list[ProcessLife]:
        """Every process there was or is, in the order of their start."""
        found = [life for place in self.places.values() for life in place.lives]
        alive = [place.still_alive() for place in self.places.values()]
        found += [life for life in alive if life is not None]
        return sorted(found, key=lambda life: life.started_s)

    def rss_bytes(self) -> dict[str, int]:
        """The resident memory of each process that runs, where the system tells it."""
        sizes = {place.name: _rss_bytes(place.pid) for place in self.places.values() if place.pid}
        return {name: size for name, size in sizes.items() if size}

    async def _run(self) -> None:
        while True:
            for place in list(self.places.values()):
                place.look()
            await asyncio.sleep(_POLL_S)


def _rss_bytes(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0  # it has just ended, or this is no Linux
    return pages * os.sysconf("SC_PAGE_SIZE")


def _last_line(log: Path) -> str:
    """Why it ended, where it says so, else the last line."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = [line for line in file.read().decode("utf-8", "replace").splitlines() if line]
    reasons = [line for line in lines if "worker stopped by" in line]
    return (reasons or lines or [""])[-1]
