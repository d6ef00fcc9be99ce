"""Searches, lists and figures over HTTP."""

from __future__ import annotations

import time
from typing import Any

import pytest

from scoring.timestamps import rfc3339
from tests.harness.api import Api, View

pytestmark = pytest.mark.always

DAY_MS = 86_400_000


async def ids(api: Api, path: str, **parameters: Any) -> list[str]:
    """The ids on a page, which is the only one."""
    answer = await api.http.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["next"] is None
    return [entry.get("profile", entry)["customer_id"] for entry in document["customers"]]


@pytest.fixture
async def crowd(api: Api, view: View) -> Api:
    """Customers who differ in everything that is searched by."""
    since = "2026-01-01T00:00:00.000Z"
    tags = [{"tag": tag, "since": since} for tag in ("region:north", "buyer:night")]
    await view.put(
        (
            "ana",
            {"tier": "A", "stage": "loyal", "score": 90, "monetary": "900.00", "owner": "Wang"},
        ),
        ("ben", {"tier": "B", "stage": "active", "score": 60, "monetary": "400.00"}),
        ("cai", {"tier": "B", "stage": "dormant", "level": "dormant", "score": 40}),
        (
            "dan",
            {
                "tier": "C",
                "score": 20,
                "monetary": "5.00",
                "tags": tags,
                "health": {"score": 30, "parts": {}},
            },
        ),
    )
    return api


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, ["ana", "ben", "cai", "dan"]),
        ({"tier": ["B", "C"]}, ["ben", "cai", "dan"]),
        ({"tier": "B", "level": "active"}, ["ben"]),
        ({"stage": "loyal"}, ["ana"]),
        ({"owner": "Wang"}, ["ana"]),
        ({"segment": "New Customers", "score_min": 40}, ["ana", "ben", "cai"]),
        ({"spend_min": 5, "spend_max": 12.5}, ["cai", "dan"]),
        ({"tag": "region:north"}, ["dan"]),
        ({"tag": ["region:north", "buyer:night"]}, ["dan"]),
        ({"tag": ["region:north", "buyer:day"]}, []),
        ({"health_max": 30, "order": "health"}, ["dan"]),
        ({"order": "score"}, ["dan", "cai", "ben", "ana"]),
        ({"tier": "nobody's"}, []),
        ({"tier": "*"}, []),
    ],
)
async def test_search_finds_those_for_whom_all_holds(
    crowd: Api, parameters: dict[str, Any], found: list[str]
) -> None:
    assert await ids(crowd, "/v1/customers", **parameters) == found


async def test_pages_follow_each_other(crowd: Api) -> None:
    path: str | None = "/v1/customers?order=-score&limit=1&tier=A&tier=B&tier=C"
    found = []
    while path is not None:
        page = (await crowd.http.get(path)).json()
        assert len(page["customers"]) <= 1
        found += [customer["customer_id"] for customer in page["customers"]]
        path = page["next"]
    assert found == ["ana", "ben", "cai", "dan"]


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        ({"teir": "A"}, "bad-parameter"),
        ({"limit": 0}, "bad-parameter"),
        ({"limit": 201}, "bad-parameter"),
        ({"limit": "ten"}, "bad-parameter"),
        ({"order": "name"}, "bad-parameter"),
        (
            {"tier": [f"t{n}" for n in range(30)], "stage": [*"abcdefghijklmnopqrstu"]},
            "bad-parameter",
        ),
        ({"score_min": "nan"}, "bad-parameter"),
        ({"spend_max": "1e999"}, "bad-parameter"),
        ({"tier": [str(n) for n in range(51)]}, "bad-parameter"),
        ({"id": "ana", "tier": "A"}, "bad-parameter"),
        ({"id": "x" * 129}, "bad-parameter"),
        ({"cursor": "x"}, "bad-cursor"),
        ({"cursor": "\u00fc"}, "bad-cursor"),
        ({"cursor": "W10"}, "bad-cursor"),
    ],
)
async def test_a_wrong_search_is_told_what_is_wrong(
    crowd: Api, parameters: dict[str, Any], kind: str
) -> None:
    answer = await crowd.http.get("/v1/customers", params=parameters)
    problem = answer.json()
    assert problem["type"] == f"urn:tierstream:problem:{kind}", problem
    assert problem["status"] == answer.status_code == (422 if kind == "bad-parameter" else 400)
    if kind == "bad-parameter":
        assert problem["errors"][0]["name"].split(".")[0] in parameters


