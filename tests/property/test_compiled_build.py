"""The compiled core makes the same bytes as the plain one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / ".compiled" / "tree"
_SEEDS = range(1, 201)
_SHOWN = 5

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(1_800),
    pytest.mark.plain("compares both builds itself"),
]


@pytest.fixture(scope="module", autouse=True)
def compiled_tree() -> None:
    """The tree that `make compiled` makes, new if the sources are."""
    made = subprocess.run(
        ["make", "compiled"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr


def said_by(folder: Path) -> list[str]:
    """What the core in a folder makes of the histories, after the name of its build."""
    words = [str(_SEEDS.start), str(_SEEDS.stop)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.core_bytes", *words],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_states_outputs_profiles_and_dead_letters_are_the_same_bytes() -> None:
    [plain, *expected], [compiled, *found] = said_by(ROOT), said_by(TREE)
    assert (plain, compiled) == ("plain", "compiled")
    assert len(found) == len(_SEEDS)
    differ = [pair for pair in zip(expected, found, strict=True) if pair[0] != pair[1]]
    assert differ[:_SHOWN] == []


def test_the_command_names_the_build() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-m", "cli.main", "--version"],
            cwd=folder,
            env={"PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()[-2:]
        for folder in (ROOT, TREE)
    ]
    assert said == [["plain", "build"], ["compiled", "build"]]
