"""Streams of changes, over a real broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from config.settings import Settings
from devtools.servers import Broker, RedisServer, start_broker
from serving.api.sse import response as response_module
from serving.api.sse import stream as changes_module
from serving.api.sse.position import TOPICS, decode_position
from streams.kafka.topics import create_topics
from tests.harness.api import Api, Rest, TokenBook, serving
from tests.harness.view import eventually, settings_for
from tests.integration.sse import Listener

SINCE = {"since": "1h"}


class Upstream:
    """Writes changes as the engine does."""

    def __init__(self, producer: AIOKafkaProducer, prefix: str) -> None:
        self._producer = producer
        self._prefix = prefix
        self._sequence = 0

    async def tell(self, topic: str, kind: str, customer: str, **data: Any) -> dict[str, Any]:
        self._sequence += 1
        event = {
            "specversion": "1.0",
            "type": kind,
            "subject": customer,
            "data": {"customer_id": customer, "sequence": self._sequence, **data},
        }
        value = json.dumps(event).encode()
        await self._producer.send_and_wait(self._prefix + topic, value, customer.encode())
        return event

    async def move(self, customer: str, tier: str = "A") -> dict[str, Any]:
        return await self.tell("tier-changes", "tier.changed", customer, tier=tier)


@pytest.fixture
async def settings(broker: Broker, redis_server: RedisServer, topic_prefix: str) -> Settings:
    settings = settings_for(broker, redis_server.url, topic_prefix)
    await create_topics(settings)
    return settings


@pytest.fixture
async def upstream(settings: Settings) -> AsyncIterator[Upstream]:
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers, acks="all", linger_ms=0
    )
    await producer.start()
    try:
        yield Upstream(producer, settings.topic_prefix)
    finally:
        await producer.stop()


async def test_changes_come_as_they_stand_on_their_topics(api: Api, upstream: Upstream) -> None:
    told = [
        await upstream.move("ana"),
        await upstream.tell("dormancy-alerts", "dormancy.alert", "ana", tier="A"),
        await upstream.tell("care-reminders", "checkin.due", "ana", tier="A"),
        await upstream.tell("profile-changes", "points.changed", "ana", balance=3),
    ]
    events = await Listener(api.http, SINCE).take(4)
    by_sequence = sorted((event.json() for event in events), key=lambda e: e["data"]["sequence"])
    assert by_sequence == told
    assert {event.name for event in events} == {event["type"] for event in told}
    assert api.value("api_streamed_events_total", topic="tier-changes") == 1


@pytest.mark.slow
async def test_a_stream_begins_with_now(api: Api, upstream: Upstream, settings: Settings) -> None:
    if not settings.producer_idempotence:
        pytest.skip("the embedded broker does not tell where a topic ends")
    await upstream.move("ana")
    listener = Listener(api.http)
    listening = asyncio.create_task(listener.take(1))

    async def has_begun() -> bool:
        return listener.last_id is not None

    await eventually(has_begun)
    await upstream.move("ben")
    (event,) = await listening
    assert event.json()["subject"] == "ben"


async def test_who_comes_back_gets_what_was_missed_and_nothing_twice(
    settings: Settings, api: Api, upstream: Upstream
) -> None:
    told = [await upstream.move(f"c{n}") for n in range(40)]
    got = []
    last_id = None
    for count in (1, 5, 2, 7):
        listener = Listener(api.http, SINCE, last_id)
        got += await listener.take(count)
        last_id = listener.last_id
    async with serving(settings) as another:
        told += [await upstream.move(f"d{n}") for n in range(10)]
        got += await Listener(another.http, None, last_id).take(35)
    sequences = [event.json()["data"]["sequence"] for event in got]
    assert sorted(sequences) == [event["data"]["sequence"] for event in told]


async def test_an_id_may_come_as_a_parameter(api: Api, upstream: Upstream) -> None:
    for n in range(3):
        await upstream.move("ana", tier=str(n))
    (first,) = await Listener(api.http, SINCE).take(1)
    events = await Listener(api.http, {"last_event_id": first.id}).take(2)
    assert [event.json()["data"]["tier"] for event in events] == ["1", "2"]


async def test_filters_leave_out_and_still_move_on(api: Api, upstream: Upstream) -> None:
    for _ in range(5):
        await upstream.move("ana", tier="B")
        await upstream.move("ben", tier="A")
    await upstream.tell("dormancy-alerts", "dormancy.alert", "ben", tier="A")
    by_tier = await Listener(api.http, {**SINCE, "tier": "A", "topic": "tier-changes"}).take(5)
    assert {event.json()["subject"] for event in by_tier} == {"ben"}
    listener = Listener(api.http, {**SINCE, "customer": ["ben", "nobody"]})
    assert {event.json()["subject"] for event in await listener.take(6)} == {"ben"}
    alerts = await Listener(api.http, {**SINCE, "type": "dormancy.alert"}).take(1)
    assert alerts[0].name == "dormancy.alert"


async def test_one_customer_costs_one_partition_of_each_topic(api: Api, upstream: Upstream) -> None:
    await upstream.move("ana")
    (event,) = await Listener(api.http, {**SINCE, "customer": "ana"}).take(1)
    places = decode_position(event.id).next_offsets
    assert sorted(topic for topic, _ in places) == sorted(TOPICS)


async def test_silence_is_broken_by_signs_of_life_with_the_place_reached(
    api: Api, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes_module, "HEARTBEAT_S", 0.5)
    listener = Listener(api.http, {**SINCE, "tier": "nobody's"})
    listening = asyncio.create_task(listener.take(1))
    try:
        await upstream.move("ana")

        async def was_passed() -> bool:
            if listener.last_id is None:
                return False
            offsets = decode_position(listener.last_id).next_offsets
            return listener.comments > 0 and sum(offsets.values()) == 1

        await eventually(was_passed)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_who_was_not_told_of_all_gaps_is_told_again(
    settings: Settings, upstream: Upstream
) -> None:
    await upstream.move("ana")
    await upstream.tell("dormancy-alerts", "dormancy.alert", "ana", tier="A")
    topics = [f"{settings.topic_prefix}{name}" for name in ("tier-changes", "dormancy-alerts")]
    old = Rest(ids=dict.fromkeys(topics, "the first"))
    new = Rest(ids=dict.fromkeys(topics, "the second"))
    selection = {**SINCE, "customer": "ana"}
    async with serving(settings, old) as before:
        last_id = (await Listener(before.http, selection).take(2))[-1].id
    async with serving(settings, new) as after:
        for _ in range(2):
            listener = Listener(after.http, selection, last_id)
            (gap,) = await listener.take(1)
            assert gap.name == "tierstream.gap"
            last_id = gap.id
        gaps = await Listener(after.http, selection, last_id).take(2)
        assert {gap.json()["topic"] for gap in gaps} == {"tier-changes", "dormancy-alerts"}
        events = await Listener(after.http, selection, gaps[-1].id).take(2)
        assert {event.name for event in events} == {"tier.changed", "dormancy.alert"}


async def test_a_topic_made_anew_is_told_and_read_from_its_beginning(
    settings: Settings, upstream: Upstream
) -> None:
    for n in range(3):
        await upstream.move("ana", tier=str(n))
    name = f"{settings.topic_prefix}tier-changes"
    selection = {**SINCE, "topic": "tier-changes", "customer": "ana"}
    async with serving(settings, Rest(ids={name: "the first"})) as before:
        first = (await Listener(before.http, selection).take(2))[-1]
    async with serving(settings, Rest(ids={name: "the second"})) as after:
        gap, *events = await Listener(after.http, selection, first.id).take(4)
    assert gap.name == "tierstream.gap"
    told = gap.json()
    assert (told["topic"], told["asked_offset"], told["resumed_offset"], told["reason"]) == (
        "tier-changes",
        2,
        0,
        "made_anew",
    )
    assert [event.json()["data"]["tier"] for event in events] == ["0", "1", "2"]
    async with serving(settings, Rest(ids={name: "the second"})) as again:
        (event,) = await Listener(again.http, selection, gap.id).take(1)
    assert event.json()["data"]["tier"] == "0", "the gap is told once"


@pytest.mark.kafka
async def test_what_retention_took_is_told(
    kafka_broker: Broker, redis_server: RedisServer, topic_prefix: str
) -> None:
    settings = settings_for(kafka_broker, redis_server.url, topic_prefix)
    await create_topics(settings)
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers, acks="all")
    await producer.start()
    upstream = Upstream(producer, topic_prefix)
    for n in range(6):
        await upstream.move("ana", tier=str(n))
    selection = {**SINCE, "topic": "tier-changes", "customer": "ana"}
    async with serving(settings) as api:
        (first,) = await Listener(api.http, selection).take(1)
        ((_, partition),) = decode_position(first.id).next_offsets
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
        await admin.start()
        tp = TopicPartition(f"{topic_prefix}tier-changes", partition)
        await admin.delete_records({tp: RecordsToDelete(before_offset=4)})
        await admin.close()
        gap, *events = await Listener(api.http, selection, first.id).take(3)
    await producer.stop()
    assert gap.json() == {
        "topic": "tier-changes",
        "partition": partition,
        "asked_offset": 1,
        "resumed_offset": 4,
        "reason": "retention",
    }
    assert [event.json()["data"]["tier"] for event in events] == ["4", "5"]


@pytest.mark.kafka
@pytest.mark.slow
async def test_a_stream_outlives_its_brokers(
    redis_server: RedisServer, topic_prefix: str, kafka_broker: Broker
) -> None:
    del kafka_broker  # whether there is one at all
    with start_broker("kafka") as own:
        settings = settings_for(own, redis_server.url, topic_prefix)
        await create_topics(settings)

        async def tell(tier: str) -> None:
            producer = AIOKafkaProducer(
                bootstrap_servers=settings.kafka_bootstrap_servers, acks="all"
            )
            await producer.start()
            await Upstream(producer, topic_prefix).move("ana", tier)
            await producer.stop()

        async with serving(settings) as api:
            await tell("A")
            listener = Listener(api.http, {**SINCE, "topic": "tier-changes"})
            listening = asyncio.create_task(listener.take(2, within_s=90))
            before = listener.last_id

            async def was_told() -> bool:
                return api.value("api_streamed_events_total", topic="tier-changes") == 1

            await eventually(was_told)
            own.kill()
            away = await api.http.get("/v1/changes")
            assert away.status_code == 503
            assert before != listener.last_id
            own.start()
            await tell("B")
            events = await listening
    assert [event.json()["data"]["tier"] for event in events] == ["A", "B"]


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        ({"topic": "orders"}, "bad-parameter"),
        ({"type": "tier.eaten"}, "bad-parameter"),
        ({"customer": "x" * 129}, "bad-parameter"),
        ({"customer": "a\nb"}, "bad-parameter"),
        ({"customer": [f"c{n}" for n in range(51)]}, "bad-parameter"),
        ({"since": "yesterday"}, "bad-parameter"),
        ({"teir": "A"}, "bad-parameter"),
        ({"last_event_id": "AAAA"}, "bad-position"),
        ({"last_event_id": "\u00e9"}, "bad-position"),
    ],
)
async def test_a_wrong_question_gets_one_clear_answer(
    api: Api, parameters: dict[str, Any], kind: str
) -> None:
    response = await api.http.get("/v1/changes", params=parameters)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == f"urn:tierstream:problem:{kind}"
    assert api.value("api_streams") == 0


async def test_an_id_of_another_selection_is_refused(api: Api, upstream: Upstream) -> None:
    await upstream.move("ana")
    (event,) = await Listener(api.http, {**SINCE, "topic": "tier-changes"}).take(1)
    response = await api.http.get("/v1/changes", headers={"Last-Event-ID": event.id})
    assert response.status_code == 400
    assert "another selection" in response.json()["detail"]


async def test_one_stream_too_many_is_told_to_wait(settings: Settings, upstream: Upstream) -> None:
    few = settings.model_copy(update={"api_max_streams": 1})
    await upstream.move("ana")
    async with serving(few) as api:
        async with api.http.stream("GET", "/v1/changes"):
            refused = await api.http.get("/v1/changes")
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) > 0

        async def is_free() -> bool:
            return api.value("api_streams") == 0

        await eventually(is_free)
        assert len(await Listener(api.http, SINCE).take(1)) == 1


async def test_a_client_that_does_not_read_is_cut_off_and_goes_on_later(
    settings: Settings, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(response_module, "SEND_TIMEOUT_S", 1.0)
    padding = "x" * 100_000
    for _ in range(200):
        await upstream.tell("tier-changes", "tier.changed", "ana", padding=padding)
    async with serving(settings) as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port, limit=2**16)
        writer.write(
            b"GET /v1/changes?since=1h&topic=tier-changes HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")

        async def is_cut() -> bool:
            return api.value("api_streams_cut_total", reason="slow") == 1

        await eventually(is_cut)
        rest = await reader.read()
        assert not rest.endswith(b"0\r\n\r\n"), "it looks whole"
        writer.close()
        await writer.wait_closed()
        last = await Listener(api.http, {**SINCE, "topic": "tier-changes"}).take(200)
        assert len({event.json()["data"]["sequence"] for event in last}) == 200


async def test_a_stream_ends_with_its_token(
    settings: Settings, upstream: Upstream, tmp_path: Any
) -> None:
    book = TokenBook(tmp_path / "tokens.toml")
    secret = book.add("crm", "read")
    with_tokens = settings.model_copy(update={"api_token_file": book.path})
    await upstream.move("ana")
    async with serving(with_tokens, token=secret) as api:
        listener = Listener(api.http, SINCE)
        got = []
        async with asyncio.timeout(20):
            async for event in listener.events():
                got.append(event)
                book.remove("crm")
        assert len(got) == 1
        assert api.value("api_streams_cut_total", reason="unwelcome") == 1
        assert (await api.http.get("/v1/changes")).status_code == 401


async def test_streams_end_when_the_process_does(settings: Settings, upstream: Upstream) -> None:
    await upstream.move("ana")
    async with serving(settings) as api:
        got = []
        async with asyncio.timeout(20):
            async for event in Listener(api.http, SINCE).events():
                got.append(event)
                api.stop.set()
        assert len(got) == 1


async def test_without_kafka_a_stream_is_no_silence(
    redis_server: RedisServer, topic_prefix: str, embedded_broker: Broker
) -> None:
    settings = settings_for(embedded_broker, redis_server.url, topic_prefix)
    async with serving(settings) as api:
        missing = await api.http.get("/v1/changes")
        assert missing.status_code == 503
        assert f"no topic {topic_prefix}" in missing.json()["detail"]
    nowhere = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    async with serving(nowhere) as api:
        away = await api.http.get("/v1/changes", timeout=httpx.Timeout(30))
        assert away.status_code == 503
        assert away.json()["type"].endswith(":kafka-unavailable")
