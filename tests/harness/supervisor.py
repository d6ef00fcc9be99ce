"""What systemd or Kubernetes do: who ends is started again after a pause, and its end is noted."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devtools.servers.guardian import Workspace
from tests.harness.controls import VARIABLE, Controls
from tests.harness.life import ProcessLife
from tests.harness.process import Process
from tests.harness.stopwatch import Stopwatch

_log = logging.getLogger(__name__)

_POLL_S = 0.05
_PAUSE_S = 0.5
_PAUSE_MAX_S = 4.0
_LIVED_LONG_S = 10.0
_STOP_TIMEOUT_S = 60.0
_TAIL_BYTES = 65_536

TIERSTREAM = (sys.executable, "-m", "tests.harness.launcher")
"""The program of a place, unless it is another's."""


class Place:
    """One process after another under one name.

    Attributes:
        name: e.g. ``worker-0``.
        running: the process there now.
        lives: those who ended.

    Args:
        start: starts the next process; it is told how many there were before.
        watch: the time.
        controls: of whoever runs here, if they look at any.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[int], Process],
        watch: Stopwatch,
        controls: Controls | None = None,
    ) -> None:
        self.name = name
        self.running: Process | None = None
        self.lives: list[ProcessLife] = []
        self._start = start
        self._watch = watch
        self._controls = controls
        self._wanted = False
        self._started_s = 0.0
        self._next_start_s = 0.0
        self._pause_s = _PAUSE_S

    @property
    def controls(self) -> Controls:
        """What whoever runs here looks at."""
        assert self._controls is not None, f"{self.name} has no controls"
        return self._controls

    @property
    def pid(self) -> int | None:
        """The process there now."""
        return None if self.running is None else self.running.process_id

    @property
    def log(self) -> Path | None:
        """The log of the process there now."""
        return None if self.running is None else self.running.log_file

    def want(self) -> None:
        """From now on somebody shall run here."""
        self._wanted = True
        self._pause_s = _PAUSE_S
        self._next_start_s = self._watch.now_s

    def signal(self, number: signal.Signals) -> int | None:
        """Send a signal to whoever is here; the pid, or None if there is nobody."""
        running = self.running
        if running is None or running.code is not None:
            return None
        running.signal(number)
        return running.process_id

    def look(self) -> None:
        """Note an end, and start the next when it is time."""
        if self.running is not None and self.running.code is not None:
            self._note_end(self.running)
        if self.running is None and self._wanted and self._watch.now_s >= self._next_start_s:
            self.running = self._start(len(self.lives))
            self._started_s = self._watch.now_s
            _log.info("%6.1f s  %s starts as %s", self._started_s, self.name, self.pid)

    async def stop(self, within_s: float = _STOP_TIMEOUT_S) -> ProcessLife | None:
        """Ask whoever is here to end, and start nobody again; kill it if it does not."""
        self._wanted = False
        if self.signal(signal.SIGTERM) is None:
            self.look()
            return self.lives[-1] if self.lives else None
        self.signal(signal.SIGCONT)
        deadline_s = time.monotonic() + within_s
        while self.running is not None:
            if time.monotonic() > deadline_s:
                _log.error("%s does not end", self.name)
                self.signal(signal.SIGKILL)
            await asyncio.sleep(_POLL_S)
            self.look()
        return self.lives[-1]

    def end(self) -> None:
        """Make sure that nobody is here."""
        self._wanted = False
        if self.running is not None:
            self.running.end()
            self.look()
        if self._controls is not None:
            self._controls.close()

    def still_alive(self) -> ProcessLife | None:
        """Whoever is here, as a life without an end."""
        running = self.running
        return None if running is None else self._life(running, None, None)

    def _life(self, running: Process, ended_s: float | None, code: int | None) -> ProcessLife:
        pid, said = running.process_id, _last_line(running.log_file)
        return ProcessLife(self.name, pid, self._started_s, ended_s, code, said)

    def _note_end(self, running: Process) -> None:
        now_s = self._watch.now_s
        self.running = None
        life = self._life(running, now_s, running.exit_code(within_s=1))
        self.lives.append(life)
        lived_long = now_s - self._started_s > _LIVED_LONG_S
        self._pause_s = _PAUSE_S if lived_long else min(2 * self._pause_s, _PAUSE_MAX_S)
        self._next_start_s = now_s + self._pause_s
        _log.info("%6.1f s  %s ended with %s: %s", now_s, self.name, life.exit_code, life.last_line)


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
        [ended] = await asyncio.gather(self._task, return_exceptions=True)
        for place in self.places.values():
            place.end()
        self._workspace.close()
        if isinstance(ended, Exception):
            raise ended

    def add(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        program: Sequence[str] = TIERSTREAM,
    ) -> Place:
        """A new place, where nobody runs yet.

        Args:
            command: of the program, `tierstream` under its controls.
            environment: all variables.
        """
        controls = Controls(self._folder / f"{name}.controls")
        variables = {**environment, VARIABLE: str(controls.file)}

        def start(number: int) -> Process:
            log = self._folder / f"{name}.{number}.log"
            return Process(name, [*program, *command], variables, log, self._workspace)

        return self.keep(Place(name, start, self._watch, controls))

    def keep(self, place: Place) -> Place:
        """Look after a place."""
        self.places[place.name] = place
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
