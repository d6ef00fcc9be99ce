"""The Chinese calendar (农历): which day a date of a lunar year is, from a table of 1901 to 2099.

A lunar year has twelve months of 29 or 30 days, and in some years one of them again as a leap month
(闰月), right after it. `ops/lunar_years.py` made the table and says where it comes from.
"""

from __future__ import annotations

import csv
import re
from bisect import bisect_right
from datetime import date
from importlib import resources
from typing import NamedTuple

from scoring.calendar import day_of_date

FIRST_YEAR, LAST_YEAR = 1901, 2099
LAST_DAY = 30
"""The day of a month that stands for its last one where it has 29."""

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)


class LunarDate(NamedTuple):
    """A date of the Chinese calendar; `is_leap` in the leap month of that number."""

    year: int
    month: int
    day: int
    is_leap: bool = False


class _Year(NamedTuple):
    starts: tuple[int, ...]
    """The day numbers on which its months begin, and the one on which the next year does."""
    leap_month: int
    """0 for none."""


def _load() -> dict[int, _Year]:
    text = resources.files(__package__).joinpath("lunar_years.csv").read_text("utf-8")
    years = {}
    for row in csv.DictReader(text.splitlines()):
        starts = [day_of_date(date.fromisoformat(row["new_year"]))]
        for days in row["days_of_months"].split():
            starts.append(starts[-1] + int(days))
        years[int(row["year"])] = _Year(tuple(starts), int(row["leap_month"]))
    return years


_YEARS = _load()
_NEW_YEARS = [year.starts[0] for year in _YEARS.values()]


def parse_lunar_date(text: str, *, is_leap: bool = False) -> LunarDate | None:
    """A text such as `1990-08-15`, each month taken to have 30 days; None if it is no date."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day = (int(part) for part in found.groups())
    known = FIRST_YEAR <= year <= LAST_YEAR and 1 <= month <= 12 and 1 <= day <= LAST_DAY
    return LunarDate(year, month, day, is_leap) if known else None


def day_of_lunar_date(of: LunarDate) -> int | None:
    """The day number of a date; None beyond the table.

    A leap month that the year does not have is the plain one, and day 30 of a month of 29 days is
    its last.
    """
    year = _YEARS.get(of.year)
    if year is None:
        return None
    at = of.month - 1
    if 0 < year.leap_month < of.month or (of.is_leap and of.month == year.leap_month):
        at += 1
    return min(year.starts[at] + of.day, year.starts[at + 1]) - 1


def lunar_year(day: int) -> int | None:
    """The lunar year of a day number; None outside the table."""
    at = bisect_right(_NEW_YEARS, day)
    is_known = at > 0 and day < _YEARS[LAST_YEAR].starts[-1]
    return FIRST_YEAR + at - 1 if is_known else None
