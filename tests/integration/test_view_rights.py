"""The Redis user of docs/operations.md can do what the view needs."""

from __future__ import annotations

import re
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from cli.doctor.redis import redis_findings
from config.settings import Settings
from devtools.servers import Broker, start_redis
from handlers.outputs import PROFILE_CHANGES, TIER_CHANGES
from serving.projector.rebuild import rebuild_view
from serving.view.changes_reader import ChangesReader
from serving.view.figures_reader import FiguresReader
from serving.view.query import AnyOf, Search
from serving.view.same_person_reader import SamePersonReader
from serving.view.timeline_reader import TimelineReader
from tests.harness.view import (
    create_topic,
    eventually,
    projecting,
    publish,
    reader_of,
    redis_of,
    settings_for,
)
from tests.support.changes import output, tier_changed
from tests.support.profiles import profile

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
PHONE = {"phone": "13800138000"}
TAGS = [{"tag": "vip", "since": "2026-01-01T00:00:00.000Z"}]


def told_rights() -> list[str]:
    """The words of the command on the page, for the default prefix."""
    found = re.search(r"^ACL SETUSER tierstream .*$", PAGE.read_text(), re.MULTILINE)
    assert found is not None
    return found[0].split()[2:]


async def read_everything(redis: Redis, settings: Settings) -> None:
    """Everything a reader may ask, each in its ways."""
    reader = reader_of(redis, settings)
    assert await reader.customer("ana") is not None
    assert await reader.profile("ana") is not None
    assert None not in await reader.profiles(["ana", "ben"])
    assert await reader.count("tier", "C") == 2
    assert len(await reader.sample("tag", "vip", 10)) == 1
    assert (await reader.distributions())["tag"] == {"vip": 1}
    assert len((await reader.search(Search())).hits) == 2
    vip = AnyOf("tag", ("vip",))
    assert len((await reader.search(Search(where=(vip,), order="score"))).hits) == 1
    assert len((await reader.near_next_tier(100.0)).hits) == 2
    assert not (await reader.about_to_fall(2**42)).hits
    figures = FiguresReader(redis, settings.redis_key_prefix)
    assert (await figures.figures("tier")).total.customers == 2
    assert (await figures.by("tier", ["orders", "tag"]))["C"]["tag"].values == {"vip": 1}
    await figures.falls(0, 2**42)
    changes = ChangesReader(redis, settings.redis_key_prefix, settings.changes_kept.ms)
    await changes.migration(date(2026, 1, 1), date(2026, 1, 31))
    await changes.reached("dormant", 0, 2**42)
    timelines = TimelineReader(redis, settings.redis_key_prefix)
    page = await timelines.page("ana")
    assert page is not None
    assert len(page.entries) == 2
    trend = await timelines.trend("ana")
    assert trend is not None
    assert len(trend.months) == 1
    same = SamePersonReader(redis, settings.redis_key_prefix)
    [group] = (await same.page("phone")).groups
    assert group.customer_ids == ("ana", "ben")
    assert await same.of_customer("ana") == (group,)


async def test_user_of_the_page_can_do_all_that_the_view_needs(
    embedded_broker: Broker, topic_prefix: str
) -> None:
    with start_redis(own=True) as server:
        admin: Any = Redis.from_url(server.url)
        await admin.execute_command("ACL", "SETUSER", *told_rights())
        url = server.url.replace("redis://", "redis://tierstream:PASSWORD@")
        settings = settings_for(
            embedded_broker,
            url,
            topic_prefix,
            redis_key_prefix="tierstream:",
            allow_insecure_credentials=True,
        )
        await create_topic(settings)
        found = [finding async for finding in redis_findings(settings)]
        assert all(finding.is_ok for finding in found)
        assert found[-1].text.endswith("evicts nothing: it has no maxmemory")
        async with redis_of(settings) as redis, projecting(settings):
            ben = profile("ben", attributes=PHONE)
            told = [("ana", profile("ana", tags=TAGS, attributes=PHONE)), ("ben", ben)]
            cai = profile("cai", attributes=PHONE)
            await publish(settings, [*told, ("cai", cai), ("cai", None)])
            reader = reader_of(redis, settings)

            async def there() -> bool:
                return await reader.count("tier", "C") == 2

            await eventually(there)
            await publish(settings, [("ben", profile("ben", tier="B", score=None))])

            async def moved() -> bool:
                return await reader.count("tier", "B") == 1

            await eventually(moved)
            await publish(settings, [("ben", ben)])
            await eventually(there)
            timelines = TimelineReader(redis, settings.redis_key_prefix)

            async def entries(expected: int) -> bool:
                page = await timelines.page("ana")
                return page is not None and len(page.entries) == expected

            points = output("points.changed", "ana", 5, delta=1, balance=1)
            await publish(settings, [("ana", points)], PROFILE_CHANGES)
            await eventually(partial(entries, 1))
            # It comes after the other, and belongs before it.
            await publish(settings, [("ana", tier_changed("ana", 2))], TIER_CHANGES)
            await eventually(partial(entries, 2))
            await read_everything(redis, settings)
            await rebuild_view(settings)
            await read_everything(redis, settings)
        await admin.aclose()
