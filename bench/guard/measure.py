"""CPU time of each part as a multiple of the reading limit, from short runs in turns.

Every round does the very same work, fetch by fetch, and each fetch is timed alone. What else the
machine does makes it slower, never faster. So of each fetch the fastest time of all rounds counts,
and a part takes the sum of these.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from bench.guard.inputs import Inputs, inputs
from bench.guard.work import EngineWork, IngestWork, RulesWork, SilentProducer, check, read

EVENTS = 2_500
_LIMIT_RUNS = 8
"""A fetch is read so fast that it is read again."""

MAY_BE_WORSE = 0.25
"""By how much a ratio may be above the committed one: less than the 30% that must be found,
and more than what a busy machine adds."""

_clock = time.process_time


class Costs(NamedTuple):
    """The least CPU seconds of each fetch, by part."""

    events: int
    limit: list[float]
    ingest: list[float]
    engine: list[float]
    rules: list[float]

    def least(self, other: Costs) -> Costs:
        """Of each fetch the lesser."""
        pairs = zip(self[1:], other[1:], strict=True)
        return Costs(self.events, *(list(map(min, one, more)) for one, more in pairs))

    def us(self, times: list[float]) -> float:
        """CPU µs an event."""
        return sum(times) * 1e6 / self.events

    @property
    def ratios(self) -> dict[str, float]:
        """Multiples of the reading limit."""
        limit = sum(self.limit)
        ingest, engine = sum(self.ingest) / limit, sum(self.engine) / limit
        return {
            "whole path": ingest + engine,
            "ingest": ingest,
            "engine": engine,
            "rules": sum(self.rules) / limit,
        }


def worse(ratios: Mapping[str, float], committed: Mapping[str, float]) -> list[str]:
    """The parts that cost too much."""
    return [name for name, one in committed.items() if ratios[name] > one * (1 + MAY_BE_WORSE)]


class Effort(NamedTuple):
    """How long to measure."""

    rounds: int
    """At least."""
    most_rounds: int
    """Then it ends, though it be not enough."""
    events: int = EVENTS


def measure(effort: Effort, is_enough: Callable[[Costs], bool]) -> Costs:
    """Run all parts in turns, and go on while what was found is not enough."""
    return asyncio.run(_measure(effort, is_enough))


async def _measure(effort: Effort, is_enough: Callable[[Costs], bool]) -> Costs:
    given, producer = inputs(effort.events), SilentProducer()
    check(given)
    try:
        costs = await one_round(given, producer)
        for number in range(1, effort.most_rounds):
            if number >= effort.rounds and is_enough(costs):
                break
            costs = costs.least(await one_round(given, producer))
        return costs
    finally:
        await producer.stop()


async def one_round(given: Inputs, producer: SilentProducer) -> Costs:
    """All parts once, on states that begin empty."""
    ingest_work, engine_work, rules_work = IngestWork(producer), EngineWork(producer), RulesWork()
    decoded = [rules_work.decode(values) for values in given.values]
    gc.collect()
    limit: list[float] = []
    ingest: list[float] = []
    for fetch in given.upstream:
        times = []
        for _ in range(_LIMIT_RUNS):
            began_s = _clock()
            read(fetch)
            times.append(_clock() - began_s)
        limit.append(min(times))
        began_s = _clock()
        await ingest_work.take(fetch)
        ingest.append(_clock() - began_s)
    engine = [_spent(engine_work.take, fetch) for fetch in given.log]
    rules = [_spent(rules_work.take, events) for events in decoded]
    return Costs(given.events, limit, ingest, engine, rules)


def _spent(work: Callable[[Any], None], given: object) -> float:
    began_s = _clock()
    work(given)
    return _clock() - began_s
