"""Care reminders: which date comes next, and how many days ahead to remind of it."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct, field

from scoring.bounded import seen_ids
from scoring.calendar import BusinessCalendar, day_of_date
from scoring.care.lunar import LAST_DAY
from scoring.care.service_levels import tickets_rule
from scoring.care.yearly_dates import EveryYear, LunarYearlyDate, YearlyDate
from scoring.policy import (
    CarePolicy,
    Holiday,
    Occasion,
    Refresh,
    Silence,
    SurveysPolicy,
    VisitsPolicy,
)
from scoring.timestamps import NEVER_MS, parse_date

_MAX_CACHED_DAYS = 1_000


class Reminded(Struct, array_like=True):
    """The reminders a customer has had.

    Each date of an occasion is reminded of once, and after it only of later dates. Silence is
    reminded of once for each instant at which it began.
    """

    since_ms: int
    """The customer's clock when the rule of profile refresh in force first applied to it."""
    dates: dict[str, int] = field(default_factory=dict)
    """The latest day number reminded of, by occasion; of holidays only recent ones."""
    checkin_ms: int = NEVER_MS
    refresh_ms: int = NEVER_MS

    def join(self, other: Reminded) -> None:
        """Add the reminders of a customer who was merged into this one."""
        self.since_ms = min(self.since_ms, other.since_ms)
        for occasion, day in other.dates.items():
            self.dates[occasion] = max(day, self.dates.get(occasion, day))
        self.checkin_ms = max(self.checkin_ms, other.checkin_ms)
        self.refresh_ms = max(self.refresh_ms, other.refresh_ms)


class HolidayRule:
    """A holiday of the policy: yearly dates, of either calendar, and single ones."""

    def __init__(self, declared: Holiday, leap_day: tuple[int, int]) -> None:
        self.name = declared.name
        self.days_ahead = declared.days_ahead
        self.action = declared.action
        self.tiers = declared.tiers
        self.key = f"holiday:{seen_ids.digest(declared.name).hex()}"
        self._yearly: list[EveryYear] = []
        self._single = []
        if declared.calendar == "lunar":
            assert declared.month is not None
            day = declared.day if isinstance(declared.day, int) else LAST_DAY
            self._yearly.append(LunarYearlyDate(declared.month, day))
        for text in declared.dates:
            found = parse_date(text)
            if found is None:
                self._yearly.append(YearlyDate(int(text[:2]), int(text[3:]), leap_day))
            else:
                self._single.append(day_of_date(found))

    def next_after(self, after: int) -> int | None:
        """The first date of the holiday after a day number; None if there is none."""
        found = [yearly.next_after(after) for yearly in self._yearly]
        found += [day for day in self._single if day > after]
        return min((day for day in found if day is not None), default=None)


class Upcoming(NamedTuple):
    """The next date of a holiday, and the day on which to remind of it."""

    remind_day: int
    day: int
    holiday: HolidayRule


class CareRule:
    """The section `[care]` of a policy, compiled."""

    def __init__(self, declared: CarePolicy, calendar: BusinessCalendar) -> None:
        self.leap_day = int(declared.leap_day[:2]), int(declared.leap_day[3:])
        self.birthday: Occasion | None = declared.birthday
        self.anniversary: Occasion | None = declared.anniversary
        self.holidays = tuple(HolidayRule(each, self.leap_day) for each in declared.holidays)
        self.checkin: dict[str, Silence] = declared.checkin
        self.refresh: Refresh | None = declared.profile_refresh
        self.surveys: SurveysPolicy | None = declared.surveys
        self.tickets = tickets_rule(declared, calendar)
        self.visits: VisitsPolicy | None = declared.visits
        self._upcoming: dict[int, tuple[Upcoming, ...]] = {}

    def yearly(self, month: int, day: int) -> YearlyDate:
        """The date in each year of a month and day."""
        return YearlyDate(month, day, self.leap_day)

    def upcoming(self, today: int) -> tuple[Upcoming, ...]:
        """The next date of each holiday after today, by the day to remind of it.

        It is the same for every customer, so it is cached by day.
        """
        found = self._upcoming.get(today)
        if found is None:
            if len(self._upcoming) >= _MAX_CACHED_DAYS:
                self._upcoming.clear()
            dates = ((holiday.next_after(today), holiday) for holiday in self.holidays)
            found = self._upcoming[today] = tuple(
                sorted(
                    (
                        Upcoming(remind_day(day, holiday.days_ahead, today), day, holiday)
                        for day, holiday in dates
                        if day is not None
                    ),
                    key=lambda each: each.remind_day,
                )
            )
        return found


def remind_day(day: int, days_ahead: int, today: int) -> int:
    """The day on which to remind of a date: `days_ahead` before it, but not before tomorrow."""
    return max(day - days_ahead, today + 1)


def is_month_and_day(text: str) -> bool:
    """Whether a text is a month and day such as `02-29`."""
    return len(text) == 5 and parse_date(f"2000-{text}") is not None
