"""`tierstream api` and `tierstream api-token` as operators start them."""

from __future__ import annotations

import asyncio
import json
import socket
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from config.settings import Settings
from devtools.servers import Broker, RedisServer
from devtools.servers.guardian import Workspace
from devtools.servers.ports import free_ports
from scoring.policy import Policy
from serving.api.tokens import digest_of
from streams.kafka.topics import create_topics
from tests.builders import day, erased, order
from tests.driver import Driver
from tests.harness.api import TokenBook, View
from tests.harness.environment import CLI, bare_environment, run_cli
from tests.harness.running_worker import RunningWorker
from tests.harness.view import redis_of, settings_for
from tests.integration.sse import Event, Listener
from tests.integration.test_explain_command import flush


@pytest.fixture
async def settings(
    embedded_broker: Broker, redis_server: RedisServer, topic_prefix: str
) -> Settings:
    settings = settings_for(embedded_broker, redis_server.url, topic_prefix)
    await create_topics(settings)
    return settings


class RunningApi(RunningWorker):
    """An API process; `http` is a client of it."""

    def __init__(self, name: str, folder: Path, workspace: Workspace, **variables: str) -> None:
        (port,) = free_ports()
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30)
        variables["TIERSTREAM_API_PORT"] = str(port)
        super().__init__(name, variables, folder, workspace, (*CLI, "api"))


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    found = Workspace("api")
    yield found
    found.close()


@contextmanager
def running(
    name: str, folder: Path, workspace: Workspace, variables: dict[str, str]
) -> Iterator[RunningApi]:
    api = RunningApi(name, folder, workspace, **variables)
    try:
        yield api
    finally:
        api.end()


