"""Finding a page where few customers can match: all of these are read, checked and sorted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio.client import Pipeline

from serving.view.cursor import Place, cursor_at
from serving.view.keys import GenerationKeys
from serving.view.pinned_read import Following
from serving.view.query import Between, Filter, Hit, Page, Search


async def gather(
    view: Following, search: Search, source: Filter, place: Place | None, step: int
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
    cursor = cursor_at(search, Place(*hits[-1])) if len(found) > len(hits) else None
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
