"""RFC 3339 to the letter, as epoch milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MAX_MS = 253_402_300_799_999


def parse_rfc3339(text: str) -> int | None:
    """Epoch milliseconds, finer parts cut off; None for any other or an impossible time."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, off_hour, off_minute = match.groups()
    if hour > "23" or minute > "59" or second > "59":
        return None
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        return None
    seconds = days * 86_400 + int(hour) * 3600 + int(minute) * 60 + int(second)
    if sign:
        if off_hour > "23" or off_minute > "59":
            return None
        offset = int(off_hour) * 3600 + int(off_minute) * 60
        seconds += offset if sign == "-" else -offset
    return seconds * 1000 + (int(fraction[:3].ljust(3, "0")) if fraction else 0)


def parse_date(text: str) -> date | None:
    """A calendar date `YYYY-MM-DD`; None for anything else."""
    if len(text) != 10 or text[4] != "-" or text[7] != "-":
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@lru_cache(maxsize=8_192)
def rfc3339(instant_ms: int) -> str:
    """The instant in UTC with milliseconds: `2026-01-01T00:00:00.000Z`."""
    instant = _EPOCH + timedelta(milliseconds=min(instant_ms, _MAX_MS))
    return instant.isoformat(timespec="milliseconds")[:23] + "Z"
