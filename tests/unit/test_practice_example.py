"""One customer for each rule of practice: worked out by hand, by the command and by the oracle."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests import oracle
from tests.oracle.times import parse_rfc3339
from tests.unit.test_backtest import Outcome, backtest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests/example/practice"
PAGE = ROOT / "docs/practice.md"
UNTIL, LIVE_FROM = "2025-02-20T00:00:00Z", "2025-01-06T00:00:00Z"
TOPICS = ("tier-changes", "dormancy-alerts", "care-reminders", "profile-changes")


def lines_of(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (EXAMPLE / name).read_bytes().splitlines()]


EXPECTED = lines_of("expected.jsonl")
CUSTOMERS = sorted({event["customer_id"] for event in lines_of("events.jsonl")})


def by_sequence(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(outputs, key=lambda each: (each["customer_id"], each["sequence"]))


def named(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each output the fields that the expected one has."""
    pairs = zip(by_sequence(found), EXPECTED, strict=True)
    return [{name: row[name] for name in want} for row, want in pairs]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    done = backtest(
        tmp_path_factory.mktemp("practice"),
        EXAMPLE / "events.jsonl",
        *("--policy", str(EXAMPLE / "policy.toml")),
        *("--until", UNTIL, "--live-from", LIVE_FROM),
    )
    assert done.exit_code == 0, done.stderr
    return done


def test_the_command_writes_what_was_worked_out_by_hand(written: Outcome) -> None:
    found = [each for topic in TOPICS for each in written.records(f"{topic}.jsonl")]
    assert named(found) == EXPECTED


def test_one_refund_is_refused_and_one_order_is_a_duplicate(written: Outcome) -> None:
    letters = written.records("dead-letters.jsonl")
    assert [(each["event_id"], each["reason"]) for each in letters] == [("fred-2", "conflict")]
    assert "45 records 43 accepted, 1 duplicates, 1 dead letters" in written.summary


def test_the_profiles_say_what_no_output_does(written: Outcome) -> None:
    profiles = {each["customer_id"]: each for each in written.records("customer-profiles.jsonl")}
    assert profiles["paul"]["churn_answer"] == "moved away"
    assert profiles["rita"]["channel_consent"] == {"sms": True, "email": False}
    assert profiles["jack"]["orders_ever"] == 1
    assert profiles["wanda"]["attributes"] == {"name": "Wanda"}
    assert profiles["xena"]["monetary"] == "0.00"
    assert "uwe" not in profiles


def test_the_oracle_says_what_was_worked_out_by_hand() -> None:
    result = oracle.run(
        (EXAMPLE / "events.jsonl").read_bytes().split(b"\n"),
        tomllib.loads((EXAMPLE / "policy.toml").read_text(encoding="utf-8")),
        until_ms=parse_rfc3339(UNTIL),
        live_from_ms=parse_rfc3339(LIVE_FROM),
    )
    found = result.tier_changes + result.dormancy_alerts
    assert named(found + result.care_reminders + result.profile_changes) == EXPECTED
    assert (result.duplicates, result.accepted) == (1, 43)


def test_the_page_tells_of_every_customer() -> None:
    assert sorted(re.findall(r"\*\*(\w+)\*\*", PAGE.read_text("utf-8"))) == CUSTOMERS
