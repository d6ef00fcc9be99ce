"""Quiet hours: the local wall time in which nobody is to be sent a message, and when it ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from scoring.calendar import BusinessCalendar

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_DAY = timedelta(days=1)


class QuietHours(NamedTuple):
    """Quiet from one minute of the local day (included) to another (not); over midnight if later.

    The two differ: what `from` equals would be no hours or all of them.
    """

    calendar: BusinessCalendar
    from_minute: int
    to_minute: int

    def end(self, instant_ms: int) -> int | None:
        """The end of the quiet hours that an instant lies in; None if it lies in none.

        Where the clock jumps from one stretch of quiet hours into the next, the end of the last.
        """
        end_ms, at_ms = None, instant_ms
        while (local := self._local(at_ms)) is not None and self._is_quiet(local):
            found_ms = self._end(local)
            if found_ms is None or found_ms <= at_ms:
                break
            end_ms = at_ms = found_ms
        return end_ms

    def _is_quiet(self, local: datetime) -> bool:
        minute = _minute(local)
        if self.from_minute < self.to_minute:
            return self.from_minute <= minute < self.to_minute
        return minute >= self.from_minute or minute < self.to_minute

    def _end(self, local: datetime) -> int | None:
        """The last instant that reads `to` after a local time in the quiet hours."""
        day = local.date()
        if _minute(local) >= self.to_minute:
            if day == date.max:
                return None
            day += _DAY
        hour, minute = divmod(self.to_minute, 60)
        return self._last_reading(datetime.combine(day, time(hour, minute)))

    def _last_reading(self, wall: datetime) -> int:
        """The last instant at which the clock reads `wall`; in a gap, the first after the gap."""
        zone = self.calendar.zone
        last_ms = (wall.replace(tzinfo=zone, fold=1) - _EPOCH) // _MS
        local = self._local(last_ms)
        if local is None or local.replace(tzinfo=None) == wall:
            return last_ms
        low, high = last_ms, (wall.replace(tzinfo=zone) - _EPOCH) // _MS
        while high - low > 1:  # the clock jumps after `low`, at or before `high`
            middle = (low + high) // 2
            between = self._local(middle)
            if between is not None and between.replace(tzinfo=None) > wall:
                high = middle
            else:
                low = middle
        return high

    def _local(self, instant_ms: int) -> datetime | None:
        """The local time of an instant; None beyond the year 9999."""
        try:
            return (_EPOCH + timedelta(milliseconds=instant_ms)).astimezone(self.calendar.zone)
        except OverflowError:
            return None


def _minute(local: datetime) -> int:
    return local.hour * 60 + local.minute


def minute_of(text: str) -> int | None:
    """The minute of the day that a text such as `21:00` names; None if it names none."""
    hour, colon, minute = text.partition(":")
    if len(text) != 5 or not colon or not (hour + minute).isascii():
        return None
    if len(hour) != 2 or not (hour + minute).isdigit() or hour > "23" or minute > "59":
        return None
    return int(hour) * 60 + int(minute)
