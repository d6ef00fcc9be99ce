"""The view in Redis, against a real Redis and a real broker."""

from __future__ import annotations

import asyncio
import json

import pytest
from redis.asyncio import Redis

from config.settings import Settings
from devtools.servers import Broker, RedisServer, start_redis
from handlers.outputs import CUSTOMER_PROFILES
from serving.projector.rebuild import RebuildProgress, rebuild_view
from serving.projector.run import run_projector
from serving.view.reader import ViewReader
from serving.view.redis import ViewError
from streams.kafka.topics import topic_name
from tests.harness.view import (
    create_topic,
    eventually,
    in_another_group,
    keys_of,
    projecting,
    publish,
    reader_of,
    redis_of,
    settings_for,
    view_of,
)
from tests.support.profiles import profile


@pytest.fixture
async def settings(broker: Broker, redis_server: RedisServer, topic_prefix: str) -> Settings:
    settings = settings_for(broker, redis_server.url, topic_prefix)
    await create_topic(settings)
    return settings


@pytest.fixture
def reader(redis: Redis, settings: Settings) -> ViewReader:
    return reader_of(redis, settings)


async def has_tier(reader: ViewReader, customer_id: str, tier: str | None) -> bool:
    fields = await reader.customer(customer_id)
    return (fields["tier"] if fields else None) == tier


@pytest.mark.always
async def test_profile_becomes_a_hash_and_a_member_of_its_sets(
    settings: Settings, reader: ViewReader
) -> None:
    tags = [{"tag": "vip", "since": "2026-01-02T00:00:00.000Z"}]
    told = profile("ana", tier="B", stage="loyal", tags=tags)
    await publish(settings, [("ana", told)])
    async with projecting(settings) as projector:
        await eventually(lambda: has_tier(reader, "ana", "B"))
        fields = await reader.customer("ana")
        assert fields is not None
        assert fields["monetary"] == "12.50"
        assert fields["frequency"] == "1"
        assert fields["marketing_consent"] == "true"
        assert fields["tag:vip"] == "2026-01-02T00:00:00.000Z"
        assert "last_interaction_at" not in fields
        assert "attributes" not in fields
        assert await reader.profile("ana") == json.dumps(json.loads(told)["data"]).encode()
        assert await reader.profiles(["ben", "ana"]) == [None, await reader.profile("ana")]
        assert await reader.sample("tier", "B", 10) == ["ana"]
        assert await reader.sample("level", "active", 10) == ["ana"]
        assert await reader.sample("tag", "vip", 10) == ["ana"]
        assert await reader.sample("stage", "loyal", 10) == ["ana"]
        assert await reader.sample("segment", "New Customers", 10) == ["ana"]
        await projector.counts(1, "view_records_total", outcome="applied")


async def test_changes_move_customers_between_sets(settings: Settings, reader: ViewReader) -> None:
    async with projecting(settings):
        await publish(settings, [("ana", profile("ana", tier="B"))])
        await eventually(lambda: has_tier(reader, "ana", "B"))
        prospect = profile("ana", tier="prospect", stage="prospect", segment=None, score=None)
        await publish(settings, [("ana", prospect)])
        await eventually(lambda: has_tier(reader, "ana", "prospect"))
    assert await reader.count("tier", "B") == 0
    assert await reader.count("tier", "prospect") == 1
    assert await reader.count("stage", "new") == 0
    assert await reader.count("segment", "New Customers") == 0
    fields = await reader.customer("ana")
    assert fields is not None
    assert "score" not in fields


@pytest.mark.always
async def test_erased_customer_disappears_everywhere(
    settings: Settings, redis: Redis, reader: ViewReader
) -> None:
    async with projecting(settings) as projector:
        await publish(settings, [("ana", profile("ana")), ("ben", profile("ben"))])
        await eventually(lambda: has_tier(reader, "ana", "C"))
        await publish(settings, [("ana", None)])
        await eventually(lambda: has_tier(reader, "ana", None))
        await projector.counts(1, "view_records_total", outcome="removed")
    assert await reader.sample("tier", "C", 10) == ["ben"]
    assert not [key for key in await keys_of(redis, settings) if "ana" in key]


