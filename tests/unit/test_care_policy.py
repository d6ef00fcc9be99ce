"""The section `[care]` of a policy file."""

from __future__ import annotations

import pytest

from config.policy_care import MAX_HOLIDAYS
from config.policy_file import PolicyError, parse_policy
from scoring.policy import CarePolicy, Holiday, Occasion, Refresh, Silence

WHOLE = """
[care]
leap_day = "03-01"

[care.birthday]
days_ahead = 14
action = "gift"

[care.anniversary]
tiers = ["A", "B"]

[[care.holidays]]
name = "Spring Festival"
dates = ["2026-02-17", "2027-02-06"]
days_ahead = 10
action = "greet"

[[care.holidays]]
name = "Leap"
dates = ["02-29"]
tiers = ["prospect"]

[care.checkin]
A = {days = 30, action = "call"}
prospect = {days = 90}

[care.profile_refresh]
days = 365
action = "ask"
tiers = ["A"]
"""
LUNAR = "[[care.holidays]]\nname = 'x'\ncalendar = 'lunar'\nmonth = 12"


def test_every_key_is_read() -> None:
    assert parse_policy(WHOLE).care == CarePolicy(
        leap_day="03-01",
        birthday=Occasion(14, "gift"),
        anniversary=Occasion(tiers=("A", "B")),
        holidays=(
            Holiday("Spring Festival", ("2026-02-17", "2027-02-06"), 10, "greet"),
            Holiday("Leap", ("02-29",), tiers=("prospect",)),
        ),
        checkin={"A": Silence(30, "call"), "prospect": Silence(90)},
        profile_refresh=Refresh(365, "ask", ("A",)),
    )


def test_an_empty_section_reminds_of_nothing() -> None:
    assert parse_policy("[care]").care == CarePolicy()
    assert parse_policy("").care is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("care = 5", "care: must be a table"),
        ("[care]\nleap_day = '02-27'", 'care.leap_day: must be "02-28" or "03-01"'),
        ("[care]\nbirthdays = 5", "care.birthdays: unknown key, did you mean birthday?"),
        ("[care]\nbirthday = 5", "care.birthday: must be a table"),
        ("[care.birthday]\ndays_ahead = -1", "care.birthday.days_ahead: must be a whole number"),
        ("[care.birthday]\ndays_ahead = 181", "care.birthday.days_ahead: must be a whole number"),
        ("[care.birthday]\ntiers = ['Z']", "care.birthday.tiers: 'Z' is no tier of this policy"),
        ("[care.birthday]\ntiers = 'A'", "care.birthday.tiers: must be a list of"),
        ("[care.anniversary]\ntiers = []", "care.anniversary.tiers: must name a tier"),
        ("[care.anniversary]\naction = 5", "care.anniversary.action: must be a text"),
        ("[care.anniversary]\nwhen = 5", "care.anniversary.when: unknown key"),
        (
            "[[care.holidays]]\nname = 'x'\ncalendar = 'lunar'\nmonth = 13\nday = 1",
            "care.holidays[1].month: must be a whole number from 1 to 12, got 13",
        ),
        (
            f"{LUNAR}\nday = 31",
            'care.holidays[1].day: must be a whole number from 1 to 30 or "last", got 31',
        ),
        (
            LUNAR,
            'care.holidays[1].day: is missing, 1 to 30 or "last" of the Chinese calendar',
        ),
        (
            f"{LUNAR}\nday = 1\ndates = ['12-25']",
            'care.holidays[1].dates: a holiday with calendar = "lunar" has month and day instead',
        ),
        (
            "[[care.holidays]]\nname = 'x'\ndates = ['12-25']\nmonth = 12",
            'care.holidays[1].month: goes with calendar = "lunar"; other holidays have dates',
        ),
        (
            "[[care.holidays]]\nname = 'x'\ncalendar = 'solar'\nmonth = 1\nday = 1",
            """care.holidays[1].calendar: must be "lunar", got 'solar'""",
        ),
        ("[care]\nholidays = 5", "care.holidays: must be written as [[care.holidays]] tables"),
        ("[[care.holidays]]\ndates = ['12-25']", "care.holidays[1].name: must be a text"),
        ("[[care.holidays]]\nname = 'x'", "care.holidays[1].dates: must be a list of dates"),
        (
            "[[care.holidays]]\nname = 'x'\ndates = []",
            "care.holidays[1].dates: must be a list of dates",
        ),
        (
            "[[care.holidays]]\nname = 'x'\ndates = ['02-30']",
            "care.holidays[1].dates: '02-30' is no date such as 12-25 or 2026-02-17",
        ),
        (
            "[[care.holidays]]\nname = 'x'\ndates = ['2025-02-29']",
            "care.holidays[1].dates: '2025-02-29' is no date",
        ),
        (
            "[[care.holidays]]\nname = 'x'\ndates = ['12-25', '12-25']",
            "care.holidays[1].dates: must be a list of up to 64 different texts",
        ),
        (
            "[[care.holidays]]\nname = 'x'\ndates = ['12-25']\ndate = '12-26'",
            "care.holidays[1].date: unknown key, did you mean dates?",
        ),
        (
            "[[care.holidays]]\nname = 'x'\ndates = ['12-25']\n" * 2,
            "care.holidays[1].name: 'x' stands twice, give one holiday several dates",
        ),
        (
            "".join(
                f"[[care.holidays]]\nname = 'h{n}'\ndates = ['12-25']\n"
                for n in range(MAX_HOLIDAYS + 1)
            ),
            f"care.holidays: must be at most {MAX_HOLIDAYS} tables",
        ),
        ("[care.checkin]\nZ = {days = 1}", "care.checkin.Z: is no tier of this policy"),
        ("[care.checkin]\nA = 30", "care.checkin.A: must be a table"),
        ("[care.checkin.A]\naction = 'x'", "care.checkin.A.days: is missing, a whole number"),
        ("[care.checkin.A]\ndays = 0", "care.checkin.A.days: must be a whole number from 1"),
        ("[care.profile_refresh]", "care.profile_refresh.days: is missing, a whole number"),
        ("[care.profile_refresh]\ndays = 1.5", "care.profile_refresh.days: must be a whole"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_policy(text)
    assert [found for found in refused.value.problems if found.startswith(problem)]
    assert all(found.startswith("care") for found in refused.value.problems)
