import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.oracle import Result, run
from tests.oracle.times import parse_rfc3339

EXAMPLE = Path(__file__).parents[1] / "example"
EXPECTED_FILES = (
    "tier-changes.jsonl",
    "dormancy-alerts.jsonl",
    "customer-profiles.jsonl",
    "dead-letters.jsonl",
)


@pytest.fixture(scope="module")
def result() -> Result:
    return run(
        (EXAMPLE / "events.jsonl").read_bytes().split(b"\n"),
        tomllib.loads((EXAMPLE / "policy.toml").read_text(encoding="utf-8")),
        until_ms=parse_rfc3339("2026-01-01T00:00:00Z"),
    )


def rows_of(result: Result, file_name: str) -> list[dict[str, Any]]:
    return {
        "tier-changes.jsonl": result.tier_changes,
        "dormancy-alerts.jsonl": result.dormancy_alerts,
        "customer-profiles.jsonl": list(result.profiles.values()),
        "dead-letters.jsonl": result.dead_letters,
    }[file_name]


def test_every_expected_file_is_compared() -> None:
    assert sorted(EXPECTED_FILES) == sorted(p.name for p in (EXAMPLE / "expected").iterdir())


@pytest.mark.parametrize("file_name", EXPECTED_FILES)
def test_oracle_gives_the_worked_example_field_by_field(result: Result, file_name: str) -> None:
    text = (EXAMPLE / "expected" / file_name).read_text(encoding="utf-8")
    expected = [json.loads(line) for line in text.splitlines()]
    found = rows_of(result, file_name)
    for row, want in zip(found, expected, strict=True):
        assert {name: row[name] for name in want} == {
            name: _as_far_as(row[name], value) for name, value in want.items()
        }


def _as_far_as(found: Any, want: Any) -> Any:
    """Of an object the fields that the oracle gives."""
    if isinstance(want, dict) and isinstance(found, dict):
        return {name: want[name] for name in found}
    return want


def test_the_repeated_event_is_a_duplicate_and_nothing_is_left_over(result: Result) -> None:
    assert (result.duplicates, result.left_out, result.unmatched) == (1, 0, 0)


def test_fall_after_a_grace_tells_what_was_lost_when_the_grace_began(result: Result) -> None:
    falls = [c for c in result.tier_changes if c["reason"] == "grace_expired"]
    ana = next(c for c in falls if c["customer_id"] == "ana")
    assert ana["crossed"] == [
        {
            "measure": "score",
            "before": 75,
            "after": 66,
            "cutoff": 70,
            "at": "2025-03-04T00:00:00.000Z",
        }
    ]


def test_first_order_crosses_the_conditions_of_its_tier_from_nothing(result: Result) -> None:
    assert result.tier_changes[0]["crossed"] == [
        {
            "measure": "score",
            "before": None,
            "after": 41,
            "cutoff": 40,
            "at": "2025-01-02T10:00:00.000Z",
        }
    ]


def test_withdrawal_names_the_sequences_of_the_alerts_it_takes_back(result: Result) -> None:
    withdrawn = [a for a in result.dormancy_alerts if a["type"] == "dormancy.withdrawn"]
    assert [(a["customer_id"], a["withdraws"]) for a in withdrawn] == [("ben", [2, 3])]
    assert withdrawn[0]["suppressed"] == "open_complaint"
    assert withdrawn[0]["open_tickets"] == 1
