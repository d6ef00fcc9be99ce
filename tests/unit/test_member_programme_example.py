"""Each line of the example of a member programme is what the ready-made policy gives."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from config.policy_file import load_policy
from config.policy_warnings import warnings_of
from tests.builders import to_ms
from tests.unit.test_backtest import Outcome, backtest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/member-programme"
POLICY = ROOT / "config/policies/member-programme.toml"
LIVE_FROM = "2026-01-01T00:00:00+08:00"
UNTIL = "2026-10-01T00:00:00+08:00"
PAGES = ("README.md", "README.zh-CN.md")
NONE = "\N{EN DASH}"
ERASED = "erased"
TOPICS = ("tier-changes", "dormancy-alerts", "care-reminders", "profile-changes")
FORMS = {"tier.changed": "tier", "owner.changed": "owner", "holiday.upcoming": "holiday"}


def rows(page: str) -> list[list[str]]:
    """The lines of the table: time, member, in, out, for, suppressed, not before, why."""
    lines = (EXAMPLE / page).read_text("utf-8").splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("| 2")]


def local(at: str, form: str = "%Y-%m-%d %H:%M") -> str:
    """A time of an event or output as the table has it."""
    zone = timezone(timedelta(hours=8))
    return datetime.fromtimestamp(to_ms(at) / 1000, zone).strftime(form)


def shown(data: dict[str, Any]) -> list[str]:
    """An output as a line of the table, without why."""
    what = data.get(FORMS.get(data["type"], "level")) or data.get("step") or data.get("stage")
    not_before = data["not_before"]
    return [
        local(data["effective_at"]),
        data["customer_id"],
        NONE,
        f"`{data['type']}`" + (f" {what}" if what else ""),
        data.get("audience") or NONE,
        f"`{data['suppressed']}`" if data["suppressed"] else NONE,
        NONE if not_before is None else local(not_before, "%m-%d %H:%M"),
    ]


def run(folder: Path, until: str = UNTIL) -> Outcome:
    done = backtest(
        folder,
        EXAMPLE / "events.jsonl",
        *("--policy", str(POLICY), "--live-from", LIVE_FROM, "--until", until),
    )
    assert done.exit_code == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """All outputs of the example, in order of time, of one instant by member and sequence."""
    done = run(tmp_path_factory.mktemp("programme"))
    assert done.records("dead-letters.jsonl") == []
    found = [one for topic in TOPICS for one in done.records(f"{topic}.jsonl")]
    return sorted(found, key=lambda one: (one["effective_at"], one["customer_id"], one["sequence"]))


@pytest.mark.parametrize("page", PAGES)
def test_the_events_of_the_table_are_those_of_the_file(page: str) -> None:
    events = [json.loads(line) for line in (EXAMPLE / "events.jsonl").read_bytes().splitlines()]
    told = [
        [local(one["occurred_at"]), one["customer_id"], f"`{one['type']}`", *[NONE] * 4]
        for one in events
    ]
    assert [row[:-1] for row in rows(page) if row[2] != NONE] == told


@pytest.mark.parametrize("page", PAGES)
def test_the_outputs_of_the_table_are_those_of_the_backtest(
    page: str, outputs: list[dict[str, Any]]
) -> None:
    live = [
        shown(one) for one in outputs if not one["backfill"] and one["type"] != "points.changed"
    ]
    assert [row[:-1] for row in rows(page) if row[2] == NONE and row[3] != ERASED] == live


@pytest.mark.parametrize("page", PAGES)
def test_the_lines_are_in_order_of_time(page: str) -> None:
    times = [row[0] for row in rows(page)]
    assert times == sorted(times)


def test_who_is_erased_is_there_until_then(tmp_path: Path) -> None:
    erased = [row for row in rows(PAGES[0]) if row[3] == ERASED]
    assert len(erased) == 1
    at, member = erased[0][:2]
    instant = datetime.strptime(f"{at} +0800", "%Y-%m-%d %H:%M %z")
    for step, is_there in ((timedelta(milliseconds=-1), True), (timedelta(0), False)):
        folder = tmp_path / str(is_there)
        folder.mkdir()
        done = run(folder, (instant + step).isoformat(timespec="milliseconds"))
        profiles = done.records("customer-profiles.jsonl")
        assert (member in {one["customer_id"] for one in profiles}) is is_there


def test_the_example_shows_what_the_policy_has(outputs: list[dict[str, Any]]) -> None:
    policy = load_policy(POLICY)
    assert policy.care is not None
    live = [one for one in outputs if not one["backfill"]]
    told = {one["holiday"] for one in live if one["type"] == "holiday.upcoming"}
    assert told == {holiday.name for holiday in policy.care.holidays}
    assert told == {"除夕", "春节", "端午", "中秋"}
    assert {one["suppressed"] for one in live} == {
        None,
        "no_consent",
        "open_complaint",
        "frequency_cap",
    }


def test_both_languages_tell_the_same() -> None:
    assert [row[:-1] for row in rows(PAGES[0])] == [row[:-1] for row in rows(PAGES[1])]


def test_the_policy_says_nothing_in_vain_and_has_both_languages() -> None:
    policy = load_policy(POLICY)
    assert warnings_of(policy, to_ms("2026-01-01T00:00:00Z")) == []
    assert all(tier.label.keys() == {"en", "zh"} for tier in policy.tiers)


def test_check_names_the_sections_of_the_policy_and_warns_of_nothing() -> None:
    done = CliRunner().invoke(app, ["policy", "check", str(POLICY)])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("ok: policy 'member-programme-1'")
    assert done.stdout.endswith("with points, care, audience, contact, retention\n")
