"""Durations as operators write them: ``250ms``, ``30s``, ``5m``, ``1d``, ``PT5M`` or ``300``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_SHORT = re.compile(r"(?P<count>[0-9]{1,12})(?P<unit>ms|s|m|h|d)?", re.ASCII)
_ISO_8601 = re.compile(
    r"P(?=[0-9T])(?:(?P<d>[0-9]{1,6})D)?"
    r"(?:T(?=[0-9])(?:(?P<h>[0-9]{1,6})H)?(?:(?P<m>[0-9]{1,8})M)?"
    r"(?:(?P<s>[0-9]{1,9}(?:\.[0-9]{1,9})?)S)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A span of time, never negative.

    Attributes:
        ms: its length in whole milliseconds.
    """

    ms: int

    @property
    def seconds(self) -> float:
        """The length in seconds, as asyncio and the Kafka client want it."""
        return self.ms / 1_000

    def __str__(self) -> str:
        """The shortest exact form in one unit, e.g. ``90s``, ``5m``, ``0s``."""
        for unit in ("d", "h", "m", "s"):
            if self.ms % _UNIT_MS[unit] == 0 and (self.ms or unit == "s"):
                return f"{self.ms // _UNIT_MS[unit]}{unit}"
        return f"{self.ms}ms"


def parse_duration(value: object) -> Duration:
    """Read a duration; a bare integer means seconds.

    ISO 8601 is taken with days, hours, minutes and seconds. Years and months are refused because
    their length varies, and so is anything finer than a millisecond.

    Raises:
        ValueError: the value is no duration; the message says what one looks like.
    """
    if isinstance(value, Duration):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Duration(value * 1_000)
    if isinstance(value, str):
        ms = _short_ms(value.strip()) if not value.strip().startswith("P") else _iso_ms(value)
        if ms is not None:
            return Duration(ms)
    raise ValueError(
        "is no duration; write for instance 250ms, 30s, 5m, 2h, 1d, PT5M or a number of seconds"
    )


def _short_ms(text: str) -> int | None:
    match = _SHORT.fullmatch(text)
    if match is None:
        return None
    return int(match["count"]) * _UNIT_MS[match["unit"] or "s"]


def _iso_ms(text: str) -> int | None:
    match = _ISO_8601.fullmatch(text.strip())
    if match is None:
        return None
    parts = {unit: Decimal(match[unit] or 0) for unit in ("d", "h", "m", "s")}
    ms = sum((count * _UNIT_MS[unit] for unit, count in parts.items()), Decimal(0))
    return int(ms) if ms == ms.to_integral_value() else None
