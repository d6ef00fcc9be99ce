"""Which source told which values of profiles, from the records of `profiles`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from cli.report.period import Period
from handlers.events import Event, ProfileUpdated
from handlers.profile.attributes import KNOWN_NAMES, OTHER_NAME

SOURCES_MAX = 100
"""Further sources are counted together."""
_SOURCE_MAX = 128


class _Envelope(msgspec.Struct):
    source: str | None = None


_decode = msgspec.json.Decoder(_Envelope).decode


@dataclass(frozen=True, slots=True)
class Told:
    """What a source told of an attribute.

    Attributes:
        values: told in the period.
        before: told in the period before.
        last_ms: when one was told last in both, in milliseconds since 1970.
    """

    values: int
    before: int
    last_ms: int


@dataclass
class ValuesBySource:
    """Takes records in any order; one that was sent twice counts once for each time.

    Attributes:
        periods: the one that is reported, and the one before.
    """

    periods: Sequence[Period]
    _counts: dict[Period, Counter[tuple[str, str]]] = field(default_factory=dict)
    _last_ms: dict[tuple[str, str], int] = field(default_factory=dict)
    _sources: set[str] = field(default_factory=set)

    def take(self, event: Event, source: str) -> None:
        """Take an event of `profiles`.

        Args:
            event: of any type.
            source: who told it; empty where the event does not say.
        """
        if not isinstance(event, ProfileUpdated):
            return
        for period in self.periods:
            if period.has(event.occurred_ms):
                self._count(period, event, self._known(source))

    def told(self) -> dict[tuple[str, str], Told]:
        """By source (``None`` of which is an empty text) and attribute, in their order."""
        now, before = (self._counts.get(period, Counter()) for period in self.periods)
        return {
            key: Told(now[key], before[key], last_ms)
            for key, last_ms in sorted(self._last_ms.items())
        }

    def _count(self, period: Period, event: ProfileUpdated, source: str) -> None:
        counts = self._counts.setdefault(period, Counter())
        for name, value in event.attributes.values.items():
            if value:
                key = source, name if name in KNOWN_NAMES else OTHER_NAME
                counts[key] += 1
                self._last_ms[key] = max(event.occurred_ms, self._last_ms.get(key, 0))

    def _known(self, source: str) -> str:
        if source in self._sources or len(self._sources) < SOURCES_MAX:
            self._sources.add(source)
            return source
        return "…"


def source_of(value: bytes, headers: Mapping[str, bytes] | None) -> str:
    """The `source` of a CloudEvent, at most 128 characters; empty for any other event."""
    if headers and "ce_specversion" in headers:
        return headers.get("ce_source", b"").decode(errors="replace")[:_SOURCE_MAX]
    try:
        return (_decode(value).source or "")[:_SOURCE_MAX]
    except msgspec.MsgspecError:
        return ""
