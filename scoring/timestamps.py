"""RFC 3339 to the letter, as epoch milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_MAX_MS = 253_402_300_799_999
_SECONDS = [f"{second:02d}" for second in range(60)]
_ENDS = [f".{ms:03d}Z" for ms in range(1_000)]
NEVER_MS = -(2**62)
"""Earlier than every event."""


def parse_rfc3339(text: str) -> int | None:
    """Epoch milliseconds, finer parts cut off; None if the text is no RFC 3339 or no time."""
    if _RFC3339.fullmatch(text) is None:
        return None
    try:
        return (datetime.fromisoformat(text.upper()) - _EPOCH) // _MS
    except ValueError:
        return None


def parse_date(text: str) -> date | None:
    """A calendar date `YYYY-MM-DD`; None for anything else."""
    if len(text) != 10 or text[4] != "-" or text[7] != "-":
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def rfc3339(instant_ms: int) -> str:
    """The instant in UTC with milliseconds: `2026-01-01T00:00:00.000Z`."""
    seconds, ms = divmod(min(instant_ms, _MAX_MS), 1_000)
    minutes, second = divmod(seconds, 60)
    return f"{_minute_text(minutes)}{_SECONDS[second]}{_ENDS[ms]}"


@lru_cache(maxsize=8_192)
def _minute_text(minutes: int) -> str:
    """The beginning of the text of an instant, by the number of its minute in UTC."""
    day, minute = divmod(minutes, 1_440)
    return f"{_date_text(day)}T{minute // 60:02d}:{minute % 60:02d}:"


@lru_cache(maxsize=1_024)
def _date_text(day: int) -> str:
    """The date of a day number in UTC."""
    return (_EPOCH + timedelta(days=day)).date().isoformat()
