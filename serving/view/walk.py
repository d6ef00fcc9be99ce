"""Finding a page where many customers may match: the rank is walked from the cursor on."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from redis.asyncio.client import Pipeline

from serving.view.cursor import Place, cursor_at
from serving.view.keys import GenerationKeys
from serving.view.pinned_read import Following
from serving.view.query import Hit, Page, Search
from serving.view.walk_script import WALK

_pack = msgspec.msgpack.Encoder().encode


async def walk(
    view: Following, search: Search, place: Place | None, *, step: int, steps: int
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
        place = Place(float(value), one)
        if len(hits) == search.limit:
            break
    assert place is not None
    return Page(tuple(hits), cursor_at(search, place))


def _step(
    search: Search, place: Place | None, steps: int, limit: int
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
            WALK, 1, keys.rank(search.order), *bounds, *limits, _pack(sets), _pack(ranges)
        )

    return ask
