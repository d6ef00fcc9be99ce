"""The random histories of practice meet all of it, from overdue tickets to lunar dates."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tests import oracle
from tests.oracle.lunar import day_in, parse_lunar
from tests.support.traffic import PRACTICE

pytestmark = [pytest.mark.slow, pytest.mark.always]


def test_the_histories_have_all_of_it() -> None:
    met: Counter[str] = Counter()
    for seed in range(40):
        random = Random(seed)
        policy = PRACTICE.policy(random)
        lines = PRACTICE.history(random, 4, random.choice([60, 300]), merges=True).lines(60)
        found = oracle.run(lines, policy)
        met.update(each["type"] for each in found.care_reminders)
        met.update(_of_service_and_contact(found))
        met.update("lunar festival" for each in found.care_reminders if _is_lunar(each))
        met["erased"] += len(found.lapses)
        met["came back"] += sum(customer in found.profiles for customer, _ in found.lapses)
        for profile in found.profiles.values():
            told = profile["attributes"]
            met["lunar birth"] += told.get("birth_calendar") == "lunar" and "birth_date" in told
            met["no profiling"] += profile["purpose_consent"].get("profiling") is False
    rare = {name: met[name] for name in _WANTED if met[name] < 5}
    assert not rare
    assert met["owner by merge"]


_WANTED = (
    "response, due",
    "response, a step",
    "resolution, due",
    "resolution, a step",
    "owner by profile",
    "owner with open tickets",
    "frequency_cap",
    "quiet hours",
    "staff",
    "visit.due",
    "retention.due",
    "birthday.upcoming",
    "lunar festival",
    "erased",
    "came back",
    "lunar birth",
    "no profiling",
)


def _of_service_and_contact(found: oracle.Result) -> Counter[str]:
    met: Counter[str] = Counter()
    for each in (*found.tier_changes, *found.dormancy_alerts, *found.care_reminders):
        met["frequency_cap"] += each["suppressed"] == "frequency_cap"
        met["quiet hours"] += each["not_before"] is not None
        met["staff"] += each["audience"] == "staff"
        if each["type"] == "ticket.overdue":
            met[f"{each['stage']}, {'due' if each['step'] is None else 'a step'}"] += 1
    for each in found.profile_changes:
        if each["type"] == "owner.changed":
            met[f"owner by {each['reason']}"] += 1
            met["owner with open tickets"] += bool(each["open_tickets"])
    return met


def _is_lunar(reminder: dict[str, str]) -> bool:
    return reminder.get("holiday") in ("New Year", "mid-autumn", "New Year's Eve", "thirtieth")


@pytest.mark.parametrize(
    ("text", "is_leap", "date"),
    [
        ("2023-01-01", False, "2023-01-22"),
        ("2023-02-01", True, "2023-03-22"),  # a year with a leap month
        ("2024-02-01", True, "2024-03-10"),  # and one without
        ("2024-12-30", False, "2025-01-28"),  # of a month of 29 days
        ("2025-08-15", False, "2025-10-06"),
    ],
)
def test_the_oracle_reads_the_chinese_calendar(text: str, is_leap: bool, date: str) -> None:
    told = parse_lunar(text)
    assert told is not None
    assert str(day_in(told.year, told.month, told.day, is_leap=is_leap)) == date


@pytest.mark.parametrize("text", ["1900-01-01", "2100-01-01", "2020-13-01", "2020-01-31", "soon"])
def test_what_is_no_lunar_date_is_none(text: str) -> None:
    assert parse_lunar(text) is None
