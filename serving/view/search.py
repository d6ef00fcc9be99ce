"""Searches for customers, in one of two ways.

Where few customers pass one of the filters, all of these are read, checked and sorted (`gather`).
Otherwise the rank that gives the order is walked, and each customer is checked (`walk`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from redis.asyncio.client import Pipeline

from serving.view.cursor import SearchAfter, search_after, search_cursor
from serving.view.keys import GenerationKeys
from serving.view.lua import WALK_RANK
from serving.view.pinned_read import PinnedReader
from serving.view.query import Between, Filter, Hit, Page, Search


async def gather(
    view: PinnedReader, search: Search, source: Filter, after: SearchAfter | None, step: int
) -> Page:
    """A page, found by checking all customers who pass one filter.

    Args:
        view: to read from.
        search: what to find.
        source: a filter of the search that few customers pass.
        after: after whom the search continues; None for its beginning.
        step: customers that Redis checks in one command.
    """
    ids = await _ids_of(view, source)
    found: list[tuple[float, bytes]] = []
    for start in range(0, len(ids), step):
        found += await _check(view, search, ids[start : start + step])
    found.sort(reverse=search.descending)
    if after is not None:
        found = [
            entry for entry in found if (entry < after if search.descending else entry > after)
        ]
    hits = found[: search.limit]
    cursor = search_cursor(search, SearchAfter(*hits[-1])) if len(found) > len(hits) else None
    return Page(tuple(Hit(one.decode(), value) for value, one in hits), cursor)


async def _ids_of(view: PinnedReader, source: Filter) -> list[bytes]:
    """Ids of all customers who pass one filter, known to be few."""

    def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
        if isinstance(source, Between):
            key = keys.rank(source.rank)
            pipeline.zrangebyscore(key, source.low, source.high)
        else:
            pipeline.sunion([keys.members(source.facet, value) for value in source.values])

    return list(await view.read(ask) or ())


async def _check(
    view: PinnedReader, search: Search, ids: Sequence[bytes]
) -> list[tuple[float, bytes]]:
    """Those of ``ids`` for whom all filters hold, each with its value in the rank."""
    ranges = (*search.between, Between(search.order))
    asked: list[Any] = list(ids)

    def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
        for filter_ in search.where:
            for value in filter_.values:
                pipeline.smismember(keys.members(filter_.facet, value), asked)
        for range_ in ranges:
            pipeline.zmscore(keys.rank(range_.rank), asked)

    answers = await view.read_all(ask)
    if answers is None:
        return []
    columns = iter(answers)
    holds = [True] * len(ids)
    for filter_ in search.where:
        members = [next(columns) for _ in filter_.values]
        rows = zip(holds, *members, strict=True)
        holds = [was and any(row) for was, *row in rows]
    values: list[float | None] = []
    for range_ in ranges:
        values = next(columns)
        holds = [
            was and value is not None and range_.holds(value)
            for was, value in zip(holds, values, strict=True)
        ]
    return [
        (value, one)
        for one, value, kept in zip(ids, values, holds, strict=True)
        if kept and value is not None
    ]


_pack = msgspec.msgpack.Encoder().encode


async def walk(
    view: PinnedReader, search: Search, after: SearchAfter | None, *, step: int, steps: int
) -> Page:
    """A page, found by checking the customers of the rank in their order.

    Args:
        view: to read from.
        search: what to find.
        after: after whom the search continues; None for its beginning.
        step: customers that Redis checks in one step, during which it does nothing else.
        steps: after so many the page ends, however short it is.
    """
    hits: list[Hit] = []
    for _ in range(steps):
        left = search.limit - len(hits)
        answer = await view.read(_step(search, after, step, left))
        if answer is None:
            return Page((), None)
        kept, value, one, done = answer
        hits += [
            Hit(id_.decode(), float(at)) for id_, at in zip(kept[::2], kept[1::2], strict=True)
        ]
        if done:
            return Page(tuple(hits), None)
        after = SearchAfter(float(value), one)
        if len(hits) == search.limit:
            break
    assert after is not None
    return Page(tuple(hits), search_cursor(search, after))


def _step(
    search: Search, after: SearchAfter | None, steps: int, limit: int
) -> Callable[[Pipeline, GenerationKeys], None]:
    own = search.own_range
    value, one = ("", b"") if after is None else (repr(after.value), after.customer_id)

    def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
        sets = [
            [keys.members(filter_.facet, value) for value in filter_.values]
            for filter_ in search.where
        ]
        ranges = [
            (keys.rank(range_.rank), range_.low, range_.high)
            for range_ in search.between
            if range_.rank != search.order
        ]
        bounds = (int(search.descending), own.low, own.high, value, one)
        limits = (steps, limit)
        pipeline.eval(
            WALK_RANK, 1, keys.rank(search.order), *bounds, *limits, _pack(sets), _pack(ranges)
        )

    return ask


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """How much work one page may cost.

    Attributes:
        gather_customers: up to so many customers are gathered; beyond, the rank is walked.
        step_customers: customers that Redis checks in one step, during which it does nothing else.
        steps: of a walk, at most.
    """

    gather_customers: int = 5_000
    step_customers: int = 1_000
    steps: int = 5


class Searcher:
    """Finds customers in the current generation.

    Args:
        view: to read from.
        limits: for one page.
    """

    def __init__(self, view: PinnedReader, limits: SearchLimits | None = None) -> None:
        self._view = view
        self._limits = limits or SearchLimits()

    async def page(self, search: Search) -> Page:
        """A page of the customers found.

        A customer who changes meanwhile may be found as before or as after.

        Raises:
            BadCursor: the cursor cannot be used.
            ViewChanging: the view was replaced again and again.
        """
        after, limits = search_after(search), self._limits
        fewest, count = await self._fewest(search)
        if fewest is not None and count <= limits.gather_customers:
            return await gather(self._view, search, fewest, after, limits.step_customers)
        step, steps = limits.step_customers, limits.steps
        return await walk(self._view, search, after, step=step, steps=steps)

    async def _fewest(self, search: Search) -> tuple[Filter | None, int]:
        """The filter that the fewest customers pass; None if that is the order's own range."""
        filters: list[Filter] = [*search.where, *search.between]
        filters.append(search.own_range)

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            for filter_ in filters:
                if isinstance(filter_, Between):
                    pipeline.zcount(keys.rank(filter_.rank), filter_.low, filter_.high)
                else:
                    for value in filter_.values:
                        pipeline.scard(keys.members(filter_.facet, value))

        answers = iter(await self._view.read_all(ask) or ())
        counts = [sum(next(answers, 0) for _ in range(_answers_of(filter_))) for filter_ in filters]
        least = min(counts)
        fewest = filters[counts.index(least)] if counts[-1] > least else None
        return fewest, least


def _answers_of(filter_: Filter) -> int:
    return 1 if isinstance(filter_, Between) else len(filter_.values)
