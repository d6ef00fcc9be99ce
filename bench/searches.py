"""How long the view takes to find customers, and to tell figures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from redis.asyncio import Redis

from serving.view.figures_reader import FiguresReader, Filter
from serving.view.query import AnyOf, Between, Search
from serving.view.reader import ViewReader

_SEARCHES = 50
_DAY_MS = 86_400_000


async def measure_searches(redis: Redis, prefix: str, now_ms: int) -> dict[str, float]:
    """Median milliseconds of the first page of some searches."""
    reader = ViewReader(redis, prefix)
    [rare] = list((await reader.distributions())["tag"])[-1:]
    searches = {
        "tier A by spend": Search(where=(AnyOf("tier", ("A",)),)),
        "two tags by score": Search(
            where=(AnyOf("tag", ("repeat-buyer",)), AnyOf("tag", ("city:1",))), order="score"
        ),
        "the rarest tag by health": Search(where=(AnyOf("tag", (rare,)),), order="health"),
        "many customers, none of whom matches": Search(
            where=(AnyOf("tag", ("gender:male",)), AnyOf("tag", ("gender:female",)))
        ),
        "falls within a month": Search(
            between=(Between("next_fall", most=now_ms + 30 * _DAY_MS),),
            order="next_fall",
            descending=False,
        ),
    }
    return {
        name: await _median_ms(partial(reader.search, search)) for name, search in searches.items()
    }


async def measure_figures(redis: Redis, prefix: str, now_ms: int) -> dict[str, float]:
    """Median milliseconds of each kind of figure that the API tells."""
    reader = FiguresReader(redis, prefix)
    a = Filter("tier", "A")
    asked: dict[str, Callable[[], Awaitable[Any]]] = {
        "sums by tier": partial(reader.figures, "tier"),
        "sums by owner": partial(reader.figures, "owner"),
        "the grid": partial(reader.figures, "rf"),
        "tags of tier A": partial(reader.counts, "tag", a),
        "rates by segment": partial(reader.by, "segment", ["orders_ever", "tag"]),
        "satisfaction by tier": partial(reader.by, "tier", ["csat", "nps"]),
        "falls within a month": partial(reader.falls, now_ms, now_ms + 30 * _DAY_MS),
        "completeness": partial(reader.several_counts, ["known", "known_count", "as_of"], [None]),
    }
    return {name: await _median_ms(ask) for name, ask in asked.items()}


async def _median_ms(ask: Callable[[], Awaitable[Any]]) -> float:
    taken_s = []
    for _ in range(_SEARCHES):
        began_s = time.perf_counter()
        await ask()
        taken_s.append(time.perf_counter() - began_s)
    return statistics.median(taken_s) * 1_000
