"""Dates that come every year, of the Gregorian and of the Chinese calendar, as day numbers."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple, Protocol

from scoring.calendar import date_of_day, day_in_year
from scoring.care.lunar import FIRST_YEAR, LAST_YEAR, LunarDate, day_of_lunar_date, lunar_year


class EveryYear(Protocol):
    """A date of every year."""

    def next_after(self, after: int) -> int | None:
        """The first such day after a day number; None at the end of the calendar."""

    def year_of(self, day: int) -> int:
        """The year that such a day belongs to, by its own calendar."""


class YearlyDate(NamedTuple):
    """A month and day of every year; `leap_day` stands for 29 February in common years."""

    month: int
    day: int
    leap_day: tuple[int, int]

    def next_after(self, after: int) -> int | None:
        """As in `EveryYear`."""
        year = date_of_day(after).year
        for candidate in (year, year + 1):
            found = self._in_year(candidate)
            if found is not None and found > after:
                return found
        return None

    def year_of(self, day: int) -> int:
        """As in `EveryYear`."""
        return date_of_day(day).year

    def _in_year(self, year: int) -> int | None:
        if year > date.max.year:
            return None
        return day_in_year(year, self.month, self.day, self.leap_day)


class LunarYearlyDate(NamedTuple):
    """A month and day of every lunar year from 1901 to 2099, as `scoring.care.lunar` finds them."""

    month: int
    day: int
    is_leap: bool = False

    def next_after(self, after: int) -> int | None:
        """As in `EveryYear`."""
        year = lunar_year(after)
        if year is None:
            year = FIRST_YEAR if date_of_day(after).year <= FIRST_YEAR else LAST_YEAR
        for candidate in (year, year + 1):
            found = day_of_lunar_date(LunarDate(candidate, self.month, self.day, self.is_leap))
            if found is not None and found > after:
                return found
        return None

    def year_of(self, day: int) -> int:
        """As in `EveryYear`; of a day outside the table the Gregorian year."""
        return lunar_year(day) or date_of_day(day).year
