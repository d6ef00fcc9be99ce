"""docs/api.md and the API's own description tell what the program does."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from redis.asyncio import Redis

from handlers.outputs import Profile
from serving.api import openapi
from serving.api.app import create_app
from serving.api.auth import Access
from serving.api.dependencies import Services
from serving.api.health import ApiHealth
from serving.api.jobs import EraseJobs, ExplainJobs, KafkaUnavailable, PolicyJob
from serving.api.metrics import ApiMeter
from serving.api.models import PROFILE_EXAMPLE
from serving.api.problems import KINDS, Problem
from serving.api.rate_limit import RateLimiter
from serving.api.sse.changes_consumer import ChangesConsumer
from serving.api.sse.manager import StreamManager
from serving.api.tokens import SCOPES
from serving.view.changes_reader import ChangesReader
from serving.view.figures_reader import FiguresReader
from serving.view.history import HistoryReader
from serving.view.reader import ViewReader
from serving.view.same_person_reader import SamePersonReader
from serving.view.timeline_reader import TimelineReader
from tests.support.documents import ROOT, sections, table_rows
from tests.support.profiles import profile

PAGE = ROOT / "docs/api.md"


async def nothing(_customer_id: str) -> bytes:
    raise KafkaUnavailable("there is none")


async def no_policy() -> None:
    return None


def no_source() -> ChangesConsumer:
    raise AssertionError("nobody streams here")


@pytest.fixture
async def described() -> Any:
    """The description, as it is served."""
    redis, meter, ending = Redis(), ApiMeter(), asyncio.Event()
    unlimited = RateLimiter(0, 0, 1, time.monotonic)
    services = Services(
        access=Access(None, unlimited, lambda: 0),
        view=ViewReader(redis, "{x}:"),
        changes=ChangesReader(redis, "{x}:", 86_400_000),
        figures=FiguresReader(redis, "{x}:"),
        history=HistoryReader(redis, "{x}:"),
        timelines=TimelineReader(redis, "{x}:"),
        same_person=SamePersonReader(redis, "{x}:"),
        streams=StreamManager(no_source, 1, meter, ending),
        explain_jobs=ExplainJobs(nothing, 1, ending),
        erase_jobs=EraseJobs(nothing),
        policy_job=PolicyJob(no_policy, time.monotonic),
        health=ApiHealth(time.monotonic),
    )
    app = create_app(services, unlimited, meter)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return (await client.get("/v1/openapi.json")).json()


def references(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        if "$ref" in document:
            yield document["$ref"]
        for value in document.values():
            yield from references(value)
    elif isinstance(document, list):
        for value in document:
            yield from references(value)


def operations(described: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


async def test_every_reference_in_the_description_leads_somewhere(described: Any) -> None:
    found = set(references(described))
    assert len(found) > 20
    for reference in found:
        target = described
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


async def test_every_path_says_what_it_does_and_what_can_go_wrong(described: Any) -> None:
    for path, method, operation in operations(described):
        assert operation["summary"]
        assert operation["description"]
        if not path.startswith("/v1/"):
            continue
        assert operation["security"] == [{"bearer": []}], path
        responses = operation["responses"]
        assert {"400", "401", "403", "422", "429", "500"} <= set(responses)
        for status, response in responses.items():
            kind = "application/problem+json" if int(status) >= 400 else None
            assert kind is None or set(response["content"]) == {kind}, (path, status)
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (path, method, parameter["name"])


async def test_no_framework_speaks_in_the_description(described: Any) -> None:
    assert "HTTPValidationError" not in described["components"]["schemas"]
    assert "ValidationError" not in described["components"]["schemas"]


async def test_the_profile_is_described_with_all_its_fields(described: Any) -> None:
    fields = described["components"]["schemas"]["Profile"]["properties"]
    assert set(fields) == set(Profile.__struct_fields__)
    told = json.loads(profile("ana"))["data"]
    assert set(told) <= set(fields)


async def test_the_page_names_every_path(described: Any) -> None:
    text = PAGE.read_text("utf-8")
    for path, _, _ in operations(described):
        assert path.replace("{customer_id}", "ana") in text, path


async def test_the_page_names_every_parameter_of_a_search(described: Any) -> None:
    rows = table_rows(sections(PAGE)["Search"])
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    parameters = {each["name"] for each in described["paths"]["/v1/customers"]["get"]["parameters"]}
    assert named == parameters - {"id"}


def test_the_page_lists_every_problem() -> None:
    rows = table_rows(sections(PAGE)["Errors"])[2:]
    assert rows == [[f"`{name}`", str(kind.status), kind.meaning] for name, kind in KINDS.items()]


def test_the_page_lists_every_scope() -> None:
    rows = table_rows(sections(PAGE)["Tokens"])[2:]
    assert [row[0] for row in rows] == [f"`{scope}`" for scope in SCOPES]


@pytest.mark.parametrize("kind", KINDS)
def test_every_problem_is_a_document(kind: str) -> None:
    document = json.loads(Problem(kind, "what happened").body("urn:x"))
    schema = openapi._PROBLEM
    assert set(document) <= set(schema["properties"])
    assert document["type"] in schema["properties"]["type"]["enum"]
    assert document["status"] == KINDS[kind].status


def test_the_example_is_a_profile() -> None:
    assert isinstance(msgspec.convert(PROFILE_EXAMPLE, Profile), Profile)
