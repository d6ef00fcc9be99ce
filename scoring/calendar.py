"""Business days: local dates of one time zone as day numbers, and the instants at which they begin.

A day number is the count of days since 1970-01-01 of the local calendar. A business day begins at
the first instant at which the local date has reached it, and never goes back: where clocks go back
over midnight, the new date stays. A date that the zone skipped has no length.
"""

from __future__ import annotations

from calendar import isleap
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY_MS = 86_400_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_DAY = date(9999, 12, 30).toordinal() - _EPOCH_ORDINAL
_MS = timedelta(milliseconds=1)
_LEAP_DAY = (2, 29)


def load_zone(name: str) -> ZoneInfo:
    """The IANA zone from the pinned `tzdata` package, so that every machine has the same rules.

    Raises:
        ZoneInfoNotFoundError: there is no zone of this name.
    """
    if name not in _zone_names():  # it may come from anybody, and would be opened as a path
        raise ZoneInfoNotFoundError(f"no time zone {name!r}")
    file = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with file.open("rb") as stream:
        return ZoneInfo.from_file(stream, key=name)


@cache
def _zone_names() -> frozenset[str]:
    file = resources.files("tzdata").joinpath("zones")
    return frozenset(file.read_text("utf-8").split())


def day_of_date(day: date) -> int:
    """The day number of a calendar date."""
    return day.toordinal() - _EPOCH_ORDINAL


def date_of_day(day: int) -> date:
    """The calendar date of a day number."""
    return date.fromordinal(day + _EPOCH_ORDINAL)


def day_in_year(year: int, month: int, day: int, leap_day: tuple[int, int]) -> int:
    """The day number of a date that comes every year.

    In common years the month and day `leap_day` stand for 29 February.
    """
    if (month, day) == _LEAP_DAY and not isleap(year):
        month, day = leap_day
    return day_of_date(date(year, month, day))


class BusinessCalendar:
    """Maps epoch milliseconds to business days of one zone and back; caches the starts of days."""

    __slots__ = ("_fixed_offset_ms", "_starts", "zone")

    def __init__(self, timezone: str) -> None:
        self.zone = load_zone(timezone)
        self._starts: dict[int, int] = {}
        self._fixed_offset_ms = 0 if timezone in ("UTC", "Etc/UTC") else None

    def day(self, instant_ms: int) -> int:
        """The business day at an instant."""
        if self._fixed_offset_ms is not None:
            return instant_ms // DAY_MS
        day = instant_ms // DAY_MS
        while self.start(day + 1) <= instant_ms:
            day += 1
        while self.start(day) > instant_ms:
            day -= 1
        return day

    def start(self, day: int) -> int:
        """The instant (epoch ms) at which a business day begins."""
        if self._fixed_offset_ms is not None:
            return day * DAY_MS
        start = self._starts.get(day)
        if start is None:
            if len(self._starts) > 100_000:
                self._starts.clear()
            start = self._starts[day] = self._find_start(day)
        return start

    def hour(self, instant_ms: int) -> int:
        """The hour of the local clock at an instant, 0 to 23."""
        return (_EPOCH + timedelta(milliseconds=instant_ms)).astimezone(self.zone).hour

    def previous(self, day: int) -> int:
        """The business day before, skipped dates left out."""
        before = day - 1
        while self.start(before) == self.start(day):
            before -= 1
        return before

    def _find_start(self, day: int) -> int:
        if day > _LAST_DAY:
            return day * DAY_MS
        midnight = datetime.fromordinal(day + _EPOCH_ORDINAL).replace(tzinfo=self.zone)
        start_ms = (midnight - _EPOCH) // _MS
        if not self._reached(day, start_ms - 1):
            return start_ms
        # The clocks jumped forward over midnight: the date began at the jump.
        low, high = start_ms - DAY_MS, start_ms
        while high - low > 1:
            middle = (low + high) // 2
            if self._reached(day, middle):
                high = middle
            else:
                low = middle
        return high

    def _reached(self, day: int, instant_ms: int) -> bool:
        local = (_EPOCH + timedelta(milliseconds=instant_ms)).astimezone(self.zone)
        return local.toordinal() - _EPOCH_ORDINAL >= day
