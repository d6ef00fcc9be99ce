"""Shows the figures of the view as metrics, and keeps those of each day."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from scoring.calendar import DAY_MS
from serving.projector.health import LoopHealth
from serving.projector.metrics import ViewMeter
from serving.view.axes import SCALE
from serving.view.figures_reader import Counts, Fall, Falls, FiguresReader, known_names
from serving.view.history import DayFigures, HistoryWriter
from serving.view.pinned_read import ViewChanging
from serving.view.redis import is_outage

FALLS_WITHIN_DAYS = (7, 30)
"""Falls are shown for so many days ahead."""

_AXES = ("known", "level")
_SCALE = float(10**SCALE)
_EVERY_S = 30.0
_SOON_S = 1.0
_DELAY_MAX_S = 60.0
"""Of a view that is further behind than this, nothing is written."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ShownFigures:
    """What is shown as metrics.

    Attributes:
        day: sums by tier and stage.
        customers: how many there are.
        counts: customers by the values of some axes.
        falls: for each number of days the falls within them.
    """

    day: DayFigures
    customers: int
    counts: dict[str, Counts]
    falls: dict[int, list[Fall]]

    @property
    def known(self) -> dict[str, int]:
        """How many customers have each attribute, by its name."""
        return known_names(self.counts["known"])

    def amount(self, ten_thousandths: int) -> float:
        """An amount in the currency; a metric is a float."""
        return ten_thousandths / _SCALE


class FiguresKeeper:
    """Reads the figures from time to time, as long as the profiles in the view are up to date.

    Args:
        redis: a client that returns bytes.
        prefix: what all keys of the view begin with.
        meter: receives the figures.
        profiles: the state of the loop that writes profiles.
        wall_ms: the wall clock, in milliseconds since 1970.
    """

    def __init__(
        self,
        redis: Redis,
        prefix: str,
        meter: ViewMeter,
        profiles: LoopHealth,
        wall_ms: Callable[[], int],
    ) -> None:
        self._reader = FiguresReader(redis, prefix)
        self._history = HistoryWriter(redis, prefix)
        self._meter = meter
        self._profiles = profiles
        self._wall_ms = wall_ms

    async def run(self, stop: asyncio.Event) -> None:
        """Read until told to stop; an outage of Redis, which other loops tell of, is waited out.

        Raises:
            RedisError: Redis refuses.
        """
        while not stop.is_set():
            has_figures = False
            try:
                has_figures = await self.keep()
            except ViewChanging:
                pass
            except RedisError as error:
                if not is_outage(error):
                    raise
                _log.info("figures not read", reason=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _EVERY_S if has_figures else _SOON_S)

    async def keep(self) -> bool:
        """Read and write once, unless the view is behind or there is none.

        Returns whether there was something to read: a view that begins to be filled changes soon.
        """
        delay_s = self._profiles.delay_s
        if delay_s is None or delay_s > _DELAY_MAX_S:
            return False
        now_ms = self._wall_ms()
        day = await self._history.write(now_ms)
        if day is None:
            return False
        [counts] = await self._reader.several_counts(_AXES, [None])
        ahead = await self._reader.falls(now_ms, now_ms + max(FALLS_WITHIN_DAYS) * DAY_MS)
        falls = {days: _within(ahead, now_ms + days * DAY_MS) for days in FALLS_WITHIN_DAYS}
        customers = counts["known"].customers
        self._meter.figures(ShownFigures(day, customers, counts, falls))
        return customers > 0


def _within(falls: Falls, until_ms: int) -> list[Fall]:
    return [fall for fall in falls.falls if fall.at_ms < until_ms]
