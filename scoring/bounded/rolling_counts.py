"""How often something happened: ever, and on each business day of a rolling window."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from msgspec import Struct, field


class DayCounts(Struct, array_like=True):
    """Exact counts over whole business days; at most one entry for each day of the window."""

    ever: int = 0
    days: list[int] = field(default_factory=list)
    """The days with at least one, ascending."""
    counts: list[int] = field(default_factory=list)
    """The count of each of `days`."""

    def add(self, day: int, horizon: int) -> None:
        """Count once on a day; forget the days up to `horizon`, which may be this one."""
        self.ever += 1
        self.trim(horizon)
        days, counts = self.days, self.counts
        if day <= horizon:
            return
        if days and days[-1] == day:
            counts[-1] += 1
            return
        index = bisect_left(days, day)
        if index < len(days) and days[index] == day:
            counts[index] += 1
        else:
            days.insert(index, day)
            counts.insert(index, 1)

    def join(self, other: DayCounts) -> None:
        """Add the counts of another customer."""
        self.ever += other.ever
        by_day = dict(zip(self.days, self.counts, strict=True))
        for day, count in zip(other.days, other.counts, strict=True):
            by_day[day] = by_day.get(day, 0) + count
        self.days = sorted(by_day)
        self.counts = [by_day[day] for day in self.days]

    def trim(self, horizon: int) -> None:
        """Forget the days up to `horizon`."""
        if self.days and self.days[0] <= horizon:
            gone = bisect_left(self.days, horizon + 1)
            del self.days[:gone], self.counts[:gone]

    def since(self, horizon: int) -> Iterator[tuple[int, int]]:
        """The (day, count) pairs after a day, ascending."""
        start = bisect_left(self.days, horizon + 1)
        return zip(self.days[start:], self.counts[start:], strict=True)
