"""Where quiet hours end, also where the clock jumps, and what is not in them."""

from __future__ import annotations

import pytest

from scoring.calendar import BusinessCalendar
from scoring.care.quiet_hours import QuietHours, minute_of
from scoring.timestamps import rfc3339
from tests.builders import to_ms


def end(zone: str, quiet_from: str, quiet_to: str, at: str) -> str | None:
    start, stop = minute_of(quiet_from), minute_of(quiet_to)
    assert start is not None
    assert stop is not None
    found = QuietHours(BusinessCalendar(zone), start, stop).end(to_ms(at))
    return None if found is None else rfc3339(found).removesuffix(".000Z")


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2025-01-01T20:59:59.999Z", None),
        ("2025-01-01T21:00:00Z", "2025-01-02T09:00:00"),
        ("2025-01-02T00:00:00Z", "2025-01-02T09:00:00"),
        ("2025-01-02T08:59:59.999Z", "2025-01-02T09:00:00"),
        ("2025-01-02T09:00:00Z", None),
    ],
)
def test_from_is_included_and_to_is_not(at: str, until: str | None) -> None:
    assert end("UTC", "21:00", "09:00", at) == until


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2025-01-01T11:59:00Z", None),
        ("2025-01-01T12:00:00Z", "2025-01-01T14:00:00"),
        ("2025-01-01T14:00:00Z", None),
    ],
)
def test_hours_within_a_day_end_on_it(at: str, until: str | None) -> None:
    assert end("UTC", "12:00", "14:00", at) == until


def test_they_go_by_the_local_clock() -> None:
    assert end("Asia/Shanghai", "21:00", "09:00", "2026-02-06T16:00:00Z") == "2026-02-07T01:00:00"


def test_in_a_gap_of_the_clock_they_end_at_the_first_instant_after_it() -> None:
    # Berlin, 30 March 2025: from 02:00 to 03:00 at once.
    assert end("Europe/Berlin", "22:00", "02:30", "2025-03-30T00:10:00Z") == "2025-03-30T01:00:00"


def test_where_to_is_read_twice_the_last_one_ends_them() -> None:
    # Berlin, 26 October 2025: 02:00 to 03:00 comes twice.
    assert end("Europe/Berlin", "22:00", "02:30", "2025-10-25T22:00:00Z") == "2025-10-26T01:30:00"
    assert end("Europe/Berlin", "22:00", "02:30", "2025-10-26T00:45:00Z") is None
    assert end("Europe/Berlin", "22:00", "02:30", "2025-10-26T01:10:00Z") == "2025-10-26T01:30:00"


def test_a_date_that_is_skipped_ends_no_quiet_hours() -> None:
    # Apia had no 30 December 2011: what began on the 29th goes on to 09:00 on the 31st.
    assert end("Pacific/Apia", "21:00", "09:00", "2011-12-30T08:00:00Z") == "2011-12-30T19:00:00"


def test_there_is_no_end_after_the_calendar() -> None:
    assert end("UTC", "21:00", "09:00", "9999-12-31T22:00:00Z") is None


@pytest.mark.parametrize(
    "text", ["9:00", "24:00", "12:60", "12.00", "", "aa:bb", "\u0661\u0662:\u0660\u0660"]
)
def test_what_is_no_time_of_day_is_none(text: str) -> None:
    assert minute_of(text) is None
