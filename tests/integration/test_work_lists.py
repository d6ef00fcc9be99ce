"""Work lists over HTTP, as JSON and CSV, from a real Redis."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from config.settings import Settings
from serving.api import csv_export
from serving.view.change_records import read_level
from serving.view.changes_writer import LevelsWriter
from serving.view.chunks import Chunk
from tests.harness.api import Api, TokenBook, View, serving
from tests.harness.view import view_of
from tests.support.changes import DAY_MS, level_changed, output, tier_changed

pytestmark = pytest.mark.always

BASE = "/v1/work-lists"


def now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1_000)


def at(days: float) -> str:
    """An instant so many days from now."""
    text = (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def promise(days: float) -> list[dict[str, Any]]:
    return [{"ticket_id": "t", "stage": "response", "due_at": at(days), "overdue": days < 0}]


def tickets(complaints: int, total: int = 2) -> dict[str, Any]:
    return {"open_tickets": total, "satisfaction": {"open_complaints": complaints}}


@pytest.fixture
async def shop(api: Api, view: View) -> Api:
    """Four customers of two account managers and of nobody."""
    await view.put(
        (
            "ana",
            {
                "tier": "A",
                "owner": "li",
                "monetary": "900.00",
                "keeps_until": at(3),
                "next_tier": None,
                "attributes": {"name": "=1+1"},
                "promises": [*promise(-1), *promise(4)],
                **tickets(1),
            },
        ),
        (
            "ben",
            {
                "tier": "B",
                "owner": "wang",
                "monetary": "300.00",
                "keeps_until": at(1),
                "next_tier": {"tier": "A", "order_amount_needed": "20.00"},
                "promises": promise(2),
                "followups": [{"followup_id": "f", "on": "2026-03-01", "by": None, "note": None}],
                "next_visit_on": "2026-02-01",
                **tickets(2),
            },
        ),
        ("cai", {"tier": "A", "owner": None, "monetary": "500.00", **tickets(0)}),
        ("dan", {"tier": "C", "owner": "li", "monetary": "10.00", "keeps_until": at(60)}),
    )
    expiring = output("tier.expiring", "ana", 3, due_on="2026-02-01", action="call_customer")
    overdue = output("ticket.overdue", "ana", 2, due_on="2026-02-01", action="escalate")
    overdue_old = output("ticket.overdue", "ana", 1, due_on="2026-01-01", action="remind")
    await view.tell(("ana", overdue_old), ("ana", overdue), ("ana", expiring))
    await view.tell(("cai", tier_changed("cai", 1, tier="A", action="welcome_gift")))
    return api


async def rows(api: Api, name: str, **parameters: Any) -> list[dict[str, Any]]:
    """All rows of a list, page by page."""
    found: list[dict[str, Any]] = []
    answer = await api.http.get(f"{BASE}/{name}", params=parameters)
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["customers"]
        if page["next"] is None:
            return found
        answer = await api.http.get(page["next"])


async def ids(api: Api, name: str, **parameters: Any) -> list[str]:
    return [row["customer_id"] for row in await rows(api, name, **parameters)]


async def test_each_list_has_its_customers_in_its_order(shop: Api) -> None:
    assert await ids(shop, "about-to-fall", within="7d") == ["ben", "ana"]
    assert await ids(shop, "about-to-fall", within="90d", limit=1) == ["ben", "ana", "dan"]
    assert await ids(shop, "near-next-tier", amount=30) == ["ben"]
    assert await ids(shop, "complaints") == ["ana", "ben"]
    assert await ids(shop, "complaints", overdue=True) == ["ana"]
    assert await ids(shop, "without-owner") == ["cai"]
    assert await ids(shop, "without-owner", tier="B") == []
    assert await ids(shop, "handover", owner="li", limit=1) == ["ana", "dan"]


async def test_lists_are_filtered_by_owner_and_tier(shop: Api) -> None:
    assert await ids(shop, "about-to-fall", within="90d", owner="li") == ["ana", "dan"]
    assert await ids(shop, "about-to-fall", within="90d", owner="li", tier="A") == ["ana"]
    assert await ids(shop, "complaints", owner=["wang", "nobody"]) == ["ben"]
    assert await ids(shop, "near-next-tier", amount=99, owner="wang", tier=["A", "B"]) == ["ben"]


async def test_a_row_says_what_to_do_as_the_newest_output_told_it(shop: Api) -> None:
    [_, ana] = await rows(shop, "about-to-fall")
    assert (ana["action"], ana["action_type"]) == ("call_customer", "tier.expiring")
    assert ana["overdue"] is True
    assert (ana["spend"], ana["owner"], ana["next_tier"]) == ("900.00", "li", None)
    [ana, ben] = await rows(shop, "complaints")
    assert (ana["action"], ana["open_complaints"], ana["open_tickets"]) == ("escalate", 1, 2)
    assert (ben["action"], ben["overdue"], ben["order_amount_needed"]) == (None, False, "20.00")
    assert ben["next_contact_on"] == "2026-02-01"
    [cai] = await rows(shop, "without-owner")
    assert cai["action"] == "welcome_gift"
    assert [row["action"] for row in await rows(shop, "handover", owner="li")] == [
        "call_customer",
        None,
    ]


async def test_open_tickets_stand_for_complaints_where_the_policy_keeps_none(
    api: Api, view: View
) -> None:
    await view.put(("ana", {"open_tickets": 1}), ("ben", {"open_tickets": 0}))
    assert await ids(api, "complaints") == ["ana"]
    await view.put(("ana", {"open_tickets": 0}))
    assert await ids(api, "complaints") == []


async def test_who_became_dormant_is_listed_by_owner(
    settings: Settings, redis: Redis, api: Api, view: View
) -> None:
    names = {"ana": "li", "ben": "wang", "cai": "li"}
    await view.put(*((name, {"level": "dormant", "owner": who}) for name, who in names.items()))
    levels = LevelsWriter(redis, await view_of(redis, settings).open(), 400 * DAY_MS)
    await levels.begin(0, 0, 1)
    records = tuple(
        read_level(
            name.encode(),
            level_changed(name, 1, at_ms=now_ms() - (index + 1) * DAY_MS),
            index,
            now_ms(),
        )
        for index, name in enumerate(names)
    )
    await levels.apply([Chunk(0, 0, 3, records)])
    alert = level_changed("ana", 1, action="win_back", suppressed="no_consent")
    await view.tell(("ana", alert))
    assert await ids(api, "newly-dormant", limit=1) == ["ana", "ben", "cai"]
    assert await ids(api, "newly-dormant", owner="li") == ["ana", "cai"]
    assert await ids(api, "newly-dormant", since="60h") == ["ana", "ben"]
    [ana] = await rows(api, "newly-dormant", since="30h")
    assert (ana["action"], ana["suppressed"]) == ("win_back", "no_consent")
    assert ana["reached_at"] is not None


async def told(api: Api, path: str, **headers: str) -> list[dict[str, str]]:
    """The rows of a file."""
    answer = await api.http.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    text = answer.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_lists_and_searches_are_told_as_csv(
    shop: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_export, "_PAGE", 1)
    found = await told(shop, f"{BASE}/about-to-fall?format=csv&within=90d")
    as_json = await rows(shop, "about-to-fall", within="90d")
    assert [row["customer_id"] for row in found] == ["ben", "ana", "dan"]
    assert [set(row) for row in found] == [set(row) for row in as_json]
    assert found[1]["name"] == "'=1+1"
    assert (found[1]["overdue"], found[1]["next_tier"]) == ("true", "")
    assert [row["customer_id"] for row in await told(shop, BASE + "/complaints", accept="text/csv")]
    all_of_them = await told(shop, "/v1/customers?format=csv&tier=A")
    assert [row["customer_id"] for row in all_of_them] == ["ana", "cai"]
    monkeypatch.setattr(csv_export, "ROWS_MAX", 2)
    assert len(await told(shop, f"{BASE}/about-to-fall?format=csv&within=90d")) == 2
    as_asked = await shop.http.get(f"{BASE}/complaints?format=json", headers={"accept": "text/csv"})
    assert as_asked.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+86 138", "'+86 138"),
        ("-2+3", "'-2+3"),
        ("-12.50", "-12.50"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("高橋", "高橋"),
        (None, ""),
        (True, "true"),
        (-3, "-3"),
    ],
)
def test_no_cell_is_a_formula(value: object, expected: str) -> None:
    assert csv_export.cell(value) == expected


async def test_names_need_the_scope_for_attributes(
    settings: Settings, view: View, book: TokenBook
) -> None:
    await view.put(("ana", {"owner": "li", "attributes": {"name": "Ana"}}))
    plain, full = book.add("plain", "read"), book.add("full", "read", "attributes")
    secured = settings.model_copy(update={"api_token_file": book.path})
    for token, name in ((plain, None), (full, "Ana")):
        async with serving(secured, token=token) as api:
            assert [row["name"] for row in await rows(api, "handover", owner="li")] == [name]


async def test_what_cannot_be_asked_is_a_problem(shop: Api) -> None:
    for path, status in {
        "handover": 422,
        "near-next-tier": 422,
        "about-to-fall?within=soon": 422,
        "about-to-fall?overdue=true": 422,
        "complaints?format=xml": 422,
        "complaints?cursor=abc": 400,
        "everything": 404,
    }.items():
        assert (await shop.http.get(f"{BASE}/{path}")).status_code == status, path
