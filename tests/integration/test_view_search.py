"""A search finds who a look at every profile would find, once each and in order."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from config.settings import Settings
from serving.view.chunks import cut_profiles
from serving.view.cursor import BadCursor
from serving.view.generation import Generation
from serving.view.generations import RedisView
from serving.view.pinned_read import PinnedReader
from serving.view.profile_record import ProfileRecord, read_profile
from serving.view.query import AnyOf, Between, Hit, Page, Search
from serving.view.reader import ViewReader
from serving.view.redis import connect_redis
from serving.view.search import Searcher, SearchLimits
from tests.support.naive_view import facets, ranked
from tests.support.populations import FACETS, TAGS, changes
from tests.support.profiles import profile

PREFIX = "{search}:"
IDS = [f"c{number}" for number in range(12)] + ["高", "é", "Z", "a:b", "c1\n", "c" * 90]
GATHERS = SearchLimits()
WALKS = SearchLimits(gather_customers=0, step_customers=3, steps=2)
WALKS_FAR = SearchLimits(gather_customers=2, step_customers=100, steps=1)

Population = dict[str, dict[str, Any]]
"""What the profile of each customer says beside what all say."""

populations = st.dictionaries(st.sampled_from(IDS), changes, max_size=len(IDS))
VALUES = {name: [value for value in values if value] for name, values in FACETS.items()}
VALUES |= {"tag": [*TAGS, "nobody's"], "rf": ["51", "11", "55"]}
BOUNDS = [None, -5.0, 0.0, 0.01, 10.0, 10.01, 12.5, 33, 50, 100, 1_772_323_200_000]
any_of = st.sampled_from(sorted(VALUES)).flatmap(
    lambda facet: st.builds(
        AnyOf,
        st.just(facet),
        st.lists(st.sampled_from(VALUES[facet]), min_size=1, max_size=2).map(tuple),
    )
)
RANKS = ["score", "spend", "next_fall", "needed", "health", "complaints", "promised"]
between = st.builds(
    Between, st.sampled_from(RANKS), st.sampled_from(BOUNDS), st.sampled_from(BOUNDS)
)
searches = st.builds(
    Search,
    where=st.lists(any_of, max_size=2).map(tuple),
    between=st.lists(between, max_size=2).map(tuple),
    order=st.sampled_from(RANKS),
    descending=st.booleans(),
    limit=st.integers(1, 7),
)


def expected(everybody: Mapping[str, dict[str, Any]], search: Search) -> list[Hit]:
    """By looking at all."""
    found = []
    for name, said in everybody.items():
        data = json.loads(profile(name, **said))["data"]
        has, values = facets(data), ranked(data)
        if all(
            any((filter_.facet, value) in has for value in filter_.values)
            for filter_ in search.where
        ) and all(
            range_.rank in values
            and (range_.least is None or range_.least <= values[range_.rank])
            and (range_.most is None or values[range_.rank] <= range_.most)
            for range_ in (*search.between, Between(search.order))
        ):
            found.append((values[search.order], name.encode()))
    found.sort(reverse=search.descending)
    return [Hit(name.decode(), value) for value, name in found]


class Filled:
    """A view whose profiles a test says."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.view = RedisView(redis, PREFIX)
        self._offset = 0

    async def tell(self, generation: Generation, said: Mapping[str, dict[str, Any] | None]) -> None:
        """Apply these profiles, None for a removal."""
        records: list[ProfileRecord] = []
        before = self._offset
        for name, data in said.items():
            value = None if data is None else profile(name, **data)
            records.append(read_profile(name.encode(), value, self._offset, self._offset))
            self._offset += 1
        await generation.apply(list(cut_profiles(0, before, self._offset, records)))

    async def make_anew(self, everybody: Mapping[str, dict[str, Any] | None]) -> None:
        """Replace the generation that is current."""
        generation = await self.view.start_rebuild()
        assert generation is not None
        await generation.begin(0, self._offset, 1)
        await self.tell(generation, everybody)
        assert await self.view.switch(generation, {}, force=True)
        await self.view.sweep()

    def searcher(self, limits: SearchLimits) -> Searcher:
        """A reader that does no more than this for a page."""
        return Searcher(PinnedReader(self.redis, PREFIX), limits)


