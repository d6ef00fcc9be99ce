"""Timelines of customers: written by the projector from four topics, read over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from cli.erase.redis_check import check_view
from config.settings import Settings
from devtools.servers import Broker, RedisServer
from handlers.outputs import CARE_REMINDERS, DORMANCY_ALERTS, PROFILE_CHANGES, TIER_CHANGES
from serving.projector.rebuild import rebuild_view
from serving.view.timeline_reader import TimelineReader
from tests.harness.api import Api, TokenBook, View, serving
from tests.harness.view import (
    create_topic,
    eventually,
    keys_of,
    projecting,
    publish,
    settings_for,
    view_of,
)
from tests.support.changes import level_changed, output, tier_changed
from tests.support.profiles import profile

pytestmark = pytest.mark.always

PATH = "/v1/customers/ana/timeline"


def points(sequence: int, customer: str = "ana") -> tuple[str, bytes]:
    return customer, output("points.changed", customer, sequence, delta=5, balance=sequence * 5)


async def sequences(api: Api, path: str = PATH, **parameters: Any) -> list[int]:
    """Those of all entries, page by page."""
    found: list[int] = []
    answer = await api.http.get(path, params=parameters)
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [entry["sequence"] for entry in page["entries"]]
        if page["next"] is None:
            return found
        answer = await api.http.get(page["next"])


async def test_entries_come_once_by_sequence_the_newest_first(api: Api, view: View) -> None:
    await view.put(("ana", {}), ("ben", {}))
    assert await sequences(api) == []
    reminder = output("holiday.upcoming", "ana", 2, due_on="2026-02-01", holiday="spring")
    tags = output("tags.changed", "ana", 4, added=[], removed=[])
    await view.tell(points(5), ("ana", tier_changed("ana", 1)), points(3), points(1, "ben"))
    await view.tell(("ana", reminder), ("ana", tags), points(5), points(3))
    assert await sequences(api) == [5, 3, 2, 1]
    assert await sequences(api, limit=1) == [5, 3, 2, 1]
    assert await sequences(api, type=["tier.changed", "holiday.upcoming"], limit=1) == [2, 1]


async def test_an_entry_says_what_the_output_said_without_what_is_null(
    api: Api, view: View
) -> None:
    await view.put(("ana", {}))
    after = {"score": 50, "monetary": "120.00"}
    change = tier_changed("ana", 1, at_ms=1_000, after=after, action="send_vip_offer")
    await view.tell(("ana", change))
    [entry] = (await api.http.get(PATH)).json()["entries"]
    assert entry == {
        "type": "tier.changed",
        "sequence": 1,
        "effective_at": "1970-01-01T00:00:01.000Z",
        "reason": "order",
        "action": "send_vip_offer",
        "previous_tier": "C",
        "tier": "B",
        "direction": "up",
        "caused_by": ["e1"],
        "after": after,
    }


async def test_an_entry_of_great_length_goes_without_its_lists(api: Api, view: View) -> None:
    await view.put(("ana", {}))
    await view.tell(("ana", tier_changed("ana", 1, caused_by=["x" * 128] * 40)))
    [entry] = (await api.http.get(PATH)).json()["entries"]
    assert (entry["tier"], entry.get("caused_by")) == ("B", None)


async def test_only_the_newest_are_kept_in_whatever_order_they_come(
    settings: Settings, redis: Redis
) -> None:
    short = settings.model_copy(update={"timeline_entries": 3})
    view = View(redis, short)
    await view.put(("ana", {}))
    await view.tell(*(points(sequence) for sequence in (9, 2, 4, 7, 3, 8, 1, 8)))
    async with serving(short) as api:
        assert await sequences(api) == [9, 8, 7]
    none = View(redis, settings.model_copy(update={"timeline_entries": 0}))
    await none.tell(points(10))
    async with serving(short) as api:
        assert await sequences(api) == [9, 8, 7]


async def test_birthdays_need_the_scope_for_attributes(
    settings: Settings, view: View, book: TokenBook
) -> None:
    await view.put(("ana", {}))
    birthday = output("birthday.upcoming", "ana", 2, due_on="2026-02-01", age=40)
    await view.tell(points(1), ("ana", birthday))
    plain, full = book.add("plain", "read"), book.add("full", "read", "attributes")
    secured = settings.model_copy(update={"api_token_file": book.path})
    async with serving(secured, token=plain) as api:
        assert await sequences(api) == [1]
        assert await sequences(api, type="birthday.upcoming") == []
    async with serving(secured, token=full) as api:
        assert await sequences(api) == [2, 1]


async def test_what_cannot_be_asked_is_a_problem(api: Api, view: View) -> None:
    assert (await api.http.get(PATH)).status_code == 503
    await view.put(("ana", {}), ("ben", {}))
    await view.tell(points(1), points(2))
    following = (await api.http.get(PATH, params={"limit": 1})).json()["next"]
    for path, status in {
        "/v1/customers/nobody/timeline": 404,
        f"{PATH}?type=tags.changed": 422,
        f"{PATH}?limit=0": 422,
        f"{PATH}?cursor=abc": 400,
        following.replace("ana", "ben"): 400,
    }.items():
        assert (await api.http.get(path)).status_code == status, path


async def test_who_is_erased_has_none_and_who_returns_begins_anew(
    settings: Settings, redis: Redis, api: Api, view: View
) -> None:
    await view.put(("ana", {}))
    await view.tell(points(1), points(2))
    await view.put(("ana", None))
    await view.tell(points(2), points(3))  # a former owner's write comes late
    keys = [key for key in await keys_of(redis, settings) if "ana" in key]
    assert keys == []
    await view.put(("ana", {}))
    assert await sequences(api) == []
    await view.tell(points(4))
    assert await sequences(api) == [4]


async def test_an_erasure_is_done_when_no_timeline_and_no_trend_is_left(
    settings: Settings, redis: Redis, view: View
) -> None:
    async def outcome() -> str:
        return (await check_view(settings, ["ana"], None, wait_s=0)).outcome

    await view.put(("ben", {}))
    keys = (await view_of(redis, settings).open()).keys
    assert await outcome() == "done"
    await view.tell(points(1))  # written before the profile comes
    assert await outcome() == "waiting"
    await redis.delete(keys.timeline("ana"))
    await redis.hset(keys.trend("ana"), "2026-01", "1,5.00,0,")
    assert await outcome() == "waiting"
    await view.put(("ana", None))
    assert await outcome() == "done"


@pytest.fixture
async def deployed(broker: Broker, redis_server: RedisServer, topic_prefix: str) -> Settings:
    settings = settings_for(broker, redis_server.url, topic_prefix)
    await create_topic(settings)
    return settings


async def test_projector_and_rebuild_keep_them_from_four_topics(
    deployed: Settings, redis_server: RedisServer, redis: Redis
) -> None:
    reader = TimelineReader(redis, deployed.redis_key_prefix)

    async def found(customer: str) -> list[bytes] | None:
        page = await reader.page(customer)
        return None if page is None else list(page.entries)

    async with projecting(deployed) as projector:
        await publish(deployed, [("ana", profile("ana")), ("erased-one", profile("erased-one"))])
        await publish(deployed, [points(5), points(5), points(6, "erased-one")], PROFILE_CHANGES)
        await publish(deployed, [("ana", level_changed("ana", 3))], DORMANCY_ALERTS)
        await publish(deployed, [("ana", tier_changed("ana", 2))], TIER_CHANGES)
        visit = output("visit.due", "ana", 4, due_on="2026-02-01", days=30)
        await publish(deployed, [("ana", visit), ("ana", b"no output")], CARE_REMINDERS)

        async def all_there() -> bool:
            return len(await found("ana") or ()) == 4 and bool(await found("erased-one"))

        await eventually(all_there)
        topic = f"{deployed.topic_prefix}{CARE_REMINDERS}"
        for outcome in ("applied", "unreadable"):
            await projector.counts(1, "view_changes_records_total", topic=topic, outcome=outcome)
        before = await found("ana")
        await publish(deployed, [("erased-one", None)])

        async def gone() -> bool:
            return await found("erased-one") is None

        await eventually(gone)
        await rebuild_view(deployed)
        assert await found("ana") == before
    generation = await view_of(redis, deployed).open()
    assert await redis.exists(generation.keys.timeline("erased-one")) == 0
