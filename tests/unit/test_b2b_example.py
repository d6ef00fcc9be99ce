"""Each line of the example of business customers is what the ready-made policy gives."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from config.policy_file import load_policy
from config.policy_warnings import warnings_of
from handlers.state.formats import NEWEST
from scoring.timestamps import rfc3339
from tests.builders import to_ms
from tests.driver import Driver
from tests.unit.test_backtest import backtest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/b2b"
POLICY = ROOT / "config/policies/b2b.toml"
EVENTS = (EXAMPLE / "events.jsonl").read_bytes().splitlines()
UNTIL = "2026-06-11T00:00:00+08:00"
NONE = "\N{EN DASH}"
PAGES = ("README.md", "README.zh-CN.md")


def rows(page: str) -> list[list[str]]:
    """The lines of the table of a page: time, customer, what happens, digits, score, tier."""
    lines = (EXAMPLE / page).read_text("utf-8").splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("| 2")]


def instant(local: str) -> str:
    """RFC 3339 in UTC of a local time of the table."""
    zone = timezone(timedelta(hours=8))
    at = datetime.strptime(local, "%Y-%m-%d %H:%M").replace(tzinfo=zone)
    return rfc3339(int(at.timestamp() * 1000))


def plain(row: list[str]) -> tuple[str, ...]:
    """A line without its words."""
    return (*row[:2], *row[3:])


def shown(profile: dict[str, Any]) -> tuple[str, str, str, str]:
    """Digits, score and tier as the table has them."""
    has_orders = profile["r"] is not None
    return (
        " ".join(str(profile[name]) for name in "rfm") if has_orders else NONE,
        " ".join(map(str, profile["dimensions"].values())),
        str(profile["score"]) if has_orders else NONE,
        profile["tier"],
    )


@pytest.mark.parametrize("page", PAGES)
def test_each_line_of_the_table_comes_true(page: str) -> None:
    driver, waiting = Driver(load_policy(POLICY), format_number=NEWEST, lateness_ms=0), [*EVENTS]
    for local, customer, _, *expected in rows(page):
        at = instant(local)
        while waiting and to_ms(json.loads(waiting[0])["occurred_at"]) <= to_ms(at):
            driver.feed(waiting.pop(0))
        driver.pass_to(at)
        assert (local, customer, *shown(driver.profile(customer))) == (local, customer, *expected)
    assert waiting == []


def test_the_command_moves_tiers_where_the_table_does(tmp_path: Path) -> None:
    options = ("--policy", str(POLICY), "--until", UNTIL)
    done = backtest(tmp_path, EXAMPLE / "events.jsonl", *options)
    assert done.exit_code == 0, done.stderr
    moves, tiers = list[tuple[str, str, str]](), dict[str, str]()
    for local, customer, *_, tier in rows("README.md"):
        if tiers.get(customer, "prospect") != tier:
            moves.append((instant(local), customer, tier))
        tiers[customer] = tier
    found = done.records("tier-changes.jsonl")
    assert [(one["effective_at"], one["customer_id"], one["tier"]) for one in found] == moves
    warned = [
        (one["effective_at"], one["customer_id"])
        for one in done.records("care-reminders.jsonl")
        if one["type"] == "tier.expiring"
    ]
    assert warned == [(instant("2026-05-12 00:00"), "minghe")]


def test_both_languages_tell_the_same() -> None:
    assert [plain(row) for row in rows(PAGES[0])] == [plain(row) for row in rows(PAGES[1])]


def test_the_policy_says_nothing_in_vain_and_has_both_languages() -> None:
    policy = load_policy(POLICY)
    assert warnings_of(policy, to_ms("2026-01-01T00:00:00Z")) == []
    assert all(tier.label.keys() == {"en", "zh"} for tier in policy.tiers)
