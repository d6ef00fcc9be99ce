"""A business day is a local date; it begins once and never goes back."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfoNotFoundError

import pytest

from scoring.calendar import DAY_MS, BusinessCalendar, day_of_date, load_zone
from tests.builders import to_ms

HOUR_MS = 3_600_000

ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Asia/Kathmandu",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
)


def number(text: str) -> int:
    return day_of_date(date.fromisoformat(text))


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("UTC", "2025-03-01", "2025-03-01T00:00:00Z"),
        ("Asia/Shanghai", "2025-03-01", "2025-02-28T16:00:00Z"),
        ("America/New_York", "2025-07-01", "2025-07-01T04:00:00Z"),
        ("Asia/Kathmandu", "2025-07-01", "2025-06-30T18:15:00Z"),
        ("Pacific/Kiritimati", "2025-07-01", "2025-06-30T10:00:00Z"),
    ],
)
def test_a_day_begins_at_local_midnight(zone: str, day: str, begins: str) -> None:
    assert BusinessCalendar(zone).start(number(day)) == to_ms(begins)


def test_a_day_whose_midnight_was_jumped_over_begins_at_the_jump() -> None:
    """In São Paulo the clocks went from 00:00 to 01:00 on this day."""
    calendar = BusinessCalendar("America/Sao_Paulo")
    assert calendar.start(number("2018-11-04")) == to_ms("2018-11-04T03:00:00Z")


def test_a_day_stays_when_clocks_fall_back_over_its_midnight() -> None:
    """In St. John's the clocks went from 00:01 back to 23:01 of the day before."""
    calendar = BusinessCalendar("America/St_Johns")
    new = number("2006-10-29")
    begins = to_ms("2006-10-29T02:30:00Z")
    assert calendar.start(new) == begins
    assert calendar.day(begins - 1) == new - 1
    assert calendar.day(begins) == new
    assert calendar.day(begins + HOUR_MS // 2) == new, "23:31 of the day before, once more"


def test_a_day_that_begins_twice_begins_the_first_time() -> None:
    """In Havana the clocks went from 01:00 back to 00:00."""
    calendar = BusinessCalendar("America/Havana")
    assert calendar.start(number("2025-11-02")) == to_ms("2025-11-02T04:00:00Z")


def test_a_skipped_date_has_no_length_and_is_nobodys_day_before() -> None:
    """Samoa went from 29 to 31 December 2011."""
    calendar = BusinessCalendar("Pacific/Apia")
    skipped = number("2011-12-30")
    assert calendar.start(skipped) == calendar.start(skipped + 1)
    assert calendar.day(calendar.start(skipped)) == skipped + 1
    assert calendar.day(calendar.start(skipped) - 1) == skipped - 1
    assert calendar.previous(skipped + 1) == skipped - 1


@pytest.mark.parametrize(
    ("day", "hours"), [("2025-03-29", 24), ("2025-03-30", 23), ("2025-10-26", 25)]
)
def test_a_day_is_as_long_as_its_clocks_make_it(day: str, hours: int) -> None:
    calendar = BusinessCalendar("Europe/Berlin")
    length = calendar.start(number(day) + 1) - calendar.start(number(day))
    assert length == hours * HOUR_MS


@pytest.mark.parametrize("zone", ZONES)
def test_each_day_ends_one_millisecond_before_the_next_begins(zone: str) -> None:
    calendar = BusinessCalendar(zone)
    first = number("2025-01-01")
    for day in range(first, first + 366):
        assert calendar.day(calendar.start(day)) == day
        assert calendar.day(calendar.start(day) - 1) == day - 1
        assert calendar.previous(day) == day - 1


def test_instants_before_1970_have_days_too() -> None:
    assert BusinessCalendar("UTC").day(-1) == -1
    assert BusinessCalendar("Asia/Shanghai").day(-1) == 0


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai"])
def test_the_end_of_the_calendar_is_no_error(zone: str) -> None:
    calendar = BusinessCalendar(zone)
    last = number("9999-12-31")
    assert calendar.start(last + 36_500) > calendar.start(last - 2)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "Asia",
        "../zoneinfo/UTC",
        "/etc/passwd",
        "/etc/localtime",
        "a\0b",
        "zones",
    ],
)
def test_a_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ZoneInfoNotFoundError, match="no time zone"):
        load_zone(name)


def test_days_are_counted_from_1970() -> None:
    assert number("1970-01-01") == 0
    assert BusinessCalendar("UTC").start(1) == DAY_MS
