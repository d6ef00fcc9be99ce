"""Who is likely the same person, over HTTP, from a real Redis."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from config.settings import Settings
from serving.view.contacts import email_of, phone_of
from tests.harness.api import Api, TokenBook, View, serving
from tests.harness.view import keys_of, view_of

pytestmark = pytest.mark.always

PATH = "/v1/same-person"


def person(customer_id: str, /, **attributes: str) -> tuple[str, dict[str, Any]]:
    return customer_id, {"attributes": attributes}


async def groups(api: Api, by: str = "phone", **parameters: Any) -> list[list[str]]:
    """Ids of all groups, page by page."""
    found: list[list[str]] = []
    answer = await api.http.get(PATH, params={"by": by, **parameters})
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        for group in page["groups"]:
            assert group["by"] == by
            found.append([one["customer_id"] for one in group["customers"]])
            assert group["size"] == len(found[-1])
        if page["next"] is None:
            return found
        answer = await api.http.get(page["next"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("138 0013 8000", "13800138000"),
        ("+86 138-0013-8000", "13800138000"),
        ("0086(138)00138000", "13800138000"),
        ("13800138000".translate({48 + n: 0xFF10 + n for n in range(10)}), "13800138000"),
        ("+44 20 7946 0958", "442079460958"),
        ("0044 20 7946 0958", "442079460958"),
        ("8613800138", "8613800138"),
        ("12345", None),
        ("1" * 16, None),
        ("unknown", None),
    ],
)
def test_phones_are_compared_by_their_digits(text: str, expected: str | None) -> None:
    assert phone_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Ana@Example.COM ", "ana@example.com"),
        ("ana@localhost", None),
        ("a b@example.com", None),
        ("none", None),
    ],
)
def test_addresses_are_compared_in_lower_case(text: str, expected: str | None) -> None:
    assert email_of(text) == expected


async def test_customers_who_share_a_contact_are_a_group(api: Api, view: View) -> None:
    await view.put(
        person("ana", phone="13800138000", email="ana@example.com", name="Ana"),
        person("ana-app", phone="+86 138 0013 8000", union_id="u1"),
        person("ana-old", phone="0086-13800138000", email="ANA@example.com"),
        person("ben", phone="13900139000", union_id=" u2"),
        person("ben-app", phone="13900139000", unionid="u2"),
        person("cai", phone="12", email="no address", union_id="u3"),
    )
    by_phone = [["ana", "ana-app", "ana-old"], ["ben", "ben-app"]]
    assert await groups(api) == by_phone
    assert await groups(api, limit=1) == by_phone
    assert await groups(api, "email") == [["ana", "ana-old"]]
    assert await groups(api, "union_id") == [["ben", "ben-app"]]
    [first, *_] = (await api.http.get(PATH)).json()["groups"]
    assert first["customers"][0] == {
        "customer_id": "ana",
        "name": "Ana",
        "phone": "13800138000",
        "email": "ana@example.com",
        "tier": "C",
        "owner": None,
        "orders_ever": 1,
        "spend_ever": "12.50",
        "last_order_at": "2026-01-01T00:00:00.000Z",
    }
    of_ana = (await api.http.get("/v1/customers/ana/same-person")).json()["groups"]
    assert [(group["by"], group["size"]) for group in of_ana] == [("phone", 3), ("email", 2)]
    assert (await api.http.get("/v1/customers/cai/same-person")).json()["groups"] == []


async def test_a_large_group_is_told_in_part(api: Api, view: View) -> None:
    await view.put(*(person(f"c{number:02d}", phone="13800138000") for number in range(30)))
    [group] = (await api.http.get(PATH)).json()["groups"]
    assert (group["size"], len(group["customers"])) == (30, 20)


async def test_the_index_follows_the_profiles_exactly(
    settings: Settings, redis: Redis, api: Api, view: View
) -> None:
    random = Random(3)
    phones = [f"1380013800{number}" for number in range(4)]
    present: dict[str, str] = {}
    for _ in range(120):
        name, phone = random.choice("abcdefg"), random.choice([*phones, "", None])
        if phone is None:
            present.pop(name, None)
            await view.put((name, None))
        else:
            present[name] = phone
            await view.put(person(name, **({"phone": phone} if phone else {})))
        expected = [
            sorted(name for name, its in present.items() if its == phone) for phone in phones
        ]
        shared = sorted(group for group in expected if len(group) > 1)
        assert sorted(await groups(api)) == shared
    await view.put(*((name, None) for name in present))
    base = (await view_of(redis, settings).open()).keys.base
    left = {key.removeprefix(base) for key in await keys_of(redis, settings)}
    assert not [key for key in left if key.startswith(("contact:", "same:", "shared:"))]


async def test_who_may_not_see_attributes_may_not_see_this(
    settings: Settings, view: View, book: TokenBook
) -> None:
    await view.put(person("ana", phone="13800138000"))
    secured = settings.model_copy(update={"api_token_file": book.path})
    async with serving(secured, token=book.add("plain", "read")) as api:
        for path in (PATH, "/v1/customers/ana/same-person"):
            assert (await api.http.get(path)).status_code == 403
    async with serving(secured, token=book.add("full", "read", "attributes")) as api:
        assert await groups(api) == []


async def test_what_cannot_be_asked_is_a_problem(api: Api, view: View) -> None:
    assert (await api.http.get(PATH)).status_code == 503
    await view.put(person("a", phone="13800138000"), person("b", phone="13800138000"))
    await view.put(person("c", phone="13800138001"), person("d", phone="13800138001"))
    following = (await api.http.get(PATH, params={"limit": 1})).json()["next"]
    for path, status in {
        f"{PATH}?by=name": 422,
        f"{PATH}?cursor=abc": 400,
        f"{following}&by=email": 400,
        "/v1/customers/nobody/same-person": 404,
    }.items():
        assert (await api.http.get(path)).status_code == status, path
