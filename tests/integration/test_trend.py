"""The trend of a customer over HTTP, from successive profiles in a real Redis."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from config.settings import Settings
from tests.harness.api import Api, View
from tests.harness.view import keys_of

pytestmark = pytest.mark.always

PATH = "/v1/customers/ana/trend"


def seen(as_of: str, orders: int, spend: str, score: int | None = 50, **more: Any) -> Any:
    fields = {"as_of": as_of, "orders_ever": orders, "spend_ever": spend, "score": score}
    return "ana", fields | more


async def trend(api: Api) -> Any:
    answer = await api.http.get(PATH)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_each_month_has_what_came_to_count_up_to_its_last_profile(
    api: Api, view: View
) -> None:
    first: dict[str, Any] = {"first_order_at": "2026-01-03T00:00:00.000Z"}
    january = seen("2026-01-28T00:00:00.000Z", 2, "160.00", 58, **first)
    await view.put(seen("2026-01-03T00:00:00.000Z", 1, "60.00", 30, **first))
    await view.put(january)
    await view.put(january)
    await view.put(seen("2026-03-05T00:00:00.000Z", 1, "100.00", None, **first))
    assert await trend(api) == {
        "since": "2026-01-01T00:00:00.000Z",
        "months": [
            {
                "month": "2026-01",
                "after": "2026-01-01T00:00:00.000Z",
                "as_of": "2026-01-28T00:00:00.000Z",
                "orders": 2,
                "spend": "160.00",
                "score": 58,
            },
            {
                "month": "2026-03",
                "after": "2026-01-28T00:00:00.000Z",
                "as_of": "2026-03-05T00:00:00.000Z",
                "orders": -1,
                "spend": "-60.00",
                "score": None,
            },
        ],
    }


async def test_what_counted_before_the_first_profile_is_in_no_month(api: Api, view: View) -> None:
    old: dict[str, Any] = {"first_order_at": "2025-11-03T00:00:00.000Z"}
    await view.put(seen("2026-01-10T00:00:00.000Z", 9, "900.00", **old))
    await view.put(seen("2026-01-20T00:00:00.000Z", 10, "950.50", **old))
    found = await trend(api)
    assert found["since"] == "2026-01-10T00:00:00.000Z"
    assert [(row["orders"], row["spend"]) for row in found["months"]] == [(1, "50.50")]


async def test_a_profile_that_says_nothing_of_it_is_no_month(api: Api, view: View) -> None:
    await view.put(seen("2026-01-10T00:00:00.000Z", 1, "no amount"))
    assert await trend(api) == {"since": None, "months": []}


async def test_sums_over_any_history_equal_the_profiles_and_36_months_are_kept(
    api: Api, view: View
) -> None:
    random = Random(7)
    orders, spend = 5, Decimal("100.00")
    last: dict[str, tuple[int, Decimal]] = {}
    for month in range(60):
        name = f"{2020 + month // 12}-{month % 12 + 1:02d}"
        for day in sorted(random.sample(range(1, 28), random.randrange(4))):
            orders = max(0, orders + random.randrange(-1, 4))
            spend = max(Decimal(0), spend + Decimal(random.randrange(-500, 9_000)) / 100)
            at = f"{name}-{day:02d}T00:00:00.000Z"
            await view.put(seen(at, orders, f"{spend:.2f}", first_order_at="2019-01-01"))
            last[name] = orders, spend
    names = sorted(last)
    assert len(names) > 37
    found = (await trend(api))["months"]
    assert [row["month"] for row in found] == names[-36:]
    for row, before in zip(found, names[-37:], strict=False):
        was, is_now = last[before], last[row["month"]]
        assert (row["orders"], Decimal(row["spend"])) == (is_now[0] - was[0], is_now[1] - was[1])


async def test_who_is_erased_or_unknown_has_none(
    settings: Settings, redis: Redis, api: Api, view: View
) -> None:
    assert (await api.http.get(PATH)).status_code == 503
    await view.put(seen("2026-01-10T00:00:00.000Z", 1, "5.00"))
    await view.put(("ana", None))
    assert (await api.http.get(PATH)).status_code == 404
    assert not [key for key in await keys_of(redis, settings) if "ana" in key]
    assert (await api.http.get(f"{PATH}?months=3")).status_code == 422
