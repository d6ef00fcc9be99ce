"""Topics in memory: append-only logs with offsets, which compaction thins out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from faust.types import TP


class Stored(NamedTuple):
    """A record of a log; what a consumer hands over, and who wrote it when."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    writer: str
    at_s: float


class Log:
    """One partition of a topic.

    Attributes:
        kept: what a reader finds.
        written: all that was ever written, for the verdict.
    """

    def __init__(self) -> None:
        self.kept: list[Stored] = []
        self.written: list[Stored] = []

    @property
    def end(self) -> int:
        """The offset of the next record."""
        return len(self.written)

    def read(self, start: int, count: int) -> list[Stored]:
        """So many records from an offset on."""
        at = bisect_left(self.kept, start, key=lambda record: record.offset)
        return self.kept[at : at + count]

    def compact(self, before_s: float) -> int:
        """Keep of what is older only the newest of each key; how many went."""
        newest: dict[bytes | None, int] = {record.key: record.offset for record in self.kept}
        count = len(self.kept)
        self.kept = [
            record
            for record in self.kept
            if record.at_s >= before_s or newest[record.key] == record.offset
        ]
        return count - len(self.kept)


class Unsent(NamedTuple):
    """A record on its way."""

    timestamp: int | None
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Broker:
    """All logs, made when they are first named."""

    def __init__(self, now_s: Callable[[], float], wall_ms: Callable[[], int]) -> None:
        self._now_s = now_s
        self._wall_ms = wall_ms
        self.logs: dict[TP, Log] = {}

    def log(self, tp: TP) -> Log:
        """The log of a partition."""
        found = self.logs.get(tp)
        if found is None:
            found = self.logs[tp] = Log()
        return found

    def append(self, tp: TP, records: Iterable[Unsent], writer: str) -> int:
        """Write records one after another; the offset of the first."""
        log = self.log(tp)
        first, now_s = log.end, self._now_s()
        for timestamp, key, value, headers in records:
            stamp = self._wall_ms() if timestamp is None else timestamp
            record = Stored(log.end, stamp, key, value, headers, writer, now_s)
            log.written.append(record)
            log.kept.append(record)
        return first

    def read(self, positions: Sequence[tuple[TP, int]], count: int) -> dict[TP, list[Stored]]:
        """What a fetch brings: up to so many records of each partition that has some."""
        found = {tp: self.log(tp).read(start, count) for tp, start in positions}
        return {tp: records for tp, records in found.items() if records}

    def ends(self, tps: Iterable[TP]) -> dict[TP, int]:
        """The end offsets."""
        return {tp: self.log(tp).end for tp in tps}
