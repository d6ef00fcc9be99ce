"""The figures of each day: written by the projector, kept beside the view, read by the API."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from typing_extensions import override

from config.settings import Settings
from devtools.servers.ports import LOOPBACK, free_ports
from scoring.calendar import DAY_MS
from serving.projector.figures import FiguresKeeper, ShownFigures
from serving.projector.health import LoopHealth
from serving.projector.metrics import ViewMeter
from serving.projector.rebuild import rebuild_view
from serving.view.history import DAYS_KEPT, HistoryReader, HistoryWriter
from tests.harness.api import Api, View
from tests.harness.view import create_topic, eventually, projecting, publish
from tests.support.profiles import profile

pytestmark = pytest.mark.always

NOON_MS = 1_769_860_800_000
"""2026-01-31T12:00:00Z."""
DAY = date(2026, 1, 31)


async def told(api: Api, path: str, **parameters: Any) -> Any:
    answer = await api.http.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_last_word_of_a_day_stays_and_equals_the_figures_of_then(
    api: Api, view: View, redis: Redis, settings: Settings
) -> None:
    writer = HistoryWriter(redis, settings.redis_key_prefix)
    assert await writer.write(NOON_MS) is None, "there is no view"
    assert (await told(api, "/v1/history", to=str(DAY)))["known_from"] is None
    await view.put(("ana", {"tier": "A", "monetary": "900.00", "points": {"balance": 40}}))
    await writer.write(NOON_MS)
    await view.put(("ben", {"tier": "B", "monetary": "0.015"}))
    await writer.write(NOON_MS + 1_000)
    then = await told(api, "/v1/figures")
    await view.put(("ana", None))
    await writer.write(NOON_MS + DAY_MS)
    found = await told(api, "/v1/history", to=str(DAY))
    assert found == {
        "by": "tier",
        "known_from": "2026-01-31",
        "days": [
            {
                "day": "2026-01-31",
                "as_of": "2026-01-31T12:00:01.000Z",
                "total": then["total"],
                "rows": then["rows"],
            }
        ],
    }
    both = {"from": "2026-01-31", "to": "2026-02-01", "by": "stage"}
    days = (await told(api, "/v1/history", **both))["days"]
    assert [one["total"]["customers"] for one in days] == [2, 1]
    assert (await api.http.get("/v1/history", params={"by": "segment"})).status_code == 422


async def test_days_that_are_too_old_are_removed(
    view: View, redis: Redis, settings: Settings
) -> None:
    await view.put(("ana", {}))
    prefix = settings.redis_key_prefix
    await HistoryWriter(redis, prefix).write(NOON_MS)
    writer = HistoryWriter(redis, prefix)
    for later in (1, DAYS_KEPT - 1, DAYS_KEPT):
        await writer.write(NOON_MS + later * DAY_MS)
    days = await HistoryReader(redis, prefix).days()
    assert [(day - DAY).days for day in days] == [1, DAYS_KEPT - 1, DAYS_KEPT]


async def test_projector_shows_its_figures_and_a_rebuild_leaves_past_days_alone(
    redis: Redis, settings: Settings
) -> None:
    await create_topic(settings)
    soon = (datetime.now(UTC) + timedelta(days=9)).isoformat(timespec="milliseconds")
    falls = soon.replace("+00:00", "Z")
    points = {"balance": 7}
    records = [
        ("ana", profile("ana", tier="A", monetary="900.00", keeps_until=falls, points=points)),
        ("ben", profile("ben", tier="B", level="dormant")),
    ]
    await publish(settings, records)
    history = HistoryReader(redis, settings.redis_key_prefix)
    await redis.hset(f"{settings.redis_key_prefix}history", "2026-01-01", b'[5,2,{"tier":{}}]')
    today = datetime.now(UTC).date()

    async def known() -> bool:
        day = (await history.days()).get(today)
        return day is not None and day.figures("tier").total.customers == 2

    async with projecting(settings) as projector:
        await eventually(known)

        async def shown() -> bool:
            return projector.value("view_customers", tier="A") == 1

        await eventually(shown)
        assert projector.value("view_spend", tier="A") == 900.0
        assert projector.value("view_points", tier="A") == 7
        assert projector.value("view_customers_by_level", level="dormant") == 1
        assert projector.value("view_known_customers", attribute="region") == 2
        assert projector.value("view_falls_due_customers", days="7") == 0
        assert projector.value("view_falls_due_customers", days="30") == 1
        assert projector.value("view_falls_due_spend", days="30") == 900.0
        assert projector.value("view_figures_timestamp_seconds") > 0
        await rebuild_view(settings)
    days = await history.days()
    assert list(days) == [date(2026, 1, 1), today]
    assert days[date(2026, 1, 1)].figures("tier").total.customers == 0


class Shown(ViewMeter):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.customers: list[int] = []

    @override
    def figures(self, shown: ShownFigures) -> None:
        self.customers.append(shown.customers)


async def test_nothing_is_written_of_a_view_that_is_behind(
    view: View, redis: Redis, settings: Settings
) -> None:
    await view.put(("ana", {}))
    prefix, meter = settings.redis_key_prefix, Shown()
    profiles = LoopHealth(time.monotonic, 60.0)
    keeper = FiguresKeeper(redis, prefix, meter, profiles, lambda: NOON_MS)
    for behind_s in (None, 61.0):
        profiles.delay_s = behind_s
        assert await keeper.keep() is False
    assert (meter.customers, await HistoryReader(redis, prefix).days()) == ([], {})
    profiles.delay_s = 1.0
    assert await keeper.keep() is True
    assert meter.customers == [1]
    assert list(await HistoryReader(redis, prefix).days()) == [DAY]


async def test_an_outage_of_redis_is_waited_out() -> None:
    (port,) = free_ports()
    nobody = Redis(host=LOOPBACK, port=port)
    profiles = LoopHealth(time.monotonic, 60.0)
    profiles.delay_s = 0.0
    stop = asyncio.Event()
    keeper = FiguresKeeper(nobody, "{x}:", Shown(), profiles, lambda: NOON_MS)
    running = asyncio.create_task(keeper.run(stop))
    await asyncio.sleep(0.2)
    assert not running.done()
    stop.set()
    await asyncio.wait_for(running, 10)
    await nobody.aclose()