async def filled(redis: Redis, everybody: Population) -> Filled:
    await redis.flushdb()
    view = Filled(redis)
    generation = await view.view.open()
    await generation.begin(0, 0, 1)
    await view.tell(generation, everybody)
    return view


def going_on(search: Search, cursor: str | None) -> Search:
    return Search(
        where=search.where,
        between=search.between,
        order=search.order,
        descending=search.descending,
        limit=search.limit,
        cursor=cursor,
    )


async def pages(searcher: Searcher, search: Search) -> list[Page]:
    found = [await searcher.page(search)]
    while (cursor := found[-1].cursor) is not None:
        assert len(found) < 50, "it does not come to an end"
        found.append(await searcher.page(going_on(search, cursor)))
    return found


@settings(max_examples=80)
@given(everybody=populations, search=searches, limits=st.sampled_from([GATHERS, WALKS, WALKS_FAR]))
@pytest.mark.slow
def test_pages_together_are_who_a_look_at_everybody_finds(
    own_redis: str, everybody: Population, search: Search, limits: SearchLimits
) -> None:
    async def check() -> None:
        redis = connect_redis(Settings(redis_url=own_redis))
        try:
            view = await filled(redis, everybody)
            found = await pages(view.searcher(limits), search)
            assert [hit for page in found for hit in page.hits] == expected(everybody, search)
            assert all(len(page.hits) <= search.limit for page in found)
            if limits is GATHERS:
                assert all(len(page.hits) == search.limit for page in found[:-1])
        finally:
            await redis.aclose()

    asyncio.run(check())


