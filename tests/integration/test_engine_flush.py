"""What the engine writes at once may be more than its producer holds."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
from aiokafka import TopicPartition

from config.settings import Settings
from devtools.servers import Broker
from handlers.control_records import PolicyActivated, encode_control
from scoring.policy import Policy
from streams.engine.agent import Engine
from streams.engine.metrics import EngineMetrics
from streams.engine.owned_partition import OwnedPartition
from streams.faust_app import Batch, BatchProducer, FaustOptions, create_app
from streams.kafka.clients import new_consumer, new_producer
from streams.kafka.headers import META_KEY
from streams.kafka.read import read_to_end
from streams.kafka.topics import changelog_name, create_topics
from streams.runtime.metrics import Metrics
from tests.builders import day, order

CUSTOMERS = 3_000
BUFFER_BYTES = 100_000


class Taken:
    """A batch as an agent gets it."""

    def __init__(self, batch: Batch) -> None:
        self.value = batch
        self.acks = 0

    def ack(self) -> bool:
        self.acks += 1
        return True


class Logged:
    """A record of the canonical log."""

    timestamp = 0
    headers = ()

    def __init__(self, offset: int, key: bytes | None, value: bytes) -> None:
        self.offset, self.key, self.value = offset, key, value


@pytest.fixture
def settings(embedded_broker: Broker) -> Settings:
    name = f"t{uuid.uuid4().hex[:12]}."
    return Settings(
        kafka_bootstrap_servers=embedded_broker.bootstrap_servers,
        topic_prefix=name,
        app_id=f"{name}app",
        partitions=1,
        flush_interval="60s",  # type: ignore[arg-type]  # no checkpoint comes by itself
        producer_idempotence=False,
    )


@pytest.fixture
async def producer(settings: Settings) -> AsyncIterator[BatchProducer]:
    """One that holds a tenth of what will be written."""
    await create_topics(settings)
    producer = new_producer(
        settings, "test", buffered_max_bytes=BUFFER_BYTES, batch_max_bytes=BUFFER_BYTES // 10
    )
    await producer.start()
    yield producer
    await producer.stop()


def log_of(settings: Settings) -> Taken:
    """A policy, and an order of each customer."""
    activated = PolicyActivated("first", settings.app_id, "live", 0, Policy())
    first = Logged(0, None, encode_control(activated))
    orders = [
        Logged(number, b"c%d" % number, order(f"o{number}", "60", day(0), f"c{number}"))
        for number in range(1, CUSTOMERS + 1)
    ]
    return Taken(Batch.of(TopicPartition("log", 0), [first, *orders]))


async def keys_of(settings: Settings, topic: str) -> list[bytes]:
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        return [
            record.key
            async for records, _ in read_to_end(consumer, TopicPartition(topic, 0))
            for record in records
        ]
    finally:
        await consumer.stop()


async def test_more_than_the_producer_holds_is_written_in_parts_and_then_acked(
    settings: Settings, producer: BatchProducer
) -> None:
    app = create_app(FaustOptions(settings.app_id, ("kafka://127.0.0.1:1",)))
    metrics = EngineMetrics(Metrics(), settings.topic_prefix)
    engine = Engine(app, settings, producer, metrics, lambda _: None)
    partition = OwnedPartition(0, lambda _: None)
    partition.on_restored(1)
    states = engine.table.states
    states._partitions[0], states._read_to[0] = partition, -1

    taken = log_of(settings)
    partition.take(taken, 0)
    await engine.flush()
    assert taken.acks == 0
    await engine.checkpoint()
    assert taken.acks == 1

    customers = {b"c%d" % number for number in range(1, CUSTOMERS + 1)}
    changelog = await keys_of(settings, changelog_name(settings))
    assert (changelog[0], changelog[-1]) == (META_KEY, META_KEY), "the claim and the checkpoint"
    assert sorted(changelog[1:-1]) == sorted(customers)
    for topic in ("tier-changes", "customer-profiles"):
        assert sorted(await keys_of(settings, settings.topic_prefix + topic)) == sorted(customers)
    assert states.reflected(0) == CUSTOMERS + 1
