"""Hours that count, against a clock that looks at the wall each minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from scoring.calendar import BusinessCalendar, date_of_day
from scoring.care.service_hours import HoursRule, minute_of
from scoring.policy import ServiceHours

MINUTE_MS = 60_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHANGES = (
    ("UTC", date(2025, 3, 30)),
    ("Asia/Shanghai", date(2026, 2, 16)),
    ("Europe/Berlin", date(2025, 3, 29)),
    ("Europe/Berlin", date(2025, 10, 25)),
    ("America/New_York", date(2025, 11, 1)),
    ("America/Santiago", date(2025, 9, 6)),
    ("Australia/Lord_Howe", date(2025, 4, 5)),
    ("Pacific/Apia", date(2011, 12, 28)),
    ("Asia/Kathmandu", date(1985, 12, 31)),
)
"""Zones, and days about which their clocks do something."""


def counts(declared: ServiceHours, calendar: BusinessCalendar, at_ms: int) -> bool:
    """Whether the minute from an instant on counts, as one reads it off the wall."""
    day = date_of_day(calendar.day(at_ms))
    if day.isoweekday() not in declared.weekdays or day.isoformat() in declared.closed:
        return False
    wall = (EPOCH + timedelta(milliseconds=at_ms)).astimezone(calendar.zone)
    return declared.opens <= f"{wall:%H:%M}" < declared.closes


def minute_by_minute(
    declared: ServiceHours, calendar: BusinessCalendar, begun_ms: int, hours: int
) -> int:
    left, at_ms = hours * 60, begun_ms
    while left:
        left -= counts(declared, calendar, at_ms)
        at_ms += MINUTE_MS
    return at_ms


def some_hours(random: Random, near: date) -> ServiceHours:
    opens = random.choice((0, 30, 60, 90, 150, 540, 1_290))
    closes = random.choice([end for end in (120, 150, 210, 1_080, 1_410, 1_440) if end > opens])
    closed = {near + timedelta(days=random.randrange(5)) for _ in range(random.randrange(3))}
    return ServiceHours(
        tuple(random.sample(range(1, 8), random.randrange(3, 8))),
        f"{opens // 60:02d}:{opens % 60:02d}",
        f"{closes // 60:02d}:{closes % 60:02d}",
        tuple(each.isoformat() for each in sorted(closed)),
    )


@pytest.mark.parametrize(("zone", "near"), CHANGES)
def test_hours_pass_as_one_counts_them_minute_by_minute(zone: str, near: date) -> None:
    random = Random(f"{zone} {near}")
    calendar = BusinessCalendar(zone)
    noon = datetime(near.year, near.month, near.day, 12, tzinfo=UTC)
    for _ in range(12):
        declared = some_hours(random, near)
        minutes = random.randrange(-1_440, 3 * 1_440)
        begun_ms = int(noon.timestamp()) * 1_000 + minutes * MINUTE_MS
        hours = random.choice((1, 1, 2, 3, 5, 9))
        expected = minute_by_minute(declared, calendar, begun_ms, hours)
        assert HoursRule(declared, calendar).after(begun_ms, hours) == expected, declared


def test_what_passes_within_a_minute_is_not_lost() -> None:
    rule = HoursRule(ServiceHours((1,), "09:00", "10:00"), BusinessCalendar("UTC"))
    monday_ms = int(datetime(2025, 1, 6, 9, tzinfo=UTC).timestamp()) * 1_000
    assert rule.after(monday_ms, 1) == monday_ms + 3_600_000
    assert rule.after(monday_ms + 1, 1) == monday_ms + 7 * 86_400_000 + 1
    assert rule.after(monday_ms - 1, 1) == monday_ms + 3_600_000


@pytest.mark.parametrize(
    ("text", "minute"),
    [
        *(("00:00", 0), ("09:30", 570), ("24:00", 1_440)),
        *((text, None) for text in ("24:01", "9:00", "09:60", "09.00", "٠٩:00", "")),
    ],
)
def test_a_local_time_has_two_digits_each(text: str, minute: int | None) -> None:
    assert minute_of(text) == minute
