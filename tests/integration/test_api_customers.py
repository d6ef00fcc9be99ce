"""One customer over HTTP: the profile, the explanation, erasure."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from config.durations import Duration
from config.settings import Settings
from serving.api import jobs
from tests.harness.api import Api, Rest, TokenBook, View, serving
from tests.support.profiles import profile

pytestmark = pytest.mark.always

STRANGE = ["a/b", "..", "a b+c&d=e?f#g%h", "żółć", "a:b{c}*?[d]", "explain", "日本", "'; drop", "~"]


def path_of(customer: str) -> str:
    return f"/v1/customers/{quote(customer, safe='')}"


async def test_a_profile_is_told_as_it_came(api: Api, view: View) -> None:
    await view.put(("ana", {"tier": "B"}))
    answer = await api.http.get("/v1/customers/ana")
    assert answer.json() == json.loads(profile("ana", tier="B"))["data"]
    assert answer.headers["content-type"] == "application/json"


async def test_ids_may_be_any_text(api: Api, view: View) -> None:
    await view.put(*((name, {}) for name in STRANGE))
    for name in STRANGE:
        if name != "..":  # which clients take for the path above
            assert (await api.http.get(path_of(name))).json()["customer_id"] == name
            assert (await api.http.get(path_of(name) + "/explain")).status_code == 404
    page = (await api.http.get("/v1/customers", params={"id": STRANGE})).json()
    assert [customer["customer_id"] for customer in page["customers"]] == STRANGE


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/v1/customers/nobody", 404, "unknown-customer"),
        ("/v1/customers/%FF", 422, "bad-parameter"),
        ("/v1/customers/%00", 422, "bad-parameter"),
        ("/v1/customers/" + "x" * 129, 422, "bad-parameter"),
        ("/v1/customers/ana?explian=true", 422, "bad-parameter"),
        ("/v1/customers/a/b", 404, "unknown-path"),
        ("/v1/customers/", 404, "unknown-path"),
        ("/v1/%63ustomers/ana", 404, "unknown-path"),
        ("/", 404, "unknown-path"),
    ],
)
async def test_what_is_not_there_is_a_problem(
    api: Api, view: View, path: str, status: int, kind: str
) -> None:
    await view.put(("ana", {}))
    answer = await api.http.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"urn:tierstream:problem:{kind}"
    assert problem["status"] == status
    assert problem["instance"].endswith(answer.headers["x-request-id"])


async def test_an_erased_customer_is_not_there(api: Api, view: View) -> None:
    await view.put(("ana", {}), ("ben", {}))
    await view.put(("ana", None))
    assert (await api.http.get("/v1/customers/ana")).status_code == 404
    page = (await api.http.get("/v1/customers", params={"id": ["ana", "ben"]})).json()
    assert [customer["customer_id"] for customer in page["customers"]] == ["ben"]


async def test_attributes_are_for_those_who_may_see_them(
    settings: Settings, view: View, tmp_path: Path
) -> None:
    await view.put(("ana", {"attributes": {"name": "Ana Maria"}}))
    book = TokenBook(tmp_path / "tokens.toml")
    plain, full = book.add("dashboard", "read"), book.add("crm", "read", "attributes")
    with_tokens = settings.model_copy(update={"api_token_file": book.path})
    async with serving(with_tokens) as api:
        for path in ("/v1/customers/ana", "/v1/customers"):
            seen = await api.http.get(path, headers={"Authorization": f"Bearer {plain}"})
            assert seen.status_code == 200
            assert "Ana Maria" not in seen.text
            assert '"attributes":{}' in seen.text
            seen = await api.http.get(path, headers={"Authorization": f"Bearer {full}"})
            assert "Ana Maria" in seen.text


async def test_an_explanation_is_handed_on(api: Api) -> None:
    api.rest.explanations["a/b"] = b'{"customer_id":"a/b"}'
    assert (await api.http.get("/v1/customers/a%2Fb/explain")).json() == {"customer_id": "a/b"}
    unknown = await api.http.get("/v1/customers/ben/explain")
    assert unknown.json()["type"].endswith(":unknown-customer")
    api.rest.kafka_is_away = True
    away = await api.http.get("/v1/customers/ben/explain")
    assert away.status_code == 503
    assert away.json()["type"].endswith(":kafka-unavailable")


async def test_an_explanation_that_takes_too_long_is_given_up(settings: Settings) -> None:
    hasty = settings.model_copy(update={"api_explain_timeout": Duration(500)})
    async with serving(hasty, Rest(explain_s=30)) as api:
        answer = await api.http.get("/v1/customers/ana/explain")
        assert answer.status_code == 504
        assert answer.json()["type"].endswith(":too-slow")


async def test_explanations_are_asked_for_a_few_at_a_time(settings: Settings) -> None:
    rest = Rest(explanations={"ana": b"{}"}, explain_s=0.5)
    taken = jobs._EXPLANATIONS_AT_ONCE + jobs._EXPLANATIONS_WAITING_MAX
    async with serving(settings, rest) as api:
        answers = await asyncio.gather(
            *(api.http.get("/v1/customers/ana/explain") for _ in range(taken + 3))
        )
    assert sorted(answer.status_code for answer in answers) == [200] * taken + [503] * 3


async def test_erasure_is_asked_for_and_its_receipt_handed_on(
    settings: Settings, tmp_path: Path
) -> None:
    book = TokenBook(tmp_path / "tokens.toml")
    secret = book.add("dpo", "erase")
    with_tokens = settings.model_copy(update={"api_token_file": book.path})
    async with serving(with_tokens, token=secret) as api:
        answer = await api.http.delete("/v1/customers/a%2Fb")
        assert answer.status_code == 202
        assert answer.json() == {"customer_id": "a/b"}
        assert api.rest.erased == ["a/b"]
        api.rest.kafka_is_away = True
        away = await api.http.delete("/v1/customers/ben")
        assert away.status_code == 503
        assert "ask again" in away.json()["detail"]


@pytest.mark.parametrize("scopes", [("read",), ("read", "attributes")])
async def test_who_may_read_may_not_erase(
    settings: Settings, tmp_path: Path, scopes: tuple[str, ...]
) -> None:
    book = TokenBook(tmp_path / "tokens.toml")
    secret = book.add("crm", *scopes)
    with_tokens = settings.model_copy(update={"api_token_file": book.path})
    async with serving(with_tokens, token=secret) as api:
        assert (await api.http.delete("/v1/customers/ana")).status_code == 403
        assert api.rest.erased == []


async def test_without_tokens_nobody_erases(api: Api) -> None:
    assert (await api.http.delete("/v1/customers/ana")).status_code == 403
    assert api.rest.erased == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "OPTIONS", "HEAD", "TRACE"])
async def test_other_methods_are_told_which_there_are(api: Api, method: str) -> None:
    answer = await api.http.request(method, "/v1/customers/ana")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "DELETE, GET"
    refused: Any = await api.http.request("DELETE", "/v1/customers")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "GET"
