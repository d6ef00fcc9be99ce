"""Figures over HTTP: sums, the grid, distributions, rates, satisfaction, falls and completeness."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.settings import Settings
from tests.harness.api import Api, TokenBook, View, serving

pytestmark = pytest.mark.always

SINCE = "2026-01-01T00:00:00.000Z"


def fall_at(days: int, hour: int) -> str:
    """An hour (UTC) of the day so many days from now."""
    day = datetime.now(UTC).date() + timedelta(days=days)
    return f"{day.isoformat()}T{hour:02d}:00:00.000Z"


def day_ahead(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def quality(csat: int | None, nps: int | None) -> dict[str, Any]:
    return {"csat_last": csat, "nps_last": nps}


@pytest.fixture
async def shop(api: Api, view: View) -> Api:
    """Four customers, one of them a prospect, after changes and an erasure."""
    await view.put(
        ("eve", {"tier": "A", "monetary": "1000000.00"}),
        ("ben", {"tier": "A", "frequency": 9, "attributes": {"gender": "male"}}),
    )
    await view.put(
        (
            "ana",
            {
                "tier": "A",
                "stage": "loyal",
                "r": 5,
                "f": 3,
                "monetary": "900.00",
                "spend_ever": "1000.50",
                "frequency": 4,
                "orders_ever": 5,
                "keeps_until": fall_at(3, 20),
                "points": {"balance": 40},
                "satisfaction": quality(5, 10),
                "tags": [{"tag": "age:25-34", "since": SINCE}, {"tag": "vip", "since": SINCE}],
                "attributes": {"gender": "female", "name": "Ana", "shoe_size": "39"},
            },
        ),
        (
            "ben",
            {
                "tier": "B",
                "monetary": "100.01",
                "keeps_until": fall_at(3, 20),
                "satisfaction": quality(2, 6),
                "attributes": {},
            },
        ),
        ("cai", {"tier": "B", "monetary": "0.05", "keeps_until": fall_at(90, 0), "r": 1}),
        (
            "dan",
            {
                "tier": "prospect",
                "stage": "prospect",
                "segment": None,
                "r": None,
                "f": None,
                "score": None,
                "monetary": "0.00",
                "spend_ever": "0.00",
                "frequency": 0,
                "orders_ever": 0,
            },
        ),
        ("eve", None),
    )
    return api


async def told(api: Api, path: str, **parameters: Any) -> Any:
    answer = await api.http.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_figures_are_exact_sums_with_their_shares(shop: Api) -> None:
    found = await told(shop, "/v1/figures")
    assert found["by"] == "tier"
    assert found["total"] | {"customers": 4, "spend": "1000.06", "orders": 6} == found["total"]
    assert [row["value"] for row in found["rows"]] == ["A", "B", "prospect"]
    assert found["rows"][0] == {
        "value": "A",
        "customers": 1,
        "customers_share": 0.25,
        "spend": "900.00",
        "spend_share": 0.899946,
        "orders": 4,
        "mean_order": "225.00",
        "orders_ever": 5,
        "spend_ever": "1000.50",
        "points": 40,
    }
    assert found["rows"][1]["spend"] == "100.06"
    assert found["rows"][1]["mean_order"] == "50.03"
    assert found["rows"][2]["mean_order"] is None
    segments = await told(shop, "/v1/figures", by="segment")
    assert segments["total"] == found["total"]
    assert [row["customers"] for row in segments["rows"]] == [3]


async def test_grid_has_all_cells_and_a_search_lists_one(shop: Api) -> None:
    found = await told(shop, "/v1/rfm-grid")
    assert (found["customers"], found["spend"], len(found["cells"])) == (4, "1000.06", 25)
    filled = {(cell["r"], cell["f"]): cell for cell in found["cells"] if cell["customers"]}
    assert {at: cell["spend"] for at, cell in filled.items()} == {
        (5, 3): "900.00",
        (5, 1): "100.01",
        (1, 1): "0.05",
    }
    assert filled[5, 3]["customers_share"] == 0.25
    page = await told(shop, "/v1/customers", rf="53")
    assert [one["customer_id"] for one in page["customers"]] == ["ana"]


async def test_every_axis_is_counted_for_all_and_for_a_group(shop: Api) -> None:
    orders = await told(shop, "/v1/distribution", axis="orders")
    assert orders == {
        "axis": "orders",
        "customers": 4,
        "without": 0,
        "values": {"1": 2, "4": 1, "0": 1},
    }
    in_b = await told(shop, "/v1/distribution", axis="mean_order", tier="B")
    assert (in_b["customers"], in_b["values"]) == (2, {"100": 1, "0": 1})
    ages = await told(shop, "/v1/distribution", axis="tag", prefix="age:", stage="loyal")
    assert (ages["values"], ages["without"]) == ({"25-34": 1}, None)
    gender = await told(shop, "/v1/distribution", axis="gender")
    assert (gender["values"], gender["without"]) == ({"female": 1}, 3)
    stages = await told(shop, "/v1/distribution", axis="stage", segment="New Customers")
    assert stages["values"] == {"new": 2, "loyal": 1}
    nobody = await told(shop, "/v1/distribution", axis="csat", tier="nobody's")
    assert (nobody["customers"], nobody["without"], nobody["values"]) == (0, 0, {})


async def test_rates_tell_who_bought_again_and_who_recommended(shop: Api) -> None:
    found = await told(shop, "/v1/rates", referral_tag="vip")
    assert found["total"] == {
        "value": None,
        "customers": 4,
        "buyers": 3,
        "repeat_buyers": 1,
        "conversion": 0.75,
        "repeat_rate": 0.333333,
        "referrers": 1,
        "referral_rate": 0.25,
    }
    rows = {row["value"]: row for row in found["rows"]}
    assert (rows["A"]["repeat_rate"], rows["B"]["repeat_rate"]) == (1.0, 0.0)
    assert (rows["prospect"]["conversion"], rows["prospect"]["repeat_rate"]) == (0.0, None)
    assert (await told(shop, "/v1/rates", by="stage"))["total"]["referral_rate"] is None


async def test_satisfaction_is_told_by_tier(shop: Api) -> None:
    found = await told(shop, "/v1/satisfaction")
    assert found["total"]["csat"] == {"answers": 2, "mean": 3.5, "scores": {"2": 1, "5": 1}}
    assert found["total"]["nps"]["score"] == 0.0
    rows = {row["value"]: row for row in found["rows"]}
    assert rows["A"]["nps"] == {
        "answers": 1,
        "promoters": 1,
        "passives": 0,
        "detractors": 0,
        "score": 100.0,
        "scores": {"10": 1},
    }
    assert rows["prospect"]["csat"] == {"answers": 0, "mean": None, "scores": {}}


async def test_falls_are_told_by_the_days_of_a_zone(shop: Api) -> None:
    found = await told(shop, "/v1/falls", days=30)
    assert (found["timezone"], found["customers"], found["spend"]) == ("UTC", 2, "1000.01")
    day = day_ahead(3)
    assert found["days"] == [
        {"day": day, "tier": "A", "customers": 1, "spend": "900.00"},
        {"day": day, "tier": "B", "customers": 1, "spend": "100.01"},
    ]
    found = await told(shop, "/v1/falls", timezone="Asia/Shanghai")
    assert {one["day"] for one in found["days"]} == {day_ahead(4)}
    assert (await told(shop, "/v1/falls", days=100))["customers"] == 3


async def test_completeness_tells_what_is_known_of_customers(shop: Api) -> None:
    found = await told(shop, "/v1/completeness")
    known = {one["name"]: one["customers"] for one in found["attributes"]}
    assert known | {"gender": 1, "name": 1, "region": 2, "phone": 0} == known
    assert (len(known), found["customers"], found["mean_known"]) == (9, 4, 1.0)
    assert (found["known"], found["as_of"]) == ({"0": 1, "1": 2, "2": 1}, {"2026-01": 4})
    assert (await told(shop, "/v1/completeness", tier="A"))["mean_known"] == 2.0


@pytest.mark.parametrize(
    "query",
    [
        "/v1/figures?by=colour",
        "/v1/figures?by=tag",
        "/v1/rfm-grid?by=tier",
        "/v1/distribution",
        "/v1/distribution?axis=decimals",
        "/v1/distribution?axis=orders&tier=A&stage=new",
        "/v1/distribution?axis=orders&level=active",
        "/v1/rates?by=owner",
        "/v1/satisfaction?since=7d",
        "/v1/falls?days=0",
        "/v1/falls?timezone=Mars",
        "/v1/falls?timezone=../../etc/passwd",
        "/v1/falls?timezone=",
        "/v1/completeness?by=tier",
    ],
)
async def test_what_no_figure_has_is_a_problem(shop: Api, query: str) -> None:
    answer = await shop.http.get(query)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["reason"]


async def test_attributes_are_counted_for_those_who_may_see_them(
    settings: Settings, view: View, book: TokenBook
) -> None:
    await view.put(("ana", {}))
    token = book.add("crm", "read")
    guarded = settings.model_copy(update={"api_token_file": book.path})
    async with serving(guarded, token=token) as api:
        answer = await api.http.get("/v1/distribution?axis=region")
        assert answer.status_code == 403, answer.text
        assert answer.json()["type"].endswith(":not-allowed")
        assert (await told(api, "/v1/distribution", axis="orders"))["customers"] == 1
