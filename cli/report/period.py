"""The period of a report, and the one before it."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum


class Kind(StrEnum):
    """How long a period is."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


_MONTHS = {Kind.MONTH: 1, Kind.QUARTER: 3}
AHEAD_DAYS = {Kind.WEEK: 7, Kind.MONTH: 30, Kind.QUARTER: 90}
"""How far a report of a period looks ahead."""


@dataclass(frozen=True, slots=True)
class Period:
    """Some whole days (UTC).

    Attributes:
        kind: how long it is.
        first: its first day.
        last: its last day.
    """

    kind: Kind
    first: date
    last: date

    @classmethod
    def ending(cls, kind: Kind, last: date) -> Period:
        """The period of a kind up to the end of a day.

        Seven days; or one or three months: of the calendar where the day is the last of its month,
        else from the day after the same one so many months before.
        """
        if kind is Kind.WEEK:
            return cls(kind, last - timedelta(days=6), last)
        months = _MONTHS[kind]
        if (last + timedelta(days=1)).day == 1:
            return cls(kind, _months_before(last.replace(day=1), months - 1), last)
        return cls(kind, _months_before(last, months) + timedelta(days=1), last)

    @classmethod
    def newest(cls, kind: Kind, today: date) -> Period:
        """The newest week from Monday, month or quarter of the calendar that is over."""
        if kind is Kind.WEEK:
            return cls.ending(kind, today - timedelta(days=today.weekday() + 1))
        since = (today.month - 1) % _MONTHS[kind]
        first = _months_before(today.replace(day=1), since)
        return cls.ending(kind, first - timedelta(days=1))

    @property
    def before(self) -> Period:
        """The period before, of the same kind."""
        return Period.ending(self.kind, self.first - timedelta(days=1))

    @property
    def from_ms(self) -> int:
        """Its first instant, in milliseconds since 1970."""
        return _start_ms(self.first)

    @property
    def until_ms(self) -> int:
        """The first instant after it, in milliseconds since 1970."""
        return _start_ms(self.last + timedelta(days=1))

    def has(self, instant_ms: int) -> bool:
        """Whether an instant lies in it."""
        return self.from_ms <= instant_ms < self.until_ms


def _months_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _start_ms(day: date) -> int:
    return round(datetime.combine(day, time(), UTC).timestamp() * 1_000)