def outcome(*words: str, **variables: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command, which listens on free ports."""
    env = bare_environment(TIERSTREAM_HTTP_PORT="0", TIERSTREAM_API_PORT="0") | variables
    found = run_cli(*words, env=env, timeout_s=30)
    return found.returncode, found.stdout, found.stderr


@pytest.mark.slow
async def test_it_answers_explains_erases_and_ends_in_order(
    settings: Settings, book: TokenBook, tmp_path: Path, workspace: Workspace
) -> None:
    driver = Driver()
    driver.feed(order("o1", "100", day(0)), order("o2", "30", day(0), customer="b/n"))
    driver.feed(erased(day(1), customer="dan"))
    await flush(settings, driver)
    reader, eraser = book.add("crm", "read"), book.add("dpo", "erase")
    variables = bare_environment(settings, TIERSTREAM_API_TOKEN_FILE=str(book.path))
    async with redis_of(settings) as redis:
        await View(redis, settings).put(("ana", {"tier": "B"}))
    with running("api", tmp_path, workspace, variables) as api:
        await api.ready()
        as_reader = {"Authorization": f"Bearer {reader}"}
        found = await api.http.get("/v1/customers/ana", headers=as_reader)
        answer = await api.http.get("/v1/policy", headers=as_reader)
        assert (found.json()["tier"], answer.json()["version"]) == ("B", Policy().version)

        _, told, _ = outcome("explain", "--json", "ana", **variables)
        explained = await api.http.get("/v1/customers/ana/explain", headers=as_reader)
        assert explained.json() == json.loads(told)
        another = await api.http.get("/v1/customers/b%2Fn/explain", headers=as_reader)
        assert another.json()["customer_id"] == "b/n"
        gone = await api.http.get("/v1/customers/dan/explain", headers=as_reader)
        assert gone.json()["erased"] is True
        unknown = await api.http.get("/v1/customers/nobody/explain", headers=as_reader)
        assert (unknown.status_code, "no event of" in unknown.json()["detail"]) == (404, True)

        as_eraser = {"Authorization": f"Bearer {eraser}"}
        receipt = (await api.http.delete("/v1/customers/b%2Fn", headers=as_eraser)).json()
        assert receipt["customer_id"] == "b/n"
        (written,) = [step for step in receipt["steps"] if step["where"] == "request"]
        event = await record_at(settings, written["at"])
        assert event["type"] == "customer.erased"
        assert event["customer_id"] == "b/n"
        assert event["event_id"] == receipt["event_id"]
        assert {f"{settings.topic_prefix}orders"} <= {one["topic"] for one in receipt["remains"]}

        route = "/v1/customers/{customer_id}"
        assert api.value("api_requests_total", route=route, status="200") == 1
        assert api.value("api_requests_total", route=route, status="202") == 1
        assert api.stop() == 0
        assert '"message": "api ends"' in api.log
        assert api.complaints == []
        for secret in (reader, eraser, "b/n"):
            assert secret not in api.log
        await api.http.aclose()


async def record_at(settings: Settings, place: str) -> dict[str, str]:
    """The record at ``topic/partition@offset``."""
    where, _, offset = place.rpartition("@")
    topic, _, partition = where.rpartition("/")
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await consumer.start()
    try:
        tp = TopicPartition(topic, int(partition))
        consumer.assign([tp])
        consumer.seek(tp, int(offset))
        record = await asyncio.wait_for(consumer.getone(), 10)
    finally:
        await consumer.stop()
    found: dict[str, str] = json.loads(record.value)
    return found


@pytest.fixture
async def producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers, acks="all")
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def test_a_stream_goes_on_over_killed_processes(
    settings: Settings, producer: AIOKafkaProducer, tmp_path: Path, workspace: Workspace
) -> None:
    lives = 3
    told = 600
    got: list[Event] = []
    last_id: str | None = None

    async def tell() -> None:
        for number in range(told):
            customer = f"c{number % 17}"
            data = {"customer_id": customer, "sequence": number, "tier": "A"}
            event = {"type": "tier.changed", "subject": customer, "data": data}
            topic = f"{settings.topic_prefix}tier-changes"
            await producer.send_and_wait(topic, json.dumps(event).encode(), customer.encode())
            await asyncio.sleep(0.01)

    async with redis_of(settings) as redis:
        await View(redis, settings).put()
    telling = asyncio.create_task(tell())
    for life in range(lives):
        with running(f"api-{life}", tmp_path, workspace, bare_environment(settings)) as api:
            await api.ready()
            listener = Listener(api.http, {"since": "1h"}, last_id)
            stop_at = told * (life + 1) // lives
            async with asyncio.timeout(60):
                try:
                    async for event in listener.events():
                        got.append(event)
                        if len(got) >= stop_at:
                            if life == lives - 1:
                                break
                            if api.code is None:
                                api.kill()  # what was sent before still arrives
                except httpx.HTTPError:
                    pass
            last_id = listener.last_id
            await api.http.aclose()
    await telling
    sequences = [event.json()["data"]["sequence"] for event in got]
    assert sorted(sequences) == list(range(told)), "none lost, none twice"


async def test_an_explanation_under_way_does_not_outlive_it(
    settings: Settings, tmp_path: Path, workspace: Workspace
) -> None:
    async with redis_of(settings) as redis:
        await View(redis, settings).put()
    deaf = socket.create_server(("127.0.0.1", 0))  # connects, and says nothing
    port = deaf.getsockname()[1]
    variables = bare_environment(
        settings,
        TIERSTREAM_KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{port}",
        TIERSTREAM_STARTUP_TIMEOUT="60s",
        TIERSTREAM_API_EXPLAIN_TIMEOUT="60s",
    )
    with deaf, running("api", tmp_path, workspace, variables) as api:
        await api.ready()
        asked = asyncio.create_task(api.http.get("/v1/customers/ana/explain"))
        await asyncio.sleep(3)
        assert not asked.done()
        code = await asyncio.to_thread(api.stop)  # also sees that nobody is left behind
        assert code == 0
        assert (await asked).status_code == 503
        assert [line for line in api.complaints if "no tokens are set up" not in line] == []
        await api.http.aclose()


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"TIERSTREAM_API_HOST": "0.0.0.0"}, "so the API needs TIERSTREAM_API_TOKEN_FILE"),
        (
            {"TIERSTREAM_API_HOST": "::", "TIERSTREAM_API_TOKEN_FILE": "/tokens"},
            "in plain text; set TIERSTREAM_API_TLS_CERTFILE",
        ),
        ({"TIERSTREAM_API_TOKEN_FILE": "/nowhere/t"}, "/nowhere/t: no such file or directory"),
        (
            {"TIERSTREAM_API_TLS_CERTFILE": "/nowhere/c"},
            "TIERSTREAM_API_TLS_CERTFILE=/nowhere/c: no such file or directory",
        ),
        ({"TIERSTREAM_API_TLS_KEYFILE": "/k"}, "TIERSTREAM_API_TLS_CERTFILE is not"),
        ({"TIERSTREAM_API_HOST": "192.0.2.1", "TIERSTREAM_API_TOKEN_FILE": "T"}, "192.0.2.1"),
    ],
)
def test_what_would_be_wrong_ends_the_start_with_one_sentence(
    variables: dict[str, str], sentence: str, book: TokenBook
) -> None:
    if variables.get("TIERSTREAM_API_TOKEN_FILE") == "T":
        variables = variables | {
            "TIERSTREAM_API_TOKEN_FILE": str(book.path),
            "TIERSTREAM_API_ALLOW_PLAINTEXT": "true",
        }
    code, _, errors = outcome("api", **variables)
    assert code == 1
    last = errors.strip().splitlines()[-1]
    assert last.startswith("tierstream: ")
    assert sentence in last
    assert "Traceback" not in errors


def test_a_new_token_is_shown_once_and_kept_as_its_hash() -> None:
    code, kept, shown = outcome("api-token", "crm", "--scope", "read", "--scope", "attributes")
    assert code == 0
    secret = shown.strip()
    (entry,) = tomllib.loads(kept)["tokens"]
    assert entry == {
        "name": "crm",
        "sha256": digest_of(secret),
        "scopes": ["read", "attributes"],
    }
    assert secret not in kept
    code, kept, _ = outcome("api-token", "crm", "--days", "30")
    assert code == 0
    assert tomllib.loads(kept)["tokens"][0]["expires"].tzinfo is not None


@pytest.mark.parametrize(
    "words", [["a b"], ["crm", "--scope", "all"], ["crm", "--scope", "attributes"]]
)
def test_a_token_that_means_nothing_is_not_made(words: list[str]) -> None:
    code, kept, errors = outcome("api-token", *words)
    assert code == 1
    assert kept == ""
    assert errors.startswith("tierstream: ")
