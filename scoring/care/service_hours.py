"""Hours that count for tickets: which instants do, and when so many hours have passed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scoring.calendar import DAY_MS, BusinessCalendar, date_of_day, day_of_date
from scoring.policy import ServiceHours
from scoring.timestamps import parse_date

HOUR_MS = 3_600_000
_MINUTE_MS = 60_000
_MAX_CACHED_DAYS = 4_096
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Span = tuple[int, int]
"""Instants that count, in epoch milliseconds, the second not among them."""


def minute_of(text: str) -> int | None:
    """The minute of the day of a local time such as `09:00`, up to `24:00`; None if it is none."""
    hours, colon, minutes = text.partition(":")
    if colon != ":" or len(hours) != 2 or len(minutes) != 2:
        return None
    if not (text.isascii() and hours.isdigit() and minutes.isdigit()):
        return None
    found = int(hours) * 60 + int(minutes)
    return found if int(minutes) < 60 and found <= 24 * 60 else None


class HoursRule:
    """The section `[care.hours]`, compiled.

    An instant counts if its business day is a weekday of the list and not closed, and the clock on
    the wall reads a time from `from` on and before `to`. So an hour that the clock skips does not
    count, and one that it reads twice counts twice.
    """

    def __init__(self, declared: ServiceHours, calendar: BusinessCalendar) -> None:
        self._calendar = calendar
        self._weekdays = frozenset(declared.weekdays)
        self._opens_ms = (minute_of(declared.opens) or 0) * _MINUTE_MS
        self._closes_ms = (minute_of(declared.closes) or 0) * _MINUTE_MS
        dates = (parse_date(text) for text in declared.closed)
        self._closed = frozenset(day_of_date(date) for date in dates if date is not None)
        self._spans: dict[int, tuple[Span, ...]] = {}

    def after(self, begun_ms: int, hours: int) -> int:
        """The first instant at which so many hours, at least one, have passed since another."""
        left, day = hours * HOUR_MS, self._calendar.day(begun_ms)
        while True:
            for start, end in self.spans(day):
                start = max(start, begun_ms)
                if end - start >= left:
                    return start + left
                left -= max(end - start, 0)
            day += 1

    def spans(self, day: int) -> tuple[Span, ...]:
        """What counts of a business day, in order."""
        found = self._spans.get(day)
        if found is None:
            if len(self._spans) >= _MAX_CACHED_DAYS:
                self._spans.clear()
            found = self._spans[day] = tuple(self._find(day))
        return found

    def _find(self, day: int) -> list[Span]:
        if day in self._closed or date_of_day(day).isoweekday() not in self._weekdays:
            return []
        found = []
        for start, end, offset in self._pieces(day):
            local, local_end = start + offset, end + offset
            for date in range(local // DAY_MS, (local_end - 1) // DAY_MS + 1):
                first = max(local, date * DAY_MS + self._opens_ms)
                last = min(local_end, date * DAY_MS + self._closes_ms)
                if first < last:
                    found.append((first - offset, last - offset))
        return found

    def _pieces(self, day: int) -> list[tuple[int, int, int]]:
        """The business day cut where its offset from UTC changes: start, end, offset."""
        start, end = self._calendar.start(day), self._calendar.start(day + 1)
        if start == end:
            return []
        offset = self._offset(start)
        if self._offset(end - 1) == offset:
            return [(start, end, offset)]
        low, high = start, end - 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._offset(middle) == offset else (low, middle)
        return [(start, high, offset), (high, end, self._offset(high))]

    def _offset(self, instant_ms: int) -> int:
        """How far the clock on the wall is ahead of UTC at an instant."""
        at = (_EPOCH + timedelta(milliseconds=instant_ms)).astimezone(self._calendar.zone)
        offset = at.utcoffset()
        assert offset is not None
        return offset // timedelta(milliseconds=1)