async def test_who_is_about_to_fall_soonest_comes_first(api: Api, view: View) -> None:
    now_ms = time.time_ns() // 1_000_000
    days = {"ana": 3, "ben": 1, "cai": 30}
    falls = {name: {"keeps_until": rfc3339(now_ms + n * DAY_MS)} for name, n in days.items()}
    await view.put(("dan", {"keeps_until": None}), *falls.items())
    assert await ids(api, "/v1/about-to-fall") == ["ben", "ana"]
    assert await ids(api, "/v1/about-to-fall", within="2d") == ["ben"]
    assert (await api.http.get("/v1/about-to-fall?within=soon")).status_code == 422


async def test_who_is_nearest_to_the_next_tier_comes_first(api: Api, view: View) -> None:
    def needs(amount: str | None) -> dict[str, Any]:
        return {"next_tier": {"tier": "B", "order_amount_needed": amount}}

    await view.put(
        ("ana", needs("37.50")),
        ("ben", needs("0.00")),
        ("cai", needs(None)),
        ("dan", {"next_tier": None}),
        ("eve", needs("500.00")),
    )
    assert await ids(api, "/v1/near-next-tier", amount=50) == ["ben", "ana"]
    for wrong in ({}, {"amount": -1}, {"amount": "inf"}):
        assert (await api.http.get("/v1/near-next-tier", params=wrong)).status_code == 422


async def test_distributions_count_everybody(crowd: Api) -> None:
    found = (await crowd.http.get("/v1/distributions")).json()
    assert found["tier"] == {"B": 2, "A": 1, "C": 1}
    assert found["level"] == {"active": 3, "dormant": 1}
    assert found["churn_answer"] == {}
    assert found["owner"] == {"Wang": 1}
    assert found["tag"] == {"buyer:night": 1, "region:north": 1}


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-02-30",
        "to=0",
        "to=0001-01-01",
        "to=1969-12-31",
        "from=9999-01-01",
        "to=2026-1-1",
        "from=2026-02-02&to=2026-02-01",
        "from=1990-01-01&to=2026-01-01",
        "form=1",
    ],
)
async def test_a_wrong_period_is_a_problem(crowd: Api, query: str) -> None:
    assert (await crowd.http.get(f"/v1/migrations?{query}")).status_code == 422


@pytest.mark.parametrize(
    "query", ["level=asleep", "since=soon", "since=1d&until=2d", "limit=0", "levle=1"]
)
async def test_a_wrong_time_of_a_level_is_a_problem(crowd: Api, query: str) -> None:
    assert (await crowd.http.get(f"/v1/reached?{query}")).status_code == 422


async def test_a_view_that_is_not_there_is_not_an_empty_one(api: Api, view: View) -> None:
    paths = (
        "/v1/customers/ana",
        "/v1/customers",
        "/v1/customers?id=ana",
        "/v1/about-to-fall",
        "/v1/near-next-tier?amount=1",
        "/v1/reached",
        "/v1/distributions",
        "/v1/figures",
        "/v1/rfm-grid",
        "/v1/distribution?axis=orders",
        "/v1/rates",
        "/v1/satisfaction",
        "/v1/falls",
        "/v1/completeness",
        "/v1/migrations",
    )
    for path in paths:
        answer = await api.http.get(path)
        assert answer.status_code == 503, path
        assert answer.json()["type"].endswith(":no-view")
        assert answer.headers["retry-after"]
    await view.put()
    for path in paths[1:]:
        assert (await api.http.get(path)).status_code == 200, path
