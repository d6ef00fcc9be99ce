"""What was measured so far, on disk after each run: a measurement that broke off can go on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Self

from bench.peers.results import Facts
from devtools.servers.jar_cache import cache_folder
from streams.runtime.clock import wall_ms


class CannotResume(RuntimeError):
    """There is nothing to go on with, or what there is belongs to another measurement."""


class Measured(NamedTuple):
    """A measurement, begun or done."""

    conditions: Facts
    """What must be the same to go on: plan, versions and machine."""
    began: str
    end_ms: int
    """When the events of the data sets end."""
    runs: list[Facts]
    kills: list[Facts]

    @classmethod
    def new(cls, conditions: Facts) -> Self:
        """Nothing is measured yet."""
        began = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(conditions, began, wall_ms(), [], [])

    def has_run(self, peer: str, number: int) -> bool:
        """Whether a contender has run in a round."""
        return any((run["peer"], run["round"]) == (peer, number) for run in self.runs)

    def has_kill(self, peer: str) -> bool:
        """Whether a contender was killed in the middle."""
        return any(found["peer"] == peer for found in self.kills)


class Journal:
    """The file of the newest measurement.

    Args:
        file: by default in the cache folder.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or cache_folder() / "bench-peers.json"

    def save(self, measured: Measured) -> None:
        """Write all of it; a kill leaves the file as it was or as it is to be."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps(measured._asdict(), indent=2))
        part.replace(self.file)

    def resume(self, conditions: Facts) -> Measured:
        """The measurement in the file, to go on with.

        Raises:
            CannotResume: there is none, or something is not as it was then.
        """
        if not self.file.exists():
            raise CannotResume(f"there is nothing to resume: no {self.file}")
        measured = Measured(**json.loads(self.file.read_text()))
        now = json.loads(json.dumps(conditions))
        for name, then in measured.conditions.items():
            if now.get(name) != then:
                raise CannotResume(f"cannot resume: {name} was {then}, and is {now.get(name)}")
        return measured