async def test_reading_the_topic_again_changes_nothing(
    settings: Settings, redis: Redis, reader: ViewReader
) -> None:
    records = [("ana", profile("ana")), ("ben", profile("ben")), ("ana", None)]
    await publish(settings, records)
    async with projecting(settings):
        await eventually(lambda: has_tier(reader, "ben", "C"))
        await eventually(lambda: has_tier(reader, "ana", None))
    before = {key: await redis.dump(key) for key in sorted(await keys_of(redis, settings))}
    # What stands in Redis says where to begin, not what a group has committed.
    async with projecting(in_another_group(settings)) as projector:
        await publish(settings, [("cai", profile("cai"))])
        await eventually(lambda: has_tier(reader, "cai", "C"))
        await projector.counts(1, "view_records_total", outcome="applied")
    of_one = {key: was for key, was in before.items() if ":customer:" in key or ":profile:" in key}
    assert len(of_one) == 2
    for key, dumped in of_one.items():
        assert await redis.dump(key) == dumped, key
    assert (await reader.distributions())["tier"] == {"C": 2}


async def test_record_that_is_no_profile_is_counted_and_passed_over(
    settings: Settings, reader: ViewReader
) -> None:
    async with projecting(settings) as projector:
        await publish(
            settings, [("ana", b"{"), ("ana", profile("somebody else")), ("ana", profile("ana"))]
        )
        await eventually(lambda: has_tier(reader, "ana", "C"))
        await projector.counts(2, "view_records_total", outcome="unreadable")


@pytest.mark.slow
async def test_two_projectors_share_the_partitions(settings: Settings, reader: ViewReader) -> None:
    async with projecting(settings) as first:
        await publish(settings, [(f"a{n}", profile(f"a{n}")) for n in range(100)])
        async with projecting(settings) as second:
            await first.ready()
            await publish(settings, [(f"b{n}", profile(f"b{n}")) for n in range(100)])

            async def all_there() -> bool:
                return await reader.count("tier", "C") == 200

            await eventually(all_there)
            assert first.value("view_records_total", outcome="applied") < 200
            assert second.value("view_records_total", outcome="applied") > 0
        await first.ready()
        await publish(settings, [(f"c{n}", profile(f"c{n}")) for n in range(100)])

        async def all_there_again() -> bool:
            return await reader.count("tier", "C") == 300

        await eventually(all_there_again)


async def test_killed_redis_delays_the_view_and_nothing_else(
    embedded_broker: Broker, topic_prefix: str
) -> None:
    with start_redis(own=True, durable=True) as server:
        settings = settings_for(embedded_broker, server.url, topic_prefix)
        await create_topic(settings)
        async with redis_of(settings) as redis, projecting(settings) as projector:
            reader = reader_of(redis, settings)
            await publish(settings, [("ana", profile("ana", tier="A"))])
            await eventually(lambda: has_tier(reader, "ana", "A"))
            server.kill()
            await publish(settings, [("ana", profile("ana", tier="B")), ("ben", profile("ben"))])

            async def is_noticed() -> bool:
                late = projector.value("view_delay_seconds") > 1
                return late and projector.health.ready() == {"assigned": True, "redis": False}

            await eventually(is_noticed)
            assert all(projector.health.alive().values())
            server.start()
            await redis.connection_pool.disconnect()
            await eventually(lambda: has_tier(reader, "ana", "B"))
            await eventually(lambda: has_tier(reader, "ben", "C"))
            assert await reader.count("tier", "A") == 0
            assert projector.value("view_redis_retries_total") > 0
            assert projector.value("view_rewinds_total") == 0

            async def is_current() -> bool:
                return projector.value("view_delay_seconds") == 0

            await eventually(is_current)


@pytest.mark.slow
async def test_redis_that_comes_back_empty_is_filled_again_without_a_new_record(
    embedded_broker: Broker, topic_prefix: str
) -> None:
    with start_redis(own=True) as server:
        settings = settings_for(embedded_broker, server.url, topic_prefix)
        await create_topic(settings)
        await publish(settings, [(f"c{n}", profile(f"c{n}")) for n in range(50)])
        async with redis_of(settings) as redis, projecting(settings) as projector:
            reader = reader_of(redis, settings)

            async def all_there() -> bool:
                return await reader.count("tier", "C") == 50

            await eventually(all_there)
            server.kill()
            server.start()
            await redis.connection_pool.disconnect()
            assert await reader.count("tier", "C") == 0
            await eventually(all_there)
            assert projector.value("view_rewinds_total") >= 1


