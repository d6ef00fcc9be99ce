"""The worked example of merging: what was worked out by hand, by the command and by the oracle."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests import oracle
from tests.oracle.times import parse_rfc3339

EXAMPLE = Path(__file__).parents[1] / "example" / "merging"
UNTIL = "2025-04-06T00:00:00Z"
NAMES = [file.name for file in sorted((EXAMPLE / "expected").iterdir())]


def expected(name: str) -> list[dict[str, Any]]:
    text = (EXAMPLE / "expected" / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def named(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each record the fields that the expected one has."""
    return [{name: row[name] for name in want} for row, want in zip(found, wanted, strict=True)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("merging")
    options = ["--policy", str(EXAMPLE / "policy.toml"), "--until", UNTIL, "--out", str(out)]
    result = CliRunner().invoke(app, ["backtest", str(EXAMPLE / "events.jsonl"), *options])
    assert result.exit_code == 0, result.stderr
    return out


@pytest.mark.parametrize("name", NAMES)
def test_the_command_writes_what_was_worked_out_by_hand(written: Path, name: str) -> None:
    found = [json.loads(line) for line in (written / name).read_bytes().splitlines()]
    if name != "dead-letters.jsonl":
        found = [{"type": each["type"], **each["data"]} for each in found]
    assert named(found, expected(name)) == expected(name)


def test_the_dead_letters_have_the_lines_as_they_were_sent(written: Path) -> None:
    lines = (EXAMPLE / "events.jsonl").read_text(encoding="utf-8").splitlines()
    for row in (written / "dead-letters.jsonl").read_bytes().splitlines():
        letter = json.loads(row)
        assert letter["raw"] == lines[letter["line"] - 1]


@pytest.mark.parametrize("name", NAMES)
def test_the_oracle_says_what_was_worked_out_by_hand(name: str) -> None:
    result = oracle.run(
        (EXAMPLE / "events.jsonl").read_bytes().split(b"\n"),
        tomllib.loads((EXAMPLE / "policy.toml").read_text(encoding="utf-8")),
        until_ms=parse_rfc3339(UNTIL),
    )
    found = {
        "tier-changes.jsonl": result.tier_changes,
        "dormancy-alerts.jsonl": result.dormancy_alerts,
        "profile-changes.jsonl": result.profile_changes,
        "customer-profiles.jsonl": list(result.profiles.values()),
        "dead-letters.jsonl": result.dead_letters,
    }[name]
    assert named(found, expected(name)) == expected(name)
    assert (result.duplicates, result.accepted) == (1, 12)