@settings(max_examples=40)
@given(
    everybody=populations,
    search=searches,
    efforts=st.lists(st.sampled_from([GATHERS, WALKS, WALKS_FAR]), min_size=2, max_size=2),
    changed=st.dictionaries(st.sampled_from(IDS), st.none() | changes, max_size=6),
    anew=st.booleans(),
    after=st.integers(1, 3),
)
@pytest.mark.slow
def test_who_does_not_change_is_found_once_while_others_do_and_the_view_is_made_anew(
    own_redis: str,
    everybody: Population,
    search: Search,
    efforts: list[SearchLimits],
    changed: dict[str, dict[str, Any] | None],
    anew: bool,
    after: int,
) -> None:
    async def check() -> None:
        redis = connect_redis(Settings(redis_url=own_redis))
        try:
            view = await filled(redis, everybody)
            found = []
            page: Page | None = None
            first, second = (view.searcher(limits) for limits in efforts)
            for _ in range(after):
                if page is None or page.cursor is not None:
                    page = await first.page(going_on(search, page.cursor if page else None))
                    found.append(page)
            if anew:
                await view.make_anew(everybody | changed)
            else:
                await view.tell(await view.view.open(), changed)
            if page is not None and page.cursor is not None:
                found += await pages(second, going_on(search, page.cursor))
            hits = [hit for page in found for hit in page.hits if hit.customer_id not in changed]
            unchanged = {name: data for name, data in everybody.items() if name not in changed}
            assert hits == expected(unchanged, search)
        finally:
            await redis.aclose()

    asyncio.run(check())


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("limits", [GATHERS, WALKS, WALKS_FAR], ids=["gather", "walk", "walk far"])
async def test_pages_go_on_among_equals_in_both_directions(
    own_redis: str, limits: SearchLimits, descending: bool
) -> None:
    redis = connect_redis(Settings(redis_url=own_redis))
    try:
        everybody: Population = {
            f"n{number}": {"tier": "AB"[number % 2], "score": number // 10, "monetary": "0.00"}
            for number in range(40)
        }
        view = await filled(redis, everybody)
        for order in ("score", "spend"):
            search = Search(
                where=(AnyOf("tier", ("A",)),), order=order, descending=descending, limit=3
            )
            found = await pages(view.searcher(limits), search)
            assert [hit for page in found for hit in page.hits] == expected(everybody, search)
    finally:
        await redis.aclose()


async def test_walk_among_very_many_equals_goes_on_where_it_was(own_redis: str) -> None:
    redis = connect_redis(Settings(redis_url=own_redis))
    try:
        everybody: Population = {f"n{number:04d}": {"monetary": "0.00"} for number in range(1_500)}
        view = await filled(redis, everybody)
        for descending in (False, True):
            search = Search(order="spend", descending=descending, limit=500)
            searcher = view.searcher(SearchLimits(gather_customers=0))
            page = await searcher.page(search)
            await view.tell(await view.view.open(), {page.hits[-1].customer_id: None})
            rest = await pages(searcher, going_on(search, page.cursor))
            hits = [hit.customer_id for part in (page, *rest) for hit in part.hits]
            assert hits == sorted(hits, reverse=descending)
            assert len(set(hits)) == len(hits) == len(everybody) - int(descending)
    finally:
        await redis.aclose()


async def test_who_falls_soon_and_who_is_near_the_next_tier(own_redis: str) -> None:
    redis = connect_redis(Settings(redis_url=own_redis))
    try:
        until = "2026-03-01T00:00:00.000Z"
        await filled(
            redis,
            {
                "ana": {"keeps_until": "2026-02-01T00:00:00.000Z", "next_tier": None},
                "ben": {"keeps_until": until},
                "cai": {"keeps_until": "2026-03-01T00:00:00.001Z"},
                "dee": {"next_tier": {"tier": "A", "order_amount_needed": "37.51"}},
            },
        )
        reader = ViewReader(redis, PREFIX)
        falling = await reader.about_to_fall(1_772_323_200_000)
        assert [hit.customer_id for hit in falling.hits] == ["ana", "ben"]
        first = await reader.about_to_fall(1_772_323_200_000, limit=1)
        rest = await reader.about_to_fall(1_772_323_200_000, limit=1, cursor=first.cursor)
        assert first.hits + rest.hits == falling.hits
        near = await reader.near_next_tier(37.5)
        assert near.hits == (Hit("ben", 37.5), Hit("cai", 37.5))
    finally:
        await redis.aclose()


async def test_without_a_view_nobody_is_found(own_redis: str) -> None:
    redis = connect_redis(Settings(redis_url=own_redis))
    try:
        await redis.flushdb()
        reader = ViewReader(redis, PREFIX)
        assert await reader.search(Search()) == Page((), None)
        assert await reader.search(Search(where=(AnyOf("tier", ("A",)),))) == Page((), None)
        assert await reader.profiles(["ana"]) == [None]
        assert await reader.distributions() == {
            facet: {} for facet in [*FACETS, "rf", "unowned", "tag"]
        }
    finally:
        await redis.aclose()


def encoded(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "高",
        "a",
        "====",
        "x" * 5_000,
        encoded(b"[]"),
        encoded(b'["spend",true,"x","ana"]'),
        encoded(b'["spend",true,1e999,"ana"]'),
        encoded(b'["spend",true,NaN,"ana"]'),
        encoded(b'["spend",true,1,7]'),
        encoded(b'["spend",false,1,"ana"]'),
        encoded(b'["score",true,1,"ana"]'),
    ],
)
async def test_cursor_that_is_none_of_this_search_is_refused(own_redis: str, cursor: str) -> None:
    redis = connect_redis(Settings(redis_url=own_redis))
    try:
        with pytest.raises(BadCursor, match="the cursor"):
            await ViewReader(redis, PREFIX).search(Search(cursor=cursor))
    finally:
        await redis.aclose()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: AnyOf("colour", ("red",)), "colour is none of tier, stage"),
        (lambda: AnyOf("tier", ()), "tier takes 1 to 50 values"),
        (lambda: AnyOf("tier", tuple(map(str, range(51)))), "tier takes 1 to 50 values"),
        (lambda: Between("tier"), "tier is none of score, spend"),
        (lambda: Between("score", float("nan")), "a bound of score is no finite number"),
        (lambda: Search(order="name"), "name is none of score"),
        (lambda: Search(limit=0), "a page has 1 to 500 customers"),
        (lambda: Search(limit=501), "a page has 1 to 500 customers"),
        (
            lambda: Search(where=(AnyOf("tier", tuple("abcdefghijklmnopq")),) * 3),
            "the filters of a search have at most 50 values together",
        ),
        (lambda: Search(between=(Between("score"),) * 21), "a search has at most 20 filters"),
    ],
)
def test_search_that_makes_no_sense_is_said(make: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        make()
