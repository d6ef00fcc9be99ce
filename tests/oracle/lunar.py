"""The Chinese calendar, by the table of lunar years that is part of the project."""

import csv
import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).parents[2] / "scoring" / "care" / "lunar_years.csv"
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_MOST_DAYS = 30


@dataclass(frozen=True)
class LunarDate:
    """A day of the Chinese calendar, as somebody tells when they were born."""

    year: int
    month: int
    day: int
    is_leap: bool = False


@cache
def _months() -> dict[int, dict[tuple[int, bool], tuple[date, int]]]:
    """By year and month, a leap one or not: its first day, and how many days it has."""
    found: dict[int, dict[tuple[int, bool], tuple[date, int]]] = {}
    with _TABLE.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            begins, leap = date.fromisoformat(row["new_year"]), int(row["leap_month"])
            names = [(month, False) for month in range(1, 13)]
            if leap:
                names.insert(leap, (leap, True))
            months = found[int(row["year"])] = {}
            for name, days in zip(names, row["days_of_months"].split(), strict=True):
                months[name] = (begins, int(days))
                begins += timedelta(days=int(days))
    return found


def parse_lunar(text: str, *, is_leap: bool = False) -> LunarDate | None:
    """The lunar date of a text as `1990-08-30`; None if it is none, or no year of the table."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day = (int(part) for part in match.groups())
    if year not in _months() or not 1 <= month <= 12 or not 1 <= day <= _MOST_DAYS:
        return None
    return LunarDate(year, month, day, is_leap)


def day_in(year: int, month: int, day: int, *, is_leap: bool = False) -> date | None:
    """The Gregorian date of a lunar day of a year; None beyond the table.

    A leap month that the year does not have is the plain one; day 30 of a month of 29 its last.
    """
    months = _months().get(year)
    if months is None:
        return None
    begins, days = months.get((month, is_leap)) or months[month, False]
    return begins + timedelta(days=min(day, days) - 1)


def gregorian(told: LunarDate) -> date:
    """The day on which somebody was born, by the Gregorian calendar."""
    found = day_in(told.year, told.month, told.day, is_leap=told.is_leap)
    assert found is not None, "only years of the table are taken"
    return found


def birthday_on(told: LunarDate, day: date) -> int | None:
    """How many lunar years after their birth somebody's birthday is a day; None if it is none."""
    for year in (day.year - 1, day.year):
        found = day_in(year, told.month, told.day, is_leap=told.is_leap)
        if found == day and year > told.year:
            return year - told.year
    return None


def is_holiday(month: int, which: int | str, day: date) -> bool:
    """Whether a holiday of the plain lunar month, on a day of it or its last, is a day."""
    number = _MOST_DAYS if which == "last" else int(which)
    return day in (day_in(day.year - 1, month, number), day_in(day.year, month, number))
