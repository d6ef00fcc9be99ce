"""How long the view takes to find customers."""

from __future__ import annotations

import statistics
import time

from redis.asyncio import Redis

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
    medians = {}
    for name, search in searches.items():
        taken_s = []
        for _ in range(_SEARCHES):
            began_s = time.perf_counter()
            await reader.search(search)
            taken_s.append(time.perf_counter() - began_s)
        medians[name] = statistics.median(taken_s) * 1_000
    return medians
