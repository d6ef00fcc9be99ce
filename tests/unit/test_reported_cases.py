"""What shops really send: small files made after public bug reports, and the right results.

Each folder of `tests/reported` is a case: `events.jsonl`, perhaps `policy.toml`, and
`expected.json`:

- `says`: what is right, in one sentence;
- `settings`: environment variables;
- `options`: further options of `tierstream backtest`;
- the name of a file of outputs (`tier-changes`, ..., `dead-letters`): all its records in order, of
  each the fields that the case is about; of a dead letter `detail` is a part of the text. A file
  that is not named may hold anything;
- `summary`, `error`: texts that are in what is printed, and in what is said on the standard error;
- `exit_code`: 0 if not told.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app

CASES = Path(__file__).parents[1] / "reported"
FILES = (
    "tier-changes",
    "dormancy-alerts",
    "care-reminders",
    "profile-changes",
    "customer-profiles",
    "dead-letters",
)
KNOWN = {"says", "settings", "options", "summary", "error", "exit_code", *FILES}
pytestmark = pytest.mark.usefixtures("no_settings")


def expected_of(case: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CASES / case / "expected.json").read_text("utf-8"))
    return found


def run(case: str, out: Path, *options: str) -> Result:
    """Run the command on the files of a case."""
    policy = CASES / case / "policy.toml"
    arguments = ["backtest", str(CASES / case / "events.jsonl"), "--out", str(out), *options]
    if policy.exists():
        arguments += ["--policy", str(policy)]
    return CliRunner().invoke(app, arguments)


def records(out: Path, name: str) -> list[dict[str, Any]]:
    """The records of a file: type and `data` of outputs, dead letters as they are."""
    lines = [json.loads(line) for line in (out / f"{name}.jsonl").read_bytes().splitlines()]
    if name == "dead-letters":
        return lines
    return [{"type": line["type"], **line["data"]} for line in lines]


def part(record: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """The wanted fields of a record; a detail that has the wanted text is that text."""
    found = {name: record.get(name, "is not there") for name in wanted}
    if "detail" in wanted and wanted["detail"] in record["detail"]:
        found["detail"] = wanted["detail"]
    return found


def plain(text: str) -> str:
    """What was printed, in one line without the frames of its tables."""
    return " ".join(re.sub(r"[─-╿]", " ", text).split())


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_a_reported_case_gives_what_is_right(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = expected_of(case)
    assert expected.keys() <= KNOWN
    for name, value in expected.get("settings", {}).items():
        monkeypatch.setenv(name, value)
    result = run(case, tmp_path, *expected.get("options", ()))
    assert result.exit_code == expected.get("exit_code", 0), result.output
    for text in expected.get("summary", ()):
        assert text in plain(result.stdout)
    for text in expected.get("error", ()):
        assert text in plain(result.stderr)
    for name in expected.keys() & set(FILES):
        wanted = expected[name]
        found = records(tmp_path, name)
        assert len(found) == len(wanted), found
        assert [part(record, want) for record, want in zip(found, wanted, strict=True)] == wanted


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_every_case_says_what_is_right_and_checks_it(case: str) -> None:
    expected = expected_of(case)
    assert expected["says"].endswith(".")
    assert expected.keys() & {*FILES, "summary", "error"}
