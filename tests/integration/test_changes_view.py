"""Changes in Redis, against a real Redis and a real broker."""

from __future__ import annotations

import asyncio
from datetime import date
from functools import partial

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.asyncio import Redis

from config.settings import Settings
from devtools.servers import Broker, RedisServer, start_redis
from handlers.outputs import CUSTOMER_PROFILES, DORMANCY_ALERTS, TIER_CHANGES
from serving.projector.rebuild import rebuild_view
from serving.projector.run import run_projector
from serving.projector.sources import MovesSource
from serving.view.change_records import MoveRecord, read_level, read_move
from serving.view.changes_reader import ChangesReader, Move
from serving.view.changes_writer import LevelsWriter
from serving.view.chunks import Chunk
from serving.view.cursor import BadCursor
from serving.view.keys import levels_keys
from serving.view.redis import ViewError
from serving.view.timeline_records import Told, told
from streams.kafka.topics import topic_name
from tests.harness.view import (
    create_topic,
    eventually,
    in_another_group,
    keys_of,
    projecting,
    publish,
    redis_of,
    settings_for,
    view_of,
)
from tests.support.changes import DAY_MS, HOUR_MS, level_changed, tier_changed
from tests.support.profiles import profile

KEPT_MS = 400 * DAY_MS
DAY = date(2026, 1, 31)
DAY_START_MS = 1_769_817_600_000
"""The first instant of that day."""


@pytest.fixture
async def settings(broker: Broker, redis_server: RedisServer, topic_prefix: str) -> Settings:
    settings = settings_for(broker, redis_server.url, topic_prefix)
    await create_topic(settings)
    return settings


@pytest.fixture
def reader(redis: Redis, settings: Settings) -> ChangesReader:
    return changes_of(redis, settings)


def changes_of(redis: Redis, settings: Settings) -> ChangesReader:
    return ChangesReader(redis, settings.redis_key_prefix, settings.changes_kept.ms)


def up(customer: str, sequence: int, at_ms: int = DAY_START_MS) -> tuple[str, bytes]:
    return customer, tier_changed(customer, sequence, at_ms=at_ms)


def dormant(customer: str, sequence: int, at_ms: int = DAY_START_MS) -> tuple[str, bytes]:
    return customer, level_changed(customer, sequence, at_ms=at_ms)


def silent(customer: str, level: str = "dormant") -> tuple[str, bytes]:
    return customer, profile(customer, level=level)


async def moves(reader: ChangesReader) -> int:
    """How many moves from C to B there were on the day."""
    return sum(count for _, count in (await reader.migration(DAY, DAY)).counts)


async def dormant_ids(reader: ChangesReader) -> list[str]:
    page = await reader.reached("dormant", 0, 2**42)
    assert page.cursor is None
    return [one.customer_id for one in page.customers]


async def test_moves_are_counted_by_day_tiers_and_reason(
    settings: Settings, reader: ChangesReader
) -> None:
    records = [
        up("ana", 1),
        up("ben", 1, DAY_START_MS + DAY_MS - 1),
        up("cai", 1, DAY_START_MS + DAY_MS),
        (
            "ana",
            tier_changed(
                "ana",
                2,
                at_ms=DAY_START_MS,
                previous_tier="B",
                tier="A",
                after={"monetary": "1234567890123.45"},
            ),
        ),
        (
            "ben",
            tier_changed(
                "ben", 4, at_ms=DAY_START_MS, previous_tier="B", tier="C", reason="refund"
            ),
        ),
        ("ana", b"no change at all"),
        *[up("ana", 1)] * 3,  # delivered again, late
    ]
    async with projecting(settings) as projector:
        await publish(settings, records, TIER_CHANGES)

        async def all_there() -> bool:
            migration = await reader.migration(DAY, date(2026, 2, 1))
            return sum(count for _, count in migration.counts) == 5

        await eventually(all_there)
        migration = await reader.migration(DAY, DAY)
        assert migration.counts == (
            (Move("B", "A", "order"), 1),
            (Move("B", "C", "refund"), 1),
            (Move("C", "B", "order"), 2),
        )
        assert migration.matrix() == {"B": {"A": 1, "C": 1}, "C": {"B": 2}}
        assert migration.is_complete
        assert migration.spend_of(Move("B", "A", "order"), DAY) == "1234567890123.45"
        assert migration.spend_of(Move("C", "B", "order")) == "0.00"
        assert (await reader.migration(date(2025, 1, 1), date(2025, 12, 31))).counts == ()
        topic = f"{settings.topic_prefix}{TIER_CHANGES}"

        async def is_told() -> bool:
            skipped = projector.value("view_changes_records_total", topic=topic, outcome="skipped")
            return skipped == 3

        await eventually(is_told)
        for outcome, count in {"applied": 5, "unreadable": 1}.items():
            assert count == projector.value(
                "view_changes_records_total", topic=topic, outcome=outcome
            )


