"""The ledgers of changes equal a naive recomputation, whatever comes twice, late or again.

Histories of customers are written to three topics of one partition as the engine would, with
outputs that a crash delivers again; the topics are read in steps at different speeds, which are
repeated, lose their Redis, or are cut across by rebuilds.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from config.settings import Settings
from scoring.dormancy import LEVELS
from serving.view.change_records import LevelRecord, MoveRecord, day_of, read_level, read_move
from serving.view.changes_reader import ChangesReader, Move
from serving.view.changes_writer import LevelsWriter, MovesWriter
from serving.view.chunks import Chunk, cut_profiles
from serving.view.generation import Generation, StaleWriter, ViewWriter
from serving.view.generations import RedisView
from serving.view.keys import levels_keys, moves_keys
from serving.view.profile_record import ProfileRecord, read_profile
from serving.view.profiles_writer import ProfilesWriter
from serving.view.redis import connect_redis
from serving.view.timeline_records import Told as Noted
from serving.view.timeline_records import told as with_entry
from serving.view.timeline_writer import Timelines, TimelineWriter
from tests.support.changes import DAY_MS, HOUR_MS, level_changed, tier_changed
from tests.support.profiles import profile

PREFIX = "{changes}:"
CUSTOMERS = ["anna", "benno", "carla", "高橋"]
KEPT_DAYS = 3
ENTRIES = 4
EPOCH_DAYS = 20_000
"""Where histories begin, in days since 1970."""


class Happens(NamedTuple):
    """Something happens to a customer, or the last outputs are delivered once more."""

    what: str
    customer: str
    value: str
    later_hours: int


HISTORY = st.lists(
    st.builds(
        Happens,
        st.sampled_from(["move"] * 4 + ["level"] * 4 + ["again"] * 3 + ["erase"]),
        st.sampled_from(CUSTOMERS),
        st.sampled_from(["active", "at_risk", "dormant", "churned"]),
        st.sampled_from([-30, 0, 0, 1, 24, 48, 72, 100]),
    ),
    min_size=12,
    max_size=40,
)


TOPICS = ("moves", "profiles", "levels")


class Step(NamedTuple):
    """Something befalls the view; then records of a topic are read, after going back by some."""

    befalls: str
    topic: str
    records: int
    back: int
    repeats: bool


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(["nothing"] * 8 + ["loses all", "rebuild", "broken rebuild"]),
        st.sampled_from(TOPICS),
        st.integers(1, 5),
        st.sampled_from([0, 0, 0, 2, 10]),
        st.booleans(),
    ),
    min_size=6,
    max_size=16,
)


class Told(NamedTuple):
    """A record of a topic as it was meant; those delivered again are equal."""

    customer: str
    sequence: int
    at_ms: int
    value: tuple[str, ...]


class Topics:
    """What a history writes to each topic, as it is read and as it was meant."""

    def __init__(self, history: Sequence[Happens]) -> None:
        self.records: dict[str, list[Any]] = {"profiles": [], "moves": [], "levels": []}
        self.told: dict[str, list[Told]] = {"profiles": [], "moves": [], "levels": []}
        self._sequences: Counter[str] = Counter()
        self._tiers = dict.fromkeys(CUSTOMERS, "C")
        self._outputs: list[tuple[str, Told]] = []
        self._erased: set[str] = set()
        now_ms = EPOCH_DAYS * DAY_MS
        for customer in CUSTOMERS:
            self._write("profiles", Told(customer, 1, now_ms, ("profile",)))
        for happens in history:
            now_ms += happens.later_hours * HOUR_MS
            self._take(happens, now_ms)

    def _take(self, happens: Happens, now_ms: int) -> None:
        what, customer, value, _ = happens
        if what == "again":  # an owner died after its outputs and before its state
            for topic, told in self._outputs[-3:]:
                self._write(topic, told)
        elif customer in self._erased:
            pass
        elif what == "erase":
            self._erased.add(customer)
            self._write("profiles", Told(customer, 0, now_ms, ()))
        else:
            self._sequences[customer] += 1
            sequence = self._sequences[customer]
            told = Told(customer, sequence, now_ms, (value,))
            if what == "move":
                was, self._tiers[customer] = self._tiers[customer], value
                told = told._replace(value=(was, value, "order" if sequence % 2 else "window"))
            topic = f"{what}s"
            self._outputs.append((topic, told))
            self._write(topic, told)

    def _write(self, topic: str, told: Told) -> None:
        offset = len(self.records[topic])
        self.told[topic].append(told)
        self.records[topic].append(_read(topic, told, offset))


def _read(
    topic: str, told: Told, offset: int
) -> ProfileRecord | Noted[MoveRecord] | Noted[LevelRecord]:
    customer, sequence, at_ms, value = told
    key = customer.encode()
    if topic == "profiles":
        return read_profile(key, profile(customer) if value else None, offset, at_ms)
    if topic == "moves":
        was, tier, reason = value
        raw = tier_changed(
            customer, sequence, at_ms=at_ms, previous_tier=was, tier=tier, reason=reason
        )
        return with_entry(read_move)(key, raw, offset, at_ms)
    raw = level_changed(customer, sequence, at_ms=at_ms, level=value[0])
    return with_entry(read_level)(key, raw, offset, at_ms)


class Follower:
    """A projector without Kafka: it believes in places, and asks Redis when they are wrong."""

    def __init__(self, redis: Redis, topics: Topics) -> None:
        self._redis = redis
        self.view = RedisView(redis, PREFIX)
        self._topics = topics
        self.reached = dict.fromkeys(topics.records, 0)

    async def take(self, step: Step) -> None:
        if step.befalls == "loses all":
            await self._redis.flushdb()
        elif step.befalls != "nothing":
            await self._rebuild(breaks_off=step.befalls == "broken rebuild")
        generation = await self.view.open()
        start = max(0, self.reached[step.topic] - step.back)
        end = min(len(self._topics.records[step.topic]), start + step.records)
        try:
            await self._apply(generation, step.topic, start, end)
        except StaleWriter:
            await self._begin_anew(generation)
            await self._apply(generation, step.topic, 0, end)
        else:
            if step.repeats:  # the answer was lost, so the batch is sent once more
                await self._apply(generation, step.topic, start, end)
        self.reached[step.topic] = max(self.reached[step.topic], end)

    async def _begin_anew(self, generation: Generation) -> None:
        """Redis has nothing. What was read before comes again, profiles first."""
        for topic, reached in self.reached.items():
            await self._target(generation, topic).begin(0, 0, 1)
            await self._apply(generation, topic, 0, reached)

    async def _rebuild(self, *, breaks_off: bool) -> None:
        generation = await self.view.start_rebuild()
        assert generation is not None
        ends = {}
        for topic, reached in self.reached.items():
            await self._target(generation, topic).begin(0, 0, 1)
            await self._apply(generation, topic, 0, reached)
            ends[("positions" if topic == "profiles" else f"{topic}:positions", 0)] = reached
            if breaks_off and topic == "moves":
                await self.view.end_rebuild(generation)
                break
        else:
            await self.view.open()
            assert await self.view.switch(generation, ends, force=False)
        await self.view.sweep()

    async def _apply(self, generation: Generation, topic: str, start: int, end: int) -> None:
        records = self._topics.records[topic]
        if topic == "profiles":
            chunks: list[Chunk[Any]] = list(cut_profiles(0, start, end, records[start:end]))
        else:
            middle = (start + end) // 2
            parts = [(start, middle), (middle, end)]
            chunks = [Chunk(0, low, high, tuple(records[low:high])) for low, high in parts]
        await self._target(generation, topic).apply(chunks)

    def _target(self, generation: Generation, topic: str) -> ViewWriter[Any]:
        kept_ms = KEPT_DAYS * DAY_MS
        levels = LevelsWriter(self._redis, generation, kept_ms)
        timelines = Timelines(self._redis, generation, ENTRIES)
        if topic == "profiles":
            return ProfilesWriter(generation, levels, timelines)
        moves = MovesWriter(self._redis, generation, kept_ms)
        return TimelineWriter(levels if topic == "levels" else moves, timelines, levels)


def first_of_each(told: Sequence[Told]) -> list[Told]:
    """What a consumer with the sequence rule takes."""
    newest: dict[str, int] = {}
    taken = []
    for one in told:
        if one.sequence > newest.get(one.customer, 0):
            newest[one.customer] = one.sequence
            taken.append(one)
    return taken


def moves_by_day(told: Sequence[Told]) -> dict[date, Counter[Move]]:
    """The naive recomputation of the moves."""
    taken = first_of_each(told)
    if not taken:
        return {}
    oldest = day_of(max(one.at_ms for one in taken)) - timedelta(days=KEPT_DAYS - 1)
    days: dict[date, Counter[Move]] = {}
    for one in taken:
        if (day := day_of(one.at_ms)) >= oldest:
            days.setdefault(day, Counter())[Move(*one.value)] += 1
    return days


def levels_reached(told: Sequence[Told], erased: set[str]) -> dict[str, dict[str, int]]:
    """The naive recomputation of the levels."""
    taken = first_of_each(told)
    newest_ms = max((one.at_ms for one in told), default=0)
    last = {one.customer: one for one in taken if one.customer not in erased}
    reached: dict[str, dict[str, int]] = {level: {} for level in LEVELS}
    for customer, one in last.items():
        if one.at_ms > newest_ms - KEPT_DAYS * DAY_MS:
            reached[one.value[0]][customer] = one.at_ms
    return reached


async def check(url: str, history: list[Happens], steps: list[Step]) -> None:
    redis = connect_redis(Settings(redis_url=url))
    try:
        await redis.flushdb()
        topics = Topics(history)
        follower = Follower(redis, topics)
        for step in [*steps, *(Step("nothing", topic, 100, 0, False) for topic in TOPICS)]:
            await follower.take(step)
            await compare(redis, follower, topics)
    finally:
        await redis.flushdb()
        await redis.aclose()


async def compare(redis: Redis, follower: Follower, topics: Topics) -> None:
    generation = await follower.view.open()
    told = {name: topics.told[name][:reached] for name, reached in follower.reached.items()}
    await compare_moves(redis, generation, moves_by_day(told["moves"]))
    erased = {one.customer for one in told["profiles"] if not one.value}
    await assert_nothing_of(redis, erased)
    for customer in set(CUSTOMERS) - erased:
        outputs = [*told["moves"], *told["levels"]]
        sequences = sorted({one.sequence for one in outputs if one.customer == customer})
        found: Any = await redis.lrange(generation.keys.timeline(customer), 0, -1)
        assert [int(entry.split()[0]) for entry in found] == sequences[-ENTRIES:]
    for level, expected in levels_reached(told["levels"], erased).items():
        key = levels_keys(generation.keys).reached(level)
        entries: Any = await redis.zrange(key, 0, -1, withscores=True)
        assert {name.decode(): int(at) for name, at in entries} == expected, level


async def compare_moves(
    redis: Redis, generation: Generation, expected: dict[date, Counter[Move]]
) -> None:
    kept: Any = await redis.zrange(moves_keys(generation.keys).days, 0, -1)
    assert {day.decode() for day in kept} == {day.isoformat() for day in expected}
    keys = [key async for key in redis.scan_iter(match=f"{generation.keys.base}moves:day:*")]
    assert len(keys) == len(expected)
    reader = ChangesReader(redis, PREFIX, KEPT_DAYS * DAY_MS)
    for day, counts in expected.items():
        migration = await reader.migration(day, day)
        assert dict(migration.counts) == counts
        assert migration.is_complete
    if expected:
        migration = await reader.migration(min(expected), max(expected))
        assert dict(migration.counts) == sum(expected.values(), Counter())


async def assert_nothing_of(redis: Redis, erased: set[str]) -> None:
    """No key and no value has the id of an erased customer."""
    keys = [key async for key in redis.scan_iter(count=1_000)]
    async with redis.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.dump(key)
        dumped = await pipeline.execute()
    for customer in erased:
        name = customer.encode()
        assert not [key for key, dump in zip(keys, dumped, strict=True) if name in key + dump]


@settings(max_examples=60)
@given(history=HISTORY, steps=STEPS)
@pytest.mark.slow
def test_ledgers_equal_a_naive_recomputation(
    own_redis: str, history: list[Happens], steps: list[Step]
) -> None:
    asyncio.run(check(own_redis, history, steps))
