"""The view equals the last record of each customer, whatever is repeated, broken off or made anew.

All that Redis holds is compared, key by key, with a naive recomputation: hashes, profiles, sets,
ranks and counters.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from config.settings import Settings
from serving.view.chunks import cut_profiles
from serving.view.generation import Generation, StaleWriter
from serving.view.generations import RedisView
from serving.view.profile_record import ProfileRecord, read_profile
from serving.view.reader import ViewReader
from serving.view.redis import connect_redis
from tests.support.naive_view import Contents, Told, contents
from tests.support.populations import CUSTOMERS, changes
from tests.support.profiles import profile

PREFIX = "{property}:"


class Step(NamedTuple):
    """Something befalls the view; then records are read, after going back by some."""

    befalls: str
    records: int
    back: int


LOG = st.lists(st.tuples(st.sampled_from(CUSTOMERS), st.none() | changes), min_size=8, max_size=40)
BEFALLS = ["nothing"] * 6 + ["loses all", "rebuild", "broken rebuild"]
STEPS = st.lists(
    st.builds(Step, st.sampled_from(BEFALLS), st.integers(1, 8), st.integers(0, 10)),
    min_size=3,
    max_size=10,
)


class Entry(NamedTuple):
    """A record as it is read, and as it was meant."""

    record: ProfileRecord
    told: Told


def entry(offset: int, customer: str, said: dict[str, Any] | None) -> Entry:
    value = None if said is None else profile(customer, sequence=offset, **said)
    data = None if value is None else json.loads(value)["data"]
    return Entry(
        read_profile(customer.encode(), value, offset, offset), Told(offset, customer, data)
    )


class Follower:
    """A projector without Kafka: it believes in a place, and asks Redis when that is wrong."""

    def __init__(self, redis: Redis, log: list[Entry]) -> None:
        self._redis = redis
        self.view = RedisView(redis, PREFIX)
        self._log = log
        self.reached = 0

    async def take(self, step: Step) -> None:
        if step.befalls == "loses all":
            await self._redis.flushdb()
        elif step.befalls != "nothing":
            await self._rebuild(breaks_off=step.befalls == "broken rebuild")
        start = max(0, self.reached - step.back)
        end = min(len(self._log), start + step.records)
        generation = await self.view.open()
        try:
            await self._apply(generation, start, end)
        except StaleWriter:
            await generation.begin(0, 0, 1)
            self.reached = 0
            await self._apply(generation, 0, end)
        self.reached = max(self.reached, end)

    async def _rebuild(self, *, breaks_off: bool) -> None:
        generation = await self.view.start_rebuild()
        assert generation is not None
        await generation.begin(0, 0, 1)
        half = self.reached // 2
        await self._apply(generation, 0, half)
        if breaks_off:
            await self.view.end_rebuild(generation)
        else:
            await self._apply(generation, half, self.reached)
            assert await self.view.switch(
                generation, {("positions", 0): len(self._log)}, force=False
            )
        await self.view.sweep()

    async def _apply(self, generation: Generation, start: int, end: int) -> None:
        records = [record for record, _ in self._log[start:end]]
        await generation.apply(list(cut_profiles(0, start, end, records)))


async def held(redis: Redis, base: str) -> Contents:
    """All of a generation, but for positions, trends, and what hashes keep to be taken away.

    Trends begin with the first profile that a generation saw; they have tests of their own.
    """
    found: Contents = {}
    async for key in redis.scan_iter(match=f"{base}*", count=1_000):
        name = key.decode().removeprefix(base)
        if name != "positions" and not name.startswith("trend:"):
            found[name] = await value_of(redis, key)
    return found


async def value_of(redis: Any, key: bytes) -> Any:
    match await redis.type(key):
        case b"hash":
            fields = await redis.hgetall(key)
            texts = {name.decode(): text.decode() for name, text in fields.items()}
            if b":sums:" in key:
                return {name: int(text) for name, text in texts.items()}
            return {
                name: text
                for name, text in texts.items()
                if name != "sums" and not name.startswith("cells:")
            }
        case b"set":
            return {member.decode() for member in await redis.smembers(key)}
        case b"zset":
            ranks = await redis.zrange(key, 0, -1, withscores=True)
            return {member.decode(): value for member, value in ranks}
        case _:
            return (await redis.get(key)).decode()


async def check(url: str, log: list[Entry], steps: list[Step]) -> None:
    redis = connect_redis(Settings(redis_url=url))
    try:
        await redis.flushdb()
        follower = Follower(redis, log)
        for step in steps:
            await follower.take(step)
            seen = [told for _, told in log[: follower.reached]]
            generation = await follower.view.open()
            assert await held(redis, generation.keys.base) == contents(seen)
        others = [key async for key in redis.scan_iter() if not key.startswith(PREFIX.encode())]
        assert others == []
    finally:
        await redis.flushdb()
        await redis.aclose()


@settings(max_examples=60)
@given(log=LOG, steps=STEPS)
@pytest.mark.slow
def test_view_is_the_last_record_of_each_customer(
    own_redis: str, log: list[tuple[str, dict[str, Any] | None]], steps: list[Step]
) -> None:
    entries = [entry(offset, *said) for offset, said in enumerate(log)]
    asyncio.run(check(own_redis, entries, steps))


def record(offset: int, customer: str, tier: str | None) -> ProfileRecord:
    return entry(offset, customer, None if tier is None else {"tier": tier}).record


async def test_late_writer_cannot_take_a_customer_back(own_redis: str) -> None:
    redis = connect_redis(Settings(redis_url=own_redis))
    try:
        generation = await RedisView(redis, "{late}:").open()
        await generation.begin(0, 0, 1)
        log = [record(0, "ana", "A"), record(1, "ana", "B"), record(2, "ana", None)]
        await generation.apply(list(cut_profiles(0, 0, 3, log)))
        applied = await generation.apply(list(cut_profiles(0, 0, 1, log[:1])))
        assert applied.skipped == 1
        assert await held(redis, generation.keys.base) == {}
        assert await ViewReader(redis, "{late}:").customer("ana") is None
        assert (await generation.stored_offsets([0]))[0] is not None
    finally:
        await redis.flushdb()
        await redis.aclose()


async def test_writer_that_is_ahead_of_redis_is_stopped(own_redis: str) -> None:
    redis = connect_redis(Settings(redis_url=own_redis))
    try:
        generation = await RedisView(redis, "{ahead}:").open()
        await generation.begin(0, 0, 1)
        with pytest.raises(StaleWriter, match="generation 1 lacks records that it had"):
            await generation.apply(list(cut_profiles(0, 5, 6, [record(5, "ana", "A")])))
        assert await ViewReader(redis, "{ahead}:").customer("ana") is None
    finally:
        await redis.flushdb()
        await redis.aclose()