async def test_customers_are_found_by_when_they_reached_their_level(
    settings: Settings, reader: ChangesReader
) -> None:
    names = [f"c{number:03}" for number in range(120)]
    await publish(settings, [silent(name) for name in names])
    # Many reach it at the same instant, as customers do whose orders have dates only.
    records = [dormant(name, 1, DAY_START_MS + index // 50) for index, name in enumerate(names)]
    await publish(settings, records, DORMANCY_ALERTS)
    async with projecting(settings):

        async def all_there() -> bool:
            page = await reader.reached("dormant", 0, 2**42, limit=500)
            return len(page.customers) == len(names)

        await eventually(all_there)
        found, cursor = [], None
        while True:
            page = await reader.reached(
                "dormant", DAY_START_MS, DAY_START_MS + 2, cursor=cursor, limit=7
            )
            found += [(one.at_ms, one.customer_id) for one in page.customers]
            if (cursor := page.cursor) is None:
                break
            # Who was found last may be gone when the next page is asked for.
            last = found[-1][1]
            await publish(settings, [(last, None)])
            await eventually(partial(is_gone, reader, last))
        expected = [(DAY_START_MS + index // 50, name) for index, name in enumerate(names[:100])]
        assert found == sorted(expected, reverse=True)


async def is_gone(reader: ChangesReader, customer: str) -> bool:
    page = await reader.reached("dormant", 0, 2**42, limit=500)
    return customer not in [one.customer_id for one in page.customers]


async def test_who_left_a_level_is_not_found_there(
    settings: Settings, reader: ChangesReader
) -> None:
    async with projecting(settings):
        await publish(settings, [silent("ana"), silent("ben"), silent("cai", "active")])
        await publish(
            settings,
            [dormant("ana", 1), dormant("ben", 1, DAY_START_MS + 5), dormant("cai", 1)],
            DORMANCY_ALERTS,
        )

        async def both_are() -> bool:
            # The profile says of cai that an order ended it, which no alert tells.
            return await dormant_ids(reader) == ["ben", "ana"]

        await eventually(both_are)
        back = level_changed(
            "ana", 2, at_ms=DAY_START_MS + 9, level="active", kind="customer.reactivated"
        )
        await publish(settings, [("ana", back)], DORMANCY_ALERTS)

        async def one_is() -> bool:
            return await dormant_ids(reader) == ["ben"]

        await eventually(one_is)
        assert (await reader.reached("active", 0, 2**42)).customers == ()
        await publish(settings, [silent("ana", "active")])

        async def is_back() -> bool:
            page = await reader.reached("active", DAY_START_MS + 9, DAY_START_MS + 10)
            return [one.customer_id for one in page.customers] == ["ana"]

        await eventually(is_back)


async def test_erased_customer_vanishes_and_no_record_brings_it_back(
    settings: Settings, redis: Redis, reader: ChangesReader
) -> None:
    async def only_ben() -> bool:
        return await dormant_ids(reader) == ["ben"] and await moves(reader) == 2

    await publish(settings, [silent("erased-one"), silent("ben")])
    await publish(settings, [up("erased-one", 1), up("ben", 1)], TIER_CHANGES)
    await publish(settings, [dormant("erased-one", 2), dormant("ben", 2)], DORMANCY_ALERTS)
    async with projecting(settings):

        async def both() -> bool:
            return await dormant_ids(reader) == ["erased-one", "ben"]

        await eventually(both)
        await publish(settings, [("erased-one", None)])
        await eventually(only_ben)
        # A former owner's write comes late, and one that was never seen.
        await publish(
            settings, [dormant("erased-one", 2), dormant("erased-one", 9)], DORMANCY_ALERTS
        )
        await publish(settings, [silent("zoe")])
        await publish(settings, [dormant("zoe", 1, DAY_START_MS - 1)], DORMANCY_ALERTS)

        async def zoe_too() -> bool:
            return await dormant_ids(reader) == ["ben", "zoe"]

        await eventually(zoe_too)
        await rebuild_view(settings)
        assert await dormant_ids(reader) == ["ben", "zoe"]
        assert await moves(reader) == 2
    keys = await keys_of(redis, settings)
    dumped = {key: await redis.dump(key) for key in keys}
    assert not [
        key for key, dump in dumped.items() if b"erased-one" in key.encode() + (dump or b"")
    ]


async def test_erasure_that_kafka_has_forgotten_is_still_known_by_the_missing_profile(
    settings: Settings, redis: Redis
) -> None:
    generation = await view_of(redis, settings).open()
    levels = LevelsWriter(redis, generation, KEPT_MS)
    now_ms = 2_000_000_000_000
    await redis.hset(generation.keys.customer("known"), "timestamp_ms", now_ms)
    await levels.begin(0, 0, now_ms)
    assert not await levels.may_begin([0])
    await levels.note_profiles_complete([0], now_ms)
    assert await levels.may_begin([0])
    stream = [
        ("known", now_ms - 30 * HOUR_MS),
        ("erased", now_ms - 30 * HOUR_MS),
        ("new", now_ms - HOUR_MS),
    ]
    records = tuple(
        read_level(name.encode(), level_changed(name, 1, at_ms=now_ms), offset, written_ms)
        for offset, (name, written_ms) in enumerate(stream)
    )
    await levels.apply([Chunk(0, 0, 3, records)])
    key = levels_keys(generation.keys).reached("dormant")
    assert set(await redis.zrange(key, 0, -1)) == {b"known", b"new"}


async def test_who_returns_after_an_erasure_by_retention_is_listed_again(
    settings: Settings, redis: Redis
) -> None:
    generation = await view_of(redis, settings).open()
    levels = LevelsWriter(redis, generation, KEPT_MS)
    now_ms = 2_000_000_000_000
    await levels.begin(0, 0, now_ms)
    await levels.forget({b"ana": now_ms})

    async def listed_after(offset: int) -> object:
        record = read_level(b"ana", level_changed("ana", offset + 5, at_ms=now_ms), offset, now_ms)
        await levels.apply([Chunk(0, offset, offset + 1, (record,))])
        return await redis.zrange(levels_keys(generation.keys).reached("dormant"), 0, -1)

    profile = generation.keys.customer("ana")
    assert await listed_after(0) == []
    await redis.hset(profile, "timestamp_ms", now_ms - 1)  # about to be removed
    assert await listed_after(1) == []
    await redis.hset(profile, "timestamp_ms", now_ms + 1)
    assert await listed_after(2) == [b"ana"]


@pytest.mark.slow
async def test_counts_stay_exact_over_crashes_and_a_rebuild_while_being_read(
    settings: Settings, redis: Redis, reader: ChangesReader
) -> None:
    customers = [f"c{number}" for number in range(700)]
    await publish(settings, [up(name, 1) for name in customers], TIER_CHANGES)
    async with projecting(settings) as projector:

        async def some_are_there() -> bool:
            return await moves(reader) > 0

        await eventually(some_are_there)
        projector.task.cancel()  # dies with a batch written and not committed, or not even written
        await asyncio.gather(projector.task, return_exceptions=True)
        projector.stop.set()
        projector.task = asyncio.create_task(asyncio.sleep(0))
    async with projecting(in_another_group(settings)):
        # What an owner delivers again after its death, in the middle of what is new.
        again = [up(name, 1) for name in customers[-300:]]
        more = [up(name, 2) for name in customers]
        await publish(settings, [*again, *more, *again], TIER_CHANGES)

        async def all_are_there() -> bool:
            return await moves(reader) == 1_400

        await eventually(all_are_there)
        counts: set[int] = set()
        done = asyncio.Event()

        async def read_all_the_time() -> None:
            while not done.is_set():
                counts.add(await moves(changes_of(redis, settings)))

        reading = asyncio.create_task(read_all_the_time())
        report = await rebuild_view(settings)
        await publish(settings, [up("zoe", 1)], TIER_CHANGES)

        async def goes_on() -> bool:
            return await moves(reader) == 1_401

        await eventually(goes_on)
        done.set()
        await reading
        assert counts <= {1_400, 1_401}
        assert report.changes == 1_400


async def test_redis_that_is_killed_or_comes_back_empty_has_exact_counts(
    embedded_broker: Broker, topic_prefix: str
) -> None:
    with start_redis(own=True, durable=True) as server:
        settings = settings_for(embedded_broker, server.url, topic_prefix)
        await create_topic(settings)
        async with redis_of(settings) as redis, projecting(settings) as projector:
            reader = changes_of(redis, settings)
            for sequence, loses_all in ((1, False), (2, True), (3, False)):
                if loses_all:
                    await redis.flushdb()
                else:
                    server.kill()
                records = [up(f"c{number}", sequence) for number in range(100)]
                await publish(settings, records, TIER_CHANGES)
                if not loses_all:
                    server.start()
                    await redis.connection_pool.disconnect()

                async def is_exact(expected: int = 100 * sequence) -> bool:
                    return await moves(reader) == expected

                await eventually(is_exact)
            topic = f"{settings.topic_prefix}{TIER_CHANGES}"

            async def is_current() -> bool:
                delay = projector.metrics.registry.get_sample_value(
                    "tierstream_view_changes_delay_seconds", {"topic": topic}
                )
                return delay == 0 and all(projector.health.ready().values())

            await eventually(is_current)
            assert projector.value("view_changes_rewinds_total", topic=topic) >= 1


async def test_records_that_are_gone_from_the_topic_are_told(
    settings: Settings, redis: Redis, reader: ChangesReader
) -> None:
    generation = await view_of(redis, settings).open()
    moved = MovesSource(settings, redis).writer(generation)
    await moved.begin(0, 7, DAY_START_MS + 9 * DAY_MS)
    assert (await reader.migration(DAY, DAY)).complete_from == date(2026, 2, 10)

    def record(sequence: int, offset: int, at_ms: int) -> Chunk[Told[MoveRecord]]:
        value = tier_changed("ana", sequence, at_ms=at_ms)
        return Chunk(0, offset, offset + 1, (told(read_move)(b"ana", value, offset, at_ms),))

    await moved.apply([record(1, 7, DAY_START_MS)])
    assert (await reader.migration(DAY, DAY)).complete_from == date(2026, 2, 1)
    assert not (await reader.migration(DAY, DAY)).is_complete
    assert (await reader.migration(date(2026, 2, 1), date(2026, 2, 2))).is_complete
    await moved.apply([record(2, 8, DAY_START_MS + 500 * DAY_MS)])
    assert (await reader.migration(DAY, DAY)).counts == (), "it is too old to be kept"
    later = await reader.migration(date(2027, 6, 15), date(2027, 6, 15))
    assert (later.counts[0][1], later.is_complete) == (1, True)


async def test_levels_wait_until_the_profiles_are_whole(
    settings: Settings, redis: Redis, reader: ChangesReader
) -> None:
    await publish(settings, [silent("ana")])
    await publish(settings, [dormant("ana", 1)], DORMANCY_ALERTS)
    async with projecting(settings):

        async def is_there() -> bool:
            return await dormant_ids(reader) == ["ana"]

        await eventually(is_there)
    generation = await view_of(redis, settings).open()
    known = await redis.hmget(levels_keys(generation.keys).positions, ["known:0", "known:1"])
    assert None not in known


async def test_missing_topic_of_changes_is_said_in_one_sentence(
    settings: Settings, topic_prefix: str
) -> None:
    other = settings.model_copy(update={"topic_prefix": f"{topic_prefix}other."})
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic_name(other, CUSTOMER_PROFILES), 2, 1)])
    finally:
        await admin.close()
    with pytest.raises(ViewError, match=f"has no topic {other.topic_prefix}tier-changes"):
        await asyncio.wait_for(run_projector(other), 30)


@pytest.mark.parametrize("limit", [0, -1, 501])
async def test_a_page_has_a_limit(reader: ChangesReader, limit: int) -> None:
    with pytest.raises(ValueError, match="a page has 1 to 500 customers"):
        await reader.reached("dormant", 0, 1, limit=limit)


async def test_what_cannot_be_asked_is_refused(reader: ChangesReader) -> None:
    with pytest.raises(ValueError, match="asleep is none of active, at_risk, dormant, churned"):
        await reader.reached("asleep", 0, 1)
    with pytest.raises(BadCursor):
        await reader.reached("dormant", 0, 1, cursor="zzz")
    for first, last in ((date(2026, 1, 2), date(2026, 1, 1)), (date(2000, 1, 1), date(2026, 1, 1))):
        with pytest.raises(ValueError, match="a period has 1 to 3660 days"):
            await reader.migration(first, last)


async def test_before_there_is_a_view_there_is_nothing(reader: ChangesReader) -> None:
    assert (await reader.migration(DAY, DAY)).counts == ()
    assert (await reader.reached("dormant", 0, 2**42)).customers == ()


async def test_old_entries_go_some_at_a_time(settings: Settings, redis: Redis) -> None:
    generation = await view_of(redis, settings).open()
    levels = LevelsWriter(redis, generation, KEPT_MS)
    await levels.begin(0, 0, 1)
    key = levels_keys(generation.keys).reached("churned")
    await redis.zadd(key, {f"c{number}": number for number in range(1_200)})
    await redis.hset(levels_keys(generation.keys).positions, "newest", KEPT_MS + 2_000)
    left = []
    for _ in range(4):
        await levels.apply([Chunk(0, 0, 0, ())])
        left.append(await redis.zcard(key))
    assert left == [700, 200, 0, 0]
