"""A circuit breaker that trips when an input partition has too many bad records.

It has two bounds: on bad records in a row, and on bad ones among the newest. Only a bad record can
exceed one, so good ones are merely counted.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple


class Bounds(NamedTuple):
    """How many bad records are too many; None leaves a bound out.

    Attributes:
        in_a_row: at most so many without a good one in between.
        in_window: at most so many among the newest `window` records.
        window: records; while fewer were taken, `in_window` is the same number.
    """

    in_a_row: int | None = None
    in_window: int | None = None
    window: int = 1


class Trip(NamedTuple):
    """Why a partition is stopped. It is read up to `offset`, which is not taken.

    Attributes:
        offset: of the bad record that tripped the breaker.
        first_offset: of the first of the bad records that exceeded the bound.
        bound: which bound, in words.
        reasons: the number of these bad records by reason, the last one included.
    """

    offset: int
    first_offset: int
    bound: str
    reasons: Counter[str]


class _Bad(NamedTuple):
    number: int
    offset: int
    reason: str


class Breaker:
    """Counts the records of one partition in the order they are taken, until it trips.

    Attributes:
        taken: records so far, good and bad; raised from outside for each good one.
    """

    __slots__ = ("_bounds", "_row", "_window", "taken")

    def __init__(self, bounds: Bounds) -> None:
        self.taken = 0
        self._bounds = bounds
        self._row: list[_Bad] = []
        self._window: deque[_Bad] = deque()

    def bad(self, offset: int, reason: str) -> Trip | None:
        """Count a bad record; return the trip if it exceeds a bound."""
        in_a_row, in_window, window = self._bounds
        if self._row and self._row[-1].number != self.taken:
            self._row.clear()
        self.taken += 1
        bad = _Bad(self.taken, offset, reason)
        if in_a_row is not None:
            self._row.append(bad)
            if len(self._row) > in_a_row:
                return _trip(self._row, f"{len(self._row)} bad records in a row", in_a_row)
        if in_window is not None:
            self._window.append(bad)
            while self._window[0].number <= self.taken - window:
                self._window.popleft()
            if len(self._window) > in_window:
                broken = f"{len(self._window)} bad records among the newest {window}"
                return _trip(self._window, broken, in_window)
        return None


def _trip(counted: Sequence[_Bad], broken: str, most: int) -> Trip:
    reasons = Counter(bad.reason for bad in counted)
    bound = f"{broken}, at most {most} may be"
    return Trip(counted[-1].offset, counted[0].offset, bound, reasons)