async def test_stopping_does_not_wait_for_a_redis_that_is_away(
    embedded_broker: Broker, topic_prefix: str
) -> None:
    with start_redis(own=True) as server:
        settings = settings_for(embedded_broker, server.url, topic_prefix)
        await create_topic(settings)
        async with projecting(settings) as projector:
            server.kill()
            await publish(settings, [("ana", profile("ana"))])

            async def is_noticed() -> bool:
                return not projector.health.ready()["redis"]

            await eventually(is_noticed)
            await asyncio.wait_for(projector.end(), 10)


async def test_lag_is_measured_against_the_end_of_the_topic(
    settings: Settings, reader: ViewReader
) -> None:
    topic = topic_name(settings, CUSTOMER_PROFILES)
    async with projecting(settings) as projector:
        await publish(settings, [(f"c{n}", profile(f"c{n}")) for n in range(20)])

        async def is_measured() -> bool:
            samples = [
                projector.metrics.registry.get_sample_value(
                    "tierstream_consumer_lag", {"topic": topic, "partition": str(number)}
                )
                for number in range(settings.partitions)
            ]
            return samples == [0.0, 0.0] and await reader.count("tier", "C") == 20

        await eventually(is_measured)


async def test_wrong_password_is_said_in_one_sentence(
    embedded_broker: Broker, topic_prefix: str
) -> None:
    with start_redis(password="right") as server:
        url = server.url.replace("right", "wr0ng")
        settings = settings_for(embedded_broker, url, topic_prefix, allow_insecure_credentials=True)
        for work in (run_projector(settings), rebuild_view(settings)):
            with pytest.raises(ViewError, match="refuses the user or the password") as caught:
                await asyncio.wait_for(work, 10)
            assert "wr0ng" not in str(caught.value)


async def test_redis_that_never_answers_is_said_after_the_startup_timeout(
    embedded_broker: Broker, topic_prefix: str
) -> None:
    with start_redis(own=True) as server:
        server.kill()
        settings = settings_for(embedded_broker, server.url, topic_prefix, startup_timeout="1s")
        with pytest.raises(ViewError, match=r"Redis at 127.0.0.1:\d+ does not answer"):
            await asyncio.wait_for(run_projector(settings), 20)


async def test_missing_topic_is_said_in_one_sentence(
    embedded_broker: Broker, redis_server: RedisServer, topic_prefix: str
) -> None:
    settings = settings_for(embedded_broker, redis_server.url, topic_prefix, startup_timeout="1s")
    with pytest.raises(ViewError, match=f"has no topic {topic_prefix}customer-profiles"):
        await asyncio.wait_for(run_projector(settings), 20)


async def test_view_that_is_ahead_of_a_new_topic_asks_for_a_rebuild(
    settings: Settings, redis: Redis, reader: ViewReader
) -> None:
    generation = await view_of(redis, settings).open()
    await generation.begin(0, 1_000, 2**41)
    await generation.begin(1, 1_000, 2**41)
    with pytest.raises(ViewError, match=r"the view is ahead of .* run `tierstream rebuild-view`"):
        await asyncio.wait_for(run_projector(settings), 60)
    await publish(settings, [("ana", profile("ana"))])
    await rebuild_view(settings)
    assert await has_tier(reader, "ana", "C")


async def test_view_that_may_have_missed_an_erasure_is_built_anew(
    settings: Settings, redis: Redis, reader: ViewReader
) -> None:
    await publish(settings, [("ana", profile("ana"))])
    async with projecting(settings):
        await eventually(lambda: has_tier(reader, "ana", "C"))
    # The erasure came and was compacted away while nobody looked: nothing in the topic tells.
    generation = await view_of(redis, settings).open()
    await redis.hset(generation.keys.customer("erased"), "tier", "C")
    await redis.hset(generation.keys.positions, "current:0", 1)
    async with projecting(in_another_group(settings)):
        await eventually(lambda: has_tier(reader, "ana", "C"))
        assert await has_tier(reader, "erased", None)
    assert await redis.get(view_of(redis, settings).keys.current) == b"2"
    assert not [key for key in await keys_of(redis, settings) if ":1:" in key]


