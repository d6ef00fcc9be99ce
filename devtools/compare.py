"""Hold the results of two checkouts side by side, byte for byte.

`python -m devtools.compare OLD NEW` runs the same input through both, each with its own `.venv`
(`make setup`): the worked example, a merge, the CDNOW purchases, made-up traffic under a policy of
every feature, and histories of the simulator. A change that should not change any result is shown
by it to change none.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

_PROFILE_POLICY = "examples/profile_policy.toml"
_UNTIL = "2026-06-01T00:00:00Z"
_TRAFFIC_EVENTS = 60_000

_DIGESTS = """
import sys
from hashlib import sha256
from tests.simulator.outcome import judged

first, after, step = map(int, sys.argv[1:])
for seed in range(first, after, step):
    world, problems = judged(seed)
    digest = sha256(repr(problems).encode())
    for tp, log in sorted(world.broker.logs.items()):
        digest.update(repr(tuple(tp)).encode())
        for each in log.written:
            record = (each.offset, each.timestamp, each.key, each.value, each.headers)
            digest.update(repr(record).encode())
    print(seed, digest.hexdigest(), flush=True)
"""
"""Prints a digest for each history: every record that any process wrote to any topic."""


class Run(NamedTuple):
    """A backtest that both checkouts do.

    Attributes:
        name: for the report.
        events: file of events.
        options: of `tierstream backtest`.
    """

    name: str
    events: Path
    options: tuple[str, ...]


def compare(
    old: Annotated[Path, typer.Argument(help="A checkout that was set up.")],
    new: Annotated[Path, typer.Argument(help="The one to hold against it.")],
    histories: Annotated[int, typer.Option(min=0, help="Histories of the simulator.")] = 3_000,
) -> None:
    """Compare what two checkouts make of the same input; 1 if anything differs."""
    console = Console(highlight=False, soft_wrap=True)
    old, new = old.resolve(), new.resolve()
    differences = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name, differing in chain(
            _compared_runs(old, new, Path(scratch)), _compared_histories(old, new, histories)
        ):
            console.print(f"{name}: {'same bytes' if not differing else 'DIFFERENT'}")
            for line in differing[:20]:
                console.print(f"    {line}", markup=False)
            differences += len(differing)
    if differences:
        raise typer.Exit(1)


def _compared_runs(old: Path, new: Path, scratch: Path) -> Iterator[tuple[str, list[str]]]:
    made = {
        "traffic": (
            *("simulate", "--seed", "4", "--customers", "400"),
            *("--events", str(_TRAFFIC_EVENTS), "--out"),
        ),
        "purchases": ("cdnow",),
    }
    for name, words in made.items():
        files = [scratch / f"{side}-{name}.jsonl" for side in ("old", "new")]
        for checkout, file in zip((old, new), files, strict=True):
            _tierstream(checkout, *words, str(file))
        yield f"{name} as made", _differing({name: files[0]}, {name: files[1]})
    example = old / "tests" / "example"
    profiles = ("--policy", str(old / _PROFILE_POLICY))
    for run in (
        Run(
            "worked example",
            example / "events.jsonl",
            ("--policy", str(example / "policy.toml"), "--until", "2026-01-01T00:00:00Z"),
        ),
        Run(
            "merging",
            example / "merging" / "events.jsonl",
            ("--policy", str(example / "merging" / "policy.toml"), "--until", _UNTIL),
        ),
        Run("profiles", example / "profile-events.jsonl", (*profiles, "--until", _UNTIL)),
        Run("purchases", scratch / "old-purchases.jsonl", ("--until", "1998-07-01T00:00:00Z")),
        Run(
            "traffic under a policy of every feature",
            scratch / "old-traffic.jsonl",
            (*profiles, "--until", _UNTIL),
        ),
    ):
        outs = [scratch / side / run.name for side in ("old", "new")]
        for checkout, out in zip((old, new), outs, strict=True):
            _tierstream(checkout, "backtest", str(run.events), *run.options, "--out", str(out))
        yield run.name, _differing(*({file.name: file for file in out.iterdir()} for out in outs))


def _compared_histories(old: Path, new: Path, histories: int) -> Iterator[tuple[str, list[str]]]:
    if histories:
        before, after = _digests(old, histories), _digests(new, histories)
        differing = [f"seed {seed}" for seed in before if before[seed] != after.get(seed)]
        yield f"{len(before):,} histories of the simulator", differing


def _digests(checkout: Path, histories: int) -> dict[int, str]:
    """The digest of each history, from one process a core."""
    cores = os.cpu_count() or 1
    processes = [
        subprocess.Popen(
            [
                *(_program(checkout, "python"), "-c", _DIGESTS),
                *(str(first), str(histories + 1), str(cores)),
            ],
            cwd=checkout,
            stdout=subprocess.PIPE,
            text=True,
        )
        for first in range(1, cores + 1)
    ]
    lines = [line.split() for process in processes for line in process.communicate()[0].split("\n")]
    if any(process.returncode for process in processes):
        raise typer.Exit(1)
    return {int(line[0]): line[1] for line in lines if line}


def _differing(old: Mapping[str, Path], new: Mapping[str, Path]) -> list[str]:
    return [
        name
        for name in sorted(old.keys() | new.keys())
        if name not in old or name not in new or _digest(old[name]) != _digest(new[name])
    ]


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def _tierstream(checkout: Path, *words: str) -> None:
    """Run a command of a checkout; its own words are shown only when it fails."""
    done = subprocess.run(
        [_program(checkout, "tierstream"), *words], cwd=checkout, capture_output=True, check=False
    )
    if done.returncode:
        typer.echo(done.stderr.decode(errors="replace"), err=True)
        raise typer.Exit(1)


def _program(checkout: Path, name: str) -> str:
    return str(checkout / ".venv" / "bin" / name)


if __name__ == "__main__":
    typer.run(compare)
