"""The view equals the last record of each customer, whatever is repeated or broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from config.settings import Settings
from serving.chunks import cut
from serving.generation import Generation, PlaceLost
from serving.profile_record import ProfileRecord, read_profile
from serving.reader import ViewReader
from serving.redis_client import connect_redis
from serving.view import RedisView
from streams.local import start_redis
from tests.support.profiles import profile

PREFIX = "{property}:"
CUSTOMERS = ["ana", "ben", "cai"]
TIERS = ["A", "B", "C"]


class Step(NamedTuple):
    """Records to read next, after going back by some; perhaps Redis loses everything first."""

    records: int
    back: int
    loses_all: bool


LOG = st.lists(
    st.tuples(st.sampled_from(CUSTOMERS), st.sampled_from([*TIERS, None])), min_size=8, max_size=40
)
STEPS = st.lists(
    st.builds(Step, st.integers(1, 8), st.integers(0, 10), st.sampled_from([False] * 9 + [True])),
    min_size=3,
    max_size=10,
)


def record(offset: int, customer: str, tier: str | None) -> ProfileRecord:
    value = (
        None if tier is None else profile(customer, tier=tier, stage=f"s{tier}", sequence=offset)
    )
    return read_profile(customer.encode(), value, offset, offset)


class Follower:
    """A projector without Kafka: it believes in a place, and asks Redis when that is wrong."""

    def __init__(self, redis: Redis, log: list[ProfileRecord]) -> None:
        self._redis = redis
        self._view = RedisView(redis, PREFIX)
        self._log = log
        self.reached = 0

    async def take(self, step: Step) -> None:
        if step.loses_all:
            await self._redis.flushdb()
        start = max(0, self.reached - step.back)
        end = min(len(self._log), start + step.records)
        generation = await self._view.open()
        try:
            await self._apply(generation, start, end)
        except PlaceLost:
            await generation.begin(0, 0, 1)
            self.reached = 0
            await self._apply(generation, 0, end)
        self.reached = max(self.reached, end)

    async def _apply(self, generation: Generation, start: int, end: int) -> None:
        await generation.apply(list(cut(0, start, end, self._log[start:end])))


async def check(url: str, log: list[ProfileRecord], steps: list[Step]) -> None:
    redis = connect_redis(Settings(redis_url=url))
    try:
        await redis.flushdb()
        follower = Follower(redis, log)
        for step in steps:
            await follower.take(step)
            await compare(redis, log[: follower.reached])
    finally:
        await redis.flushdb()
        await redis.aclose()


async def compare(redis: Redis, seen: list[ProfileRecord]) -> None:
    expected = {entry.customer_id: entry for entry in seen}
    reader = ViewReader(redis, PREFIX)
    for customer in CUSTOMERS:
        entry = expected.get(customer.encode())
        fields = await reader.customer(customer)
        if entry is None or entry.removes:
            assert fields is None
        else:
            assert fields is not None
            assert int(fields["offset"]) == entry.offset
            assert fields["tier"].encode() == entry.facets[0]
    for tier in TIERS:
        members = {
            entry.customer_id.decode()
            for entry in expected.values()
            if entry.facets[0] == tier.encode()
        }
        assert set(await reader.sample("tier", tier, 100)) == members
        assert await reader.count("stage", f"s{tier}") == len(members)


@pytest.fixture(scope="module", params=["single", "cluster"])
def own_redis(request: pytest.FixtureRequest) -> Iterator[str]:
    """A server of this module's own: it is emptied again and again.

    In a cluster it refuses scripts and commands whose keys are not in one slot.
    """
    with start_redis(own=True, cluster=request.param == "cluster") as server:
        yield server.url


@settings(max_examples=60)
@given(log=LOG, steps=STEPS)
def test_view_is_the_last_record_of_each_customer(
    own_redis: str, log: list[tuple[str, str | None]], steps: list[Step]
) -> None:
    records = [record(offset, *entry) for offset, entry in enumerate(log)]
    asyncio.run(check(own_redis, records, steps))


async def test_late_writer_cannot_take_a_customer_back(own_redis: str) -> None:
    redis = connect_redis(Settings(redis_url=own_redis))
    try:
        generation = await RedisView(redis, "{late}:").open()
        await generation.begin(0, 0, 1)
        log = [record(0, "ana", "A"), record(1, "ana", "B"), record(2, "ana", None)]
        await generation.apply(list(cut(0, 0, 3, log)))
        applied = await generation.apply(list(cut(0, 0, 1, log[:1])))
        assert applied.skipped == 1
        assert await ViewReader(redis, "{late}:").customer("ana") is None
        assert await ViewReader(redis, "{late}:").count("tier", "A") == 0
        assert (await generation.places([0]))[0] is not None
    finally:
        await redis.flushdb()
        await redis.aclose()


async def test_writer_that_is_ahead_of_redis_is_stopped(own_redis: str) -> None:
    redis = connect_redis(Settings(redis_url=own_redis))
    try:
        generation = await RedisView(redis, "{ahead}:").open()
        await generation.begin(0, 0, 1)
        with pytest.raises(PlaceLost, match="generation 1 lacks records that it had"):
            await generation.apply(list(cut(0, 5, 6, [record(5, "ana", "A")])))
        assert await ViewReader(redis, "{ahead}:").customer("ana") is None
    finally:
        await redis.flushdb()
        await redis.aclose()
