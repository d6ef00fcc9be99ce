"""The API over a view that is kept, lost, rebuilt, and kept again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from config.settings import Settings
from devtools.servers import Broker, start_redis
from scoring.timestamps import rfc3339
from serving.projector.rebuild import rebuild_view
from streams.kafka.topics import create_topics
from tests.harness.api import Api, serving
from tests.harness.view import (
    eventually,
    projecting,
    publish,
    settings_for,
)
from tests.support.changes import HOUR_MS, level_changed, tier_changed
from tests.support.profiles import profile

pytestmark = pytest.mark.always


@pytest.fixture
async def settings(settings: Settings) -> Settings:
    """Of a deployment whose topics exist."""
    await create_topics(settings)
    return settings


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[Api]:
    async with projecting(settings), serving(settings) as running:
        yield running


async def answers(api: Api, path: str, status: int = 200) -> None:
    """Wait until a path is answered so."""

    async def claim() -> bool:
        return (await api.http.get(path)).status_code == status

    await eventually(claim)


async def test_moves_and_levels_are_told_from_their_topics(api: Api, settings: Settings) -> None:
    now = datetime.now(UTC)
    now_ms = int(now.timestamp() * 1_000)
    today = now.date().isoformat()
    names = ("ana", "ben")
    await publish(settings, [(name, profile(name, tier="B", level="dormant")) for name in names])
    moves = [
        (name, tier_changed(name, n, at_ms=now_ms, after={"monetary": f"{n}00.50"}))
        for n, name in enumerate(names, 1)
    ]
    await publish(settings, moves, "tier-changes")
    alerts = [("ana", level_changed("ana", 5, at_ms=now_ms - HOUR_MS))]
    await publish(settings, alerts, "dormancy-alerts")

    async def are_told() -> bool:
        moved = (await api.http.get("/v1/migrations")).json()
        reached = (await api.http.get("/v1/reached?since=2h")).json()
        return moved.get("by_reason") == {"order": 2} and bool(reached.get("customers"))

    await eventually(are_told)
    moved = (await api.http.get(f"/v1/migrations?from={today}&to={today}")).json()
    assert moved["matrix"] == {"C": {"B": 2}}
    made = {"previous_tier": "C", "tier": "B", "reason": "order", "count": 2, "spend": "301.00"}
    assert moved["moves"] == [made]
    assert (moved["from"], moved["to"], moved["days"]) == (today, today, None)
    days = (await api.http.get(f"/v1/migrations?to={today}&by_day=true")).json()["days"]
    assert days == [{"day": today, "moves": moved["moves"]}]
    reached = (await api.http.get("/v1/reached?level=dormant&since=7d")).json()
    (found,) = reached["customers"]
    assert found["profile"]["customer_id"] == "ana"
    assert found["reached_at"] == rfc3339(now_ms - HOUR_MS)
    assert (await api.http.get("/v1/reached?since=30m")).json()["customers"] == []
    assert (await api.http.get("/v1/reached?level=churned")).json()["customers"] == []


async def test_a_killed_redis_is_told_and_come_back_is_used(
    embedded_broker: Broker, topic_prefix: str
) -> None:
    with start_redis(own=True, durable=True) as server:
        settings = settings_for(embedded_broker, server.url, topic_prefix)
        await create_topics(settings)
        async with projecting(settings), serving(settings) as api:
            await publish(settings, [("ana", profile("ana"))])
            await answers(api, "/v1/customers/ana")
            server.kill()
            for path in ("/v1/customers/ana", "/v1/customers", "/v1/distributions"):
                answer = await api.http.get(path)
                assert answer.status_code == 503
                assert answer.json()["type"].endswith(":view-unavailable")
            await answers(api, "/readyz", 503)
            await answers(api, "/livez")
            server.start()
            await answers(api, "/v1/customers/ana")
            await answers(api, "/readyz")


async def test_a_redis_that_refuses_us_is_no_bug_of_ours(
    embedded_broker: Broker, topic_prefix: str
) -> None:
    with start_redis(password="right") as server:
        url = server.url.replace("right", "wr0ng")
        settings = settings_for(embedded_broker, url, topic_prefix, allow_insecure_credentials=True)
        with capture_logs() as told:
            async with serving(settings) as api:
                answer = await api.http.get("/v1/customers/ana")
        assert answer.status_code == 503
        assert answer.json()["type"].endswith(":view-unavailable")
        assert [line["log_level"] for line in told if "refuses" in line["event"]] == ["warning"]
        assert "wr0ng" not in str(told)


@pytest.mark.slow
async def test_nothing_is_missed_while_the_view_is_rebuilt(api: Api, settings: Settings) -> None:
    names = [f"c{n:03d}" for n in range(120)]
    profiles = [profile(name, monetary=f"{n}.00") for n, name in enumerate(names)]
    await publish(settings, zip(names, profiles, strict=True))

    async def walk() -> list[str]:
        path: str | None = "/v1/customers?limit=20&order=spend"
        found = []
        while path is not None:
            answer = await api.http.get(path)
            if answer.status_code == 503:
                return []  # there is no view yet
            found += [customer["customer_id"] for customer in answer.json()["customers"]]
            path = answer.json()["next"]
        return found

    async def are_there() -> bool:
        return await walk() == names

    async def rebuild() -> None:
        for _ in range(3):
            await rebuild_view(settings)

    await eventually(are_there)
    rebuilding = asyncio.create_task(rebuild())
    walks = 0
    while not rebuilding.done():
        assert await walk() == names
        assert (await api.http.get("/v1/customers/c007")).status_code == 200
        walks += 1
    await rebuilding
    assert walks > 3
