"""Finding a page where few customers can match: all of these are read, checked and sorted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from redis.asyncio.client import Pipeline

from serving.view.cursor import SearchPlace, search_cursor, search_place
from serving.view.keys import GenerationKeys
from serving.view.lua import WALK_RANK
from serving.view.pinned_read import Following
from serving.view.query import Between, Filter, Hit, Page, Search


async def gather(
    view: Following, search: Search, source: Filter, place: SearchPlace | None, step: int
) -> Page:
    """A page, by looking at all who pass one filter.

    Args:
        view: whom to ask.
        search: what for.
        source: a filter of the search that few customers pass.
        place: where the search goes on; None for its beginning.
        step: customers that Redis is asked about at a time.
    """
    ids = await _ids_of(view, source)
    found: list[tuple[float, bytes]] = []
    for start in range(0, len(ids), step):
        found += await _check(view, search, ids[start : start + step])
    found.sort(reverse=search.descending)
    if place is not None:
        found = [
            entry for entry in found if (entry < place if search.descending else entry > place)
        ]
    hits = found[: search.limit]
    cursor = search_cursor(search, SearchPlace(*hits[-1])) if len(found) > len(hits) else None
    return Page(tuple(Hit(one.decode(), value) for value, one in hits), cursor)


async def _ids_of(view: Following, source: Filter) -> list[bytes]:
    """All who pass one filter, known to be few."""

    def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
        if isinstance(source, Between):
            key = keys.rank(source.rank)
            pipeline.zrangebyscore(key, source.low, source.high)
        else:
            pipeline.sunion([keys.members(source.facet, value) for value in source.values])

    return list(await view.read(ask) or ())


async def _check(
    view: Following, search: Search, ids: Sequence[bytes]
) -> list[tuple[float, bytes]]:
    """Those of ``ids`` for whom all filters hold, each with the value in the rank."""
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
        marks = [next(columns) for _ in filter_.values]
        rows = zip(holds, *marks, strict=True)
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
    view: Following, search: Search, place: SearchPlace | None, *, step: int, steps: int
) -> Page:
    """A page, by looking at the customers of the rank one after the other.

    Args:
        view: whom to ask.
        search: what for.
        place: where the search goes on; None for its beginning.
        step: customers that Redis looks at in one step, in which it does nothing else.
        steps: after so many the page ends, however short it is.
    """
    hits: list[Hit] = []
    for _ in range(steps):
        left = search.limit - len(hits)
        answer = await view.read(_step(search, place, step, left))
        if answer is None:
            return Page((), None)
        kept, value, one, done = answer
        hits += [
            Hit(id_.decode(), float(at)) for id_, at in zip(kept[::2], kept[1::2], strict=True)
        ]
        if done:
            return Page(tuple(hits), None)
        place = SearchPlace(float(value), one)
        if len(hits) == search.limit:
            break
    assert place is not None
    return Page(tuple(hits), search_cursor(search, place))


def _step(
    search: Search, place: SearchPlace | None, steps: int, limit: int
) -> Callable[[Pipeline, GenerationKeys], None]:
    own = search.own_range
    value, one = ("", b"") if place is None else (repr(place.value), place.customer_id)

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
class Effort:
    """How much work a page may be.

    Attributes:
        gather_customers: up to so many customers are read whole.
        step_customers: customers that Redis looks at in one step, in which it does nothing else.
        steps: of a walk.
    """

    gather_customers: int = 5_000
    step_customers: int = 1_000
    steps: int = 5


class Searcher:
    """Finds customers in the current generation.

    Args:
        view: whom to ask.
        effort: for one page.
    """

    def __init__(self, view: Following, effort: Effort | None = None) -> None:
        self._view = view
        self._effort = effort or Effort()

    async def page(self, search: Search) -> Page:
        """A page of what is found.

        Customers that change while the page is put together may be as before or as after.

        Raises:
            BadCursor: the cursor cannot be used.
            ViewChanging: the view was replaced again and again.
        """
        place, effort = search_place(search), self._effort
        fewest, count = await self._fewest(search)
        if fewest is not None and count <= effort.gather_customers:
            return await gather(self._view, search, fewest, place, effort.step_customers)
        step, steps = effort.step_customers, effort.steps
        return await walk(self._view, search, place, step=step, steps=steps)

    async def _fewest(self, search: Search) -> tuple[Filter | None, int]:
        """The filter that the fewest pass; None if that is the order's own range, or all."""
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
