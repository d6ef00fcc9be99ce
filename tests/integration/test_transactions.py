"""Upstreams that write in transactions: committed records count, aborted ones do not."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from devtools.servers import Broker, RedisServer
from handlers.outputs import CUSTOMER_PROFILES, TIER_CHANGES
from streams.kafka.topics import CUSTOMER_EVENTS, changelog_name
from tests.builders import day, order
from tests.harness.api import serving
from tests.harness.deployment import Deployment, Message, TopicPosition
from tests.harness.running_worker import RunningWorker
from tests.harness.view import eventually, projecting
from tests.integration.audit import audit
from tests.integration.sse import Listener
from tests.support.changes import tier_changed
from tests.support.profiles import profile
from tierstream_client import Alert, AlertConsumer, MemoryFile

pytestmark = pytest.mark.kafka

Record = tuple[str, int, str, bytes | None]
"""Topic by its full name, partition, key and value."""


@asynccontextmanager
async def transactional(deployment: Deployment) -> AsyncIterator[AIOKafkaProducer]:
    """A producer of transactions."""
    producer = AIOKafkaProducer(
        bootstrap_servers=deployment.settings.kafka_bootstrap_servers,
        transactional_id=uuid.uuid4().hex,
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def put(producer: AIOKafkaProducer, *records: Record) -> None:
    """Write some records and wait for the broker to have them."""
    for topic, partition, key, value in records:
        await producer.send_and_wait(topic, value, key.encode(), partition)


async def abort(producer: AIOKafkaProducer, *records: Record) -> None:
    """Write some records in a transaction that is aborted."""
    await producer.begin_transaction()
    await put(producer, *records)
    await producer.abort_transaction()


async def commit(deployment: Deployment, producer: AIOKafkaProducer, *records: Record) -> None:
    """Write some records in a transaction that is committed."""
    async with producer.transaction():
        for topic, partition, key, value in records:
            found = await producer.send_and_wait(topic, value, key.encode(), partition)
            if topic == deployment.topic("orders"):
                deployment.sent[TopicPosition(topic, partition, found.offset)] = value


def placed(deployment: Deployment, name: str, partition: int = 0) -> Record:
    """An order of a customer with this name."""
    value = order(name, "900", day(0), customer=name)
    return deployment.topic("orders"), partition, name, value


async def send(deployment: Deployment, *names: str, partition: int = 0) -> None:
    """Orders outside of any transaction."""
    values = [placed(deployment, name)[3] for name in names]
    await deployment.send([Message("orders", value, b"", partition) for value in values])


async def test_a_worker_takes_what_is_committed_and_waits_for_nothing_else(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    with Deployment(kafka_broker, tmp_path, partitions=2) as deployment:
        await deployment.create_topics()
        first = await deployment.ready_worker()
        async with transactional(deployment) as upstream:
            seen = await aborted_ones_are_not_seen(deployment, upstream)
            await caught_up(deployment, first)
            await an_open_one_delays_its_partition_alone(deployment, first, seen)
            await caught_up(deployment, first)
            # By mistake, in topics of ours: seen by nobody, and not in the way of anything.
            topics = deployment.topic(CUSTOMER_EVENTS), changelog_name(deployment.settings)
            ours: list[Record] = [(topic, n, "x", b"?") for topic in topics for n in range(2)]
            await abort(upstream, *ours)
            await send(deployment, "last")
            await names_in_log(deployment, seen | {"last"})
            assert first.stop() == 0
            await abort(upstream, *ours)
        second = await deployment.ready_worker()
        await send(deployment, "restored")
        await names_in_log(deployment, seen | {"last", "restored"})
        await deployment.drained()
        assert second.stop() == 0
        assert first.complaints + second.complaints == []
        await audit(deployment)


async def aborted_ones_are_not_seen(deployment: Deployment, upstream: AIOKafkaProducer) -> set[str]:
    """Send aborted orders among others, before, between and last; returns who is in the log."""
    for number in range(3):
        await abort(upstream, placed(deployment, f"aborted-{number}"))
        await commit(deployment, upstream, placed(deployment, f"committed-{number}"))
        await send(deployment, f"plain-{number}")
    await abort(upstream, placed(deployment, "aborted-last"))
    seen = {f"{kind}-{number}" for kind in ("committed", "plain") for number in range(3)}
    await names_in_log(deployment, seen)
    return seen


async def an_open_one_delays_its_partition_alone(
    deployment: Deployment, worker: RunningWorker, seen: set[str]
) -> None:
    """Begin a transaction and let it hang for a while, with orders behind it and beside it."""
    orders = deployment.topic("orders")
    async with transactional(deployment) as hanging:
        await hanging.begin_transaction()
        await put(hanging, placed(deployment, "open"))
        await send(deployment, "one", "two")
        await send(deployment, "beside", partition=1)
        seen.add("beside")
        await names_in_log(deployment, seen)
        for name in ("open_transaction_records", "consumer_lag"):
            await shows(worker, name, 3, topic=orders, partition="0")
        await shows(worker, "open_transaction_records", 3)
        assert "3 more for a producer to end its transaction" in deployment.run("doctor").stdout
        await hanging.abort_transaction()
    seen |= {"one", "two"}
    await names_in_log(deployment, seen)
    await shows(worker, "open_transaction_records", 0)


async def names_in_log(deployment: Deployment, names: set[str]) -> None:
    """Wait until these customers are in the log, and see that no others are."""
    found: set[str] = set()

    async def claim() -> bool:
        records = [record for part in await deployment.read(CUSTOMER_EVENTS) for record in part]
        found.update(record.key.decode() for record in records if record.key is not None)
        return found >= names

    await eventually(claim)
    assert found == names


async def shows(worker: RunningWorker, name: str, value: float, **labels: str) -> None:
    """Wait until a worker shows a metric so."""

    async def claim() -> bool:
        return worker.value(name, **labels) == value

    await eventually(claim)


async def caught_up(deployment: Deployment, worker: RunningWorker) -> None:
    """Wait until a worker shows no lag, and its commits go past the ends of all transactions."""
    await shows(worker, "consumer_lag", 0)
    orders = TopicPartition(deployment.topic("orders"), 0)
    async with AIOKafkaConsumer(
        bootstrap_servers=deployment.settings.kafka_bootstrap_servers,
        group_id=deployment.settings.app_id,
        enable_auto_commit=False,
    ) as group:
        group.assign([orders])
        (end,) = (await group.end_offsets([orders])).values()

        async def claim() -> bool:
            return bool(await group.committed(orders) == end)

        await eventually(claim)


async def test_readers_see_nothing_of_an_aborted_transaction(
    kafka_broker: Broker, redis_server: RedisServer, topic_prefix: str, tmp_path: Path
) -> None:
    with Deployment(
        kafka_broker,
        tmp_path,
        partitions=1,
        redis_url=redis_server.url,
        redis_key_prefix=topic_prefix,
    ) as deployment:
        settings = deployment.settings
        await deployment.create_topics()
        profiles, changes = deployment.topic(CUSTOMER_PROFILES), deployment.topic(TIER_CHANGES)
        log = deployment.topic(CUSTOMER_EVENTS)

        def of(name: str, sequence: int) -> list[Record]:
            return [
                (profiles, 0, name, profile(name)),
                (changes, 0, name, tier_changed(name, sequence)),
                (log, 0, name, order(name, "9", day(0), customer=name)),
            ]

        async with transactional(deployment) as producer:
            await abort(producer, *of("cat", 1))
            await commit(deployment, producer, *of("ana", 1))
            await abort(producer, *of("dan", 1))
            async with projecting(settings) as projector, serving(settings) as api:
                listener = Listener(api.http, {"topic": TIER_CHANGES, "since": "1h"})
                listening = asyncio.create_task(listener.take(2))
                await commit(deployment, producer, *of("ben", 1))
                await abort(producer, *of("eve", 1))
                events = await listening
                assert [event.json()["subject"] for event in events] == ["ana", "ben"]

                async def is_shown() -> bool:
                    return (await api.http.get("/v1/customers/ben")).status_code == 200

                async def has_no_lag() -> bool:
                    return projector.value("consumer_lag", topic=profiles, partition="0") == 0

                await eventually(is_shown)
                await eventually(has_no_lag)
                for name in ("cat", "dan", "eve"):
                    assert (await api.http.get(f"/v1/customers/{name}")).status_code == 404

                await producer.begin_transaction()
                await put(producer, *of("fay", 1))

                async def shows_it() -> bool:
                    labels = {"topic": profiles, "partition": "0"}
                    return projector.value("open_transaction_records", **labels) == 1

                await eventually(shows_it)
                lines, _ = await deployment.dump(0)
                assert len(lines) == 2, "it ends, before the open transaction"
                await producer.abort_transaction()
        assert len((await deployment.dump(0))[0]) == 2
        assert await told(deployment, tmp_path, 2) == ["ana", "ben"]
        assert await told(deployment, tmp_path, 0) == []


async def told(deployment: Deployment, folder: Path, count: int) -> list[str]:
    """Whose changes a program with the client is told until it has read everything."""
    names: list[str] = []
    topic = deployment.topic(TIER_CHANGES)
    with MemoryFile(folder / "memory") as memory:
        async with AlertConsumer(
            deployment.settings.kafka_bootstrap_servers, [topic], memory
        ) as consumer:

            async def handle(alert: Alert) -> None:
                names.append(alert.customer_id)

            async def has_read_all() -> bool:
                end = len(names) >= count and memory.next_offset(topic, 0)
                return bool(end) and end == ends[TopicPartition(topic, 0)]

            ends = await consumer._consumer.end_offsets([TopicPartition(topic, 0)])
            running = asyncio.create_task(consumer.run(handle))
            await eventually(has_read_all)
            consumer.stop()
            await running
    return names
