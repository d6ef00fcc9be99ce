"""The Chinese calendar agrees with published tables, and finds the days people keep."""

from __future__ import annotations

from datetime import date

import pytest

from scoring.calendar import date_of_day, day_of_date
from scoring.care.lunar import (
    FIRST_YEAR,
    LAST_YEAR,
    LunarDate,
    day_of_lunar_date,
    lunar_year,
    parse_lunar_date,
)

PUBLISHED = (
    # New year, leap month (0: none), long (L, 30 days) and short (s, 29 days) months of 2020 to
    # 2050, as in the conversion tables of the Hong Kong Observatory, by the package LunarCalendar.
    ("2020-01-25", 4, "sLLLsLssLsLsL"),
    ("2021-02-12", 0, "sLLsLsLsLsLs"),
    ("2022-02-01", 0, "LsLsLLsLsLsL"),
    ("2023-01-22", 2, "sLssLLsLLsLsL"),
    ("2024-02-10", 0, "sLssLsLLsLLs"),
    ("2025-01-29", 6, "LsLssLsLsLLLs"),
    ("2026-02-17", 0, "LsLssLssLLLs"),
    ("2027-02-06", 0, "LLsLssLssLLs"),
    ("2028-01-26", 5, "LLLsLssLssLLs"),
    ("2029-02-13", 0, "LLsLsLsLssLL"),
    ("2030-02-03", 0, "sLsLLsLsLsLs"),
    ("2031-01-23", 3, "sLLsLsLLsLsLs"),
    ("2032-02-11", 0, "LssLsLLsLLsL"),
    ("2033-01-31", 11, "sLssLsLsLLLsL"),
    ("2034-02-19", 0, "sLssLsLsLLsL"),
    ("2035-02-08", 0, "LsLssLssLLsL"),
    ("2036-01-28", 6, "LLsLssLssLsLL"),
    ("2037-02-15", 0, "LLsLssLssLsL"),
    ("2038-02-04", 0, "LLsLsLsLssLs"),
    ("2039-01-24", 5, "LLsLLsLsLsLss"),
    ("2040-02-12", 0, "LsLLsLsLLsLs"),
    ("2041-02-01", 0, "sLsLsLLsLLsL"),
    ("2042-01-22", 2, "sLssLsLsLLsLL"),
    ("2043-02-10", 0, "sLssLssLLsLL"),
    ("2044-01-30", 7, "LsLssLssLsLLL"),
    ("2045-02-17", 0, "LsLssLssLsLL"),
    ("2046-02-06", 0, "LsLsLsLssLsL"),
    ("2047-01-26", 5, "LsLLsLsLssLsL"),
    ("2048-02-14", 0, "sLLsLLsLssLs"),
    ("2049-02-02", 0, "LsLsLLsLLsLs"),
    ("2050-01-23", 3, "sLsLsLsLLsLLs"),
)


def gregorian(of: LunarDate) -> str:
    """The Gregorian date of one that the table has."""
    day = day_of_lunar_date(of)
    assert day is not None
    return date_of_day(day).isoformat()


@pytest.mark.parametrize(("new_year", "leap_month", "months"), PUBLISHED)
def test_the_table_is_the_published_one(new_year: str, leap_month: int, months: str) -> None:
    day = day_of_date(date.fromisoformat(new_year))
    year = date.fromisoformat(new_year).year
    numbers = [(number, False) for number in range(1, 13)]
    if leap_month:
        numbers.insert(leap_month, (leap_month, True))
    assert len(numbers) == len(months)
    for (month, is_leap), length in zip(numbers, months, strict=True):
        assert day_of_lunar_date(LunarDate(year, month, 1, is_leap)) == day
        day += 30 if length == "L" else 29
        assert day_of_lunar_date(LunarDate(year, month, 30, is_leap)) == day - 1


def test_every_year_of_the_table_begins_where_the_one_before_ends() -> None:
    for year in range(FIRST_YEAR, LAST_YEAR):
        last = max(day_of_lunar_date(LunarDate(year, 12, 30, leap)) or 0 for leap in (False, True))
        assert last + 1 == day_of_lunar_date(LunarDate(year + 1, 1, 1))
        assert (lunar_year(last), lunar_year(last + 1)) == (year, year + 1)


def test_days_that_people_keep() -> None:
    assert gregorian(LunarDate(2025, 8, 15)) == "2025-10-06"
    assert gregorian(LunarDate(2025, 1, 1)) == "2025-01-29"
    assert gregorian(LunarDate(2024, 12, 30)) == "2025-01-28"
    assert gregorian(LunarDate(2026, 5, 5)) == "2026-06-19"


def test_a_leap_month_is_kept_where_the_year_has_it_else_the_plain_one() -> None:
    assert gregorian(LunarDate(2025, 6, 1)) == "2025-06-25"
    assert gregorian(LunarDate(2025, 6, 1, is_leap=True)) == "2025-07-25"
    assert gregorian(LunarDate(2025, 7, 1, is_leap=True)) == gregorian(LunarDate(2025, 7, 1))
    assert gregorian(LunarDate(2026, 6, 1, is_leap=True)) == gregorian(LunarDate(2026, 6, 1))


def test_day_30_of_a_short_month_is_its_last() -> None:
    assert gregorian(LunarDate(2025, 12, 30)) == gregorian(LunarDate(2025, 12, 29)) == "2026-02-16"


def test_beyond_the_table_there_is_no_day() -> None:
    assert day_of_lunar_date(LunarDate(FIRST_YEAR - 1, 1, 1)) is None
    assert day_of_lunar_date(LunarDate(LAST_YEAR + 1, 1, 1)) is None
    assert lunar_year(day_of_date(date(1901, 2, 18))) is None
    assert lunar_year(day_of_date(date(1901, 2, 19))) == 1901
    assert lunar_year(day_of_date(date(2100, 2, 8))) == 2099
    assert lunar_year(day_of_date(date(2100, 2, 9))) is None


def test_texts_that_are_dates_of_this_calendar() -> None:
    assert parse_lunar_date("1990-02-30") == LunarDate(1990, 2, 30)
    assert parse_lunar_date("1990-02-30", is_leap=True) == LunarDate(1990, 2, 30, is_leap=True)
    for text in ("1990-02-31", "1990-13-01", "1990-00-01", "1900-01-01", "1990-1-1", "x"):
        assert parse_lunar_date(text) is None
