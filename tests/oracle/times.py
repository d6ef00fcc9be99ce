"""Instants (epoch milliseconds, UTC) and business days."""

import re
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

DAY_MS = 86_400_000
HOUR_MS = 3_600_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)


def parse_rfc3339(text: str) -> int | None:
    """Epoch milliseconds of an RFC 3339 time, finer digits cut off; None if it is none."""
    match = _RFC_3339.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, off_hours, off_minutes = match.groups()[6:]
    try:
        days = date(year, month, day).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    offset_minutes = 0
    if sign is not None:
        if int(off_hours) > 23 or int(off_minutes) > 59:
            return None
        offset_minutes = (int(off_hours) * 60 + int(off_minutes)) * (1 if sign == "+" else -1)
    milliseconds = int((fraction or "0")[:3].ljust(3, "0"))
    seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset_minutes * 60
    return seconds * 1_000 + milliseconds


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_date(text: str) -> bool:
    """Whether a text is a date as `1990-12-31`."""
    try:
        return _DATE.fullmatch(text) is not None and date.fromisoformat(text) is not None
    except ValueError:
        return False


def time_text(at_ms: int | None) -> str | None:
    """RFC 3339 in UTC with milliseconds; None stays None."""
    if at_ms is None:
        return None
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1_000:03d}Z"


def local_time(at_ms: int, zone: str) -> datetime:
    """The wall clock of a zone at an instant, without its offset."""
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def _offset_ms(at_ms: int, zone: str) -> int:
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    return (local_time(at_ms, zone) - moment.replace(tzinfo=None)) // timedelta(milliseconds=1)


def _transition_between(low_ms: int, high_ms: int, zone: str) -> int:
    """The first instant after `low_ms` that has the offset of `high_ms`."""
    new = _offset_ms(high_ms, zone)
    while high_ms - low_ms > 1:
        middle = (low_ms + high_ms) // 2
        if _offset_ms(middle, zone) == new:
            high_ms = middle
        else:
            low_ms = middle
    return high_ms


@cache
def start_of_day(day: date, zone: str) -> int:
    """The first instant at which the zone's date is `day` or later.

    It is midnight by one of the offsets in force around it, or the instant at which an offset
    changes over midnight; of all those the earliest that really has reached the day.
    """
    midnight_ms = (day.toordinal() - date(1970, 1, 1).toordinal()) * DAY_MS
    around = range(midnight_ms - 18 * HOUR_MS, midnight_ms + 18 * HOUR_MS, HOUR_MS)
    offsets = [(hour_ms, _offset_ms(hour_ms, zone)) for hour_ms in around]
    candidates = {midnight_ms - offset_ms for _, offset_ms in offsets}
    for (low_ms, low_offset_ms), (high_ms, high_offset_ms) in pairwise(offsets):
        if low_offset_ms != high_offset_ms:
            candidates.add(_transition_between(low_ms, high_ms, zone))
    return min(at_ms for at_ms in candidates if local_time(at_ms, zone).date() >= day)


@cache
def business_day(at_ms: int, zone: str) -> date:
    """The newest local date begun by an instant: clocks set back over midnight do not undo it."""
    day = local_time(at_ms, zone).date()
    while start_of_day(day + timedelta(days=1), zone) <= at_ms:
        day += timedelta(days=1)
    return day
