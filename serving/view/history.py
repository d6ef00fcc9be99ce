"""The figures of the view at the end of each day: what a view of the present cannot tell.

The projector writes those of today again and again, so what stays is the last word of the day. They
are kept beside the generations, and a rebuild leaves them alone: a day on which no projector ran is
missing for ever. They are sums over many customers and name none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from serving.view.change_records import day_of
from serving.view.figures_reader import Figures, FiguresReader, Sums
from serving.view.keys import ViewKeys

HISTORY_FACETS = ("tier", "stage")
"""Facets whose figures are kept by day."""

DAYS_KEPT = 400
"""Older days are removed."""


class DayFigures(Struct, frozen=True, array_like=True):
    """The figures of one day.

    Attributes:
        at_ms: the instant they are of, in milliseconds since 1970.
        decimals: of an amount of the currency.
        by: the numbers of `Sums`, by facet and value.
    """

    at_ms: int
    decimals: int
    by: dict[str, dict[str, tuple[int, int, int, int, int, int]]]

    def figures(self, facet: str) -> Figures:
        """Sums by the values of a facet, one of `HISTORY_FACETS`."""
        by_value = {value: Sums(*numbers) for value, numbers in self.by.get(facet, {}).items()}
        return Figures(by_value, _total(self.by["tier"]), self.decimals)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(DayFigures).decode


class HistoryWriter:
    """Writes the figures of the present day.

    Args:
        redis: a client that returns bytes.
        prefix: what all keys of the view begin with.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._key = ViewKeys(prefix).history
        self._figures = FiguresReader(redis, prefix)
        self._day: date | None = None

    async def write(self, now_ms: int) -> DayFigures | None:
        """Write the figures of now as those of today; None if there is no view.

        Raises:
            RedisError: Redis does not answer, or refuses.
            ViewChanging: the view was replaced again and again.
        """
        found = {facet: await self._figures.figures(facet) for facet in HISTORY_FACETS}
        if not self._figures.is_there:
            return None
        by = {facet: _numbers(figures) for facet, figures in found.items()}
        day = DayFigures(now_ms, found["tier"].decimals, by)
        today = day_of(now_ms)
        await self._redis.hset(self._key, today.isoformat(), _encode(day))
        if today != self._day:
            await self._remove_before(today - timedelta(days=DAYS_KEPT - 1))
            self._day = today
        return day

    async def _remove_before(self, first: date) -> None:
        names: list[Any] = await self._redis.hkeys(self._key)
        if old := [name for name in names if name.decode() < first.isoformat()]:
            await self._redis.hdel(self._key, *old)


class HistoryReader:
    """Reads the figures of days.

    Args:
        redis: a client that returns bytes.
        prefix: what all keys of the view begin with.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._key = ViewKeys(prefix).history

    async def days(self) -> dict[date, DayFigures]:
        """All days that are known, in their order; at most `DAYS_KEPT` and one."""
        found: dict[Any, Any] = await self._redis.hgetall(self._key)
        return {date.fromisoformat(name.decode()): _decode(found[name]) for name in sorted(found)}


def _numbers(figures: Figures) -> dict[str, tuple[int, int, int, int, int, int]]:
    return {
        value: (
            sums.customers,
            sums.orders,
            sums.spend,
            sums.orders_ever,
            sums.spend_ever,
            sums.points,
        )
        for value, sums in figures.by_value.items()
        if sums != Sums()
    }


def _total(by_tier: Mapping[str, tuple[int, int, int, int, int, int]]) -> Sums:
    return Sums(*(sum(column) for column in zip(*by_tier.values(), strict=True)))