async def test_view_that_another_version_made_is_built_anew(
    settings: Settings, redis: Redis, reader: ViewReader
) -> None:
    await publish(settings, [("ana", profile("ana"))])
    async with projecting(settings):
        await eventually(lambda: has_tier(reader, "ana", "C"))
    generation = await view_of(redis, settings).open()
    assert not await generation.has_another_form()
    await redis.hdel(generation.keys.positions, "form")
    await redis.delete(generation.keys.profile("ana"))
    assert await generation.has_another_form()
    async with projecting(in_another_group(settings)):
        await eventually(lambda: has_tier(reader, "ana", "C"))
        assert await reader.profile("ana") is not None
    assert await redis.get(view_of(redis, settings).keys.current) == b"2"


@pytest.mark.always
@pytest.mark.slow
async def test_rebuild_is_never_seen_half_done(
    settings: Settings, redis: Redis, reader: ViewReader
) -> None:
    customers = [f"c{n}" for n in range(3_000)]
    await publish(settings, [(name, profile(name, sequence=1)) for name in customers])
    seen: set[bytes | None] = set()
    done = asyncio.Event()

    async def read_all_the_time() -> int:
        reads = 0
        own = reader_of(redis, settings)
        while not done.is_set():
            for name in customers[reads % 50 :: 50]:
                fields = await own.customer(name)
                assert fields is not None, name
                assert fields["customer_id"] == name
            assert await own.count("tier", "C") == len(customers)
            seen.add(own._view.number)
            reads += 1
        return reads

    async def all_there() -> bool:
        return await reader.count("tier", "C") == len(customers)

    async with projecting(settings) as projector:
        await eventually(all_there)
        reading = asyncio.create_task(read_all_the_time())
        steps: list[RebuildProgress] = []
        report = await rebuild_view(settings, steps.append)
        await publish(settings, [("c7", profile("c7", score=99))])

        async def goes_on() -> bool:
            fields = await reader.customer("c7")
            return fields is not None and fields["score"] == "99"

        await eventually(goes_on)
        done.set()
        assert await reading > 0
        assert projector.value("view_rewinds_total") == 1
    assert seen == {b"1", b"2"}
    assert report.generation == "2"
    assert report.profiles == len(customers)
    assert steps[0].done == 0
    assert steps[-1].done == steps[-1].total == len(customers)
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert not [
        key for key in await keys_of(redis, settings) if f"{settings.redis_key_prefix}1:" in key
    ]


async def test_rebuild_that_fails_leaves_the_old_view_and_nothing_else(
    settings: Settings, redis: Redis, reader: ViewReader
) -> None:
    await publish(settings, [("ana", profile("ana"))])
    await rebuild_view(settings)
    before = await keys_of(redis, settings)

    def break_off(_progress: RebuildProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await rebuild_view(settings, break_off)
    assert await has_tier(reader, "ana", "C")
    assert await keys_of(redis, settings) == before


async def test_what_a_killed_rebuild_left_is_cleared_by_the_projector(
    settings: Settings, redis: Redis
) -> None:
    view = view_of(redis, settings)
    await view.open()
    abandoned = await view.start_rebuild()
    assert abandoned is not None
    await redis.hset(abandoned.keys.customer("ana"), "tier", "C")
    await redis.delete(view.keys.rebuilding)  # its right has lapsed

    async def is_gone() -> bool:
        return not await redis.exists(abandoned.keys.customer("ana"))

    async with projecting(settings):
        await eventually(is_gone)


async def test_second_rebuild_at_the_same_time_is_refused(settings: Settings, redis: Redis) -> None:
    await view_of(redis, settings).start_rebuild()
    with pytest.raises(ViewError, match="a rebuild is under way already"):
        await rebuild_view(settings)


async def test_rebuild_that_lost_its_right_stops(settings: Settings, redis: Redis) -> None:
    await publish(settings, [("ana", profile("ana"))])
    rebuilding = view_of(redis, settings).keys.rebuilding
    loop = asyncio.get_running_loop()
    stolen: list[asyncio.Task[None]] = []

    async def take() -> None:
        await redis.delete(rebuilding)

    def steal(_progress: RebuildProgress) -> None:
        stolen.append(loop.create_task(take()))

    with pytest.raises(ViewError, match="lost its place in Redis"):
        await rebuild_view(settings, steal)
    assert stolen
