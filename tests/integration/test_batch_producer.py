"""Batched writing against real brokers."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import TopicPartition

from devtools.servers import Broker, start_broker
from streams.faust_app import BatchProducer, BufferFull, ProduceFailed
from tests.harness.faust_lab import Lab


@pytest.fixture
async def lab(broker: Broker) -> Lab:
    lab = Lab(broker, f"lab-{uuid.uuid4().hex[:8]}", 2)
    await lab.create_topics()
    return lab


@contextlib.asynccontextmanager
async def started(lab: Lab, **arguments: Any) -> AsyncIterator[BatchProducer]:
    producer = lab.producer(**arguments)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def test_records_keep_their_order_over_many_batches(lab: Lab) -> None:
    async with started(lab, batch_max_bytes=2_000) as producer:
        for number in range(1_000):
            producer.add(lab.events, number % 2, None, b"%d" % number)
        ends = await producer.flush()
    assert ends == {TopicPartition(lab.events, 0): 499, TopicPartition(lab.events, 1): 499}
    records = await lab.read(lab.events)
    for partition in range(2):
        values = [int(r.value) for r in records if r.partition == partition]
        assert values == list(range(partition, 1_000, 2))
    assert producer.buffered_bytes == 0


async def test_key_tombstone_headers_and_time_arrive_as_given(lab: Lab) -> None:
    headers = [("reason", b"not_json"), ("reason", b""), ("event-id", "é".encode())]
    async with started(lab) as producer:
        producer.add(lab.events, 0, b"key", None, headers, timestamp_ms=1_700_000_000_123)
        await producer.flush()
    (record,) = await lab.read(lab.events)
    assert (record.key, record.value, record.timestamp) == (b"key", None, 1_700_000_000_123)
    assert list(record.headers) == headers


async def test_a_record_larger_than_a_batch_goes_alone_and_in_order(lab: Lab) -> None:
    sizes = [10, 5_000, 10, 300_000, 10]
    async with started(lab, batch_max_bytes=1_000) as producer:
        for size in sizes:
            producer.add(lab.events, 0, None, b"x" * size)
        await producer.flush()
    assert [len(record.value) for record in await lab.read(lab.events)] == sizes


async def test_what_is_added_during_a_flush_waits_for_the_next(lab: Lab) -> None:
    async with started(lab) as producer:
        producer.add(lab.events, 0, None, b"first")
        flush = asyncio.create_task(producer.flush())
        await asyncio.sleep(0)
        producer.add(lab.events, 0, None, b"second")
        assert await flush == {TopicPartition(lab.events, 0): 0}
        assert producer.buffered_bytes > 0
        assert await producer.flush() == {TopicPartition(lab.events, 0): 1}
        assert await producer.flush() == {}


async def test_the_buffer_is_bounded(lab: Lab) -> None:
    async with started(lab, buffered_max_bytes=10_000) as producer:

        def add_ten() -> None:
            for _ in range(10):
                producer.add(lab.events, 0, None, b"x" * 500)

        add_ten()
        assert producer.full
        add_ten()
        with pytest.raises(BufferFull):
            add_ten()
        await producer.flush()
        assert producer.buffered_bytes == 0
        add_ten()


async def test_a_failed_batch_is_the_end_of_the_producer(lab: Lab) -> None:
    async with started(lab) as producer:
        producer.add(lab.events, 0, None, b"good")
        producer.add(lab.events, 7, None, b"no such partition")
        with pytest.raises(ProduceFailed, match=f"{lab.events}/7"):
            await producer.flush()
        with pytest.raises(ProduceFailed, match="an earlier flush failed"):
            producer.add(lab.events, 0, None, b"more")
        with pytest.raises(ProduceFailed, match="an earlier flush failed"):
            await producer.flush()


async def test_nothing_follows_a_batch_that_failed() -> None:
    """The second batch of the partition must not be there without the first."""
    with start_broker("embedded") as own:
        lab = Lab(own, "lab", 1)
        await lab.create_topics()
        async with started(lab, request_timeout_ms=1_500) as producer:
            producer.add(lab.events, 0, None, b"first")
            await producer.flush()
            own.pause()
            for _ in range(5):
                producer.add(lab.events, 0, None, b"x" * 600_000)  # two batches and more
            began_s = time.monotonic()
            with pytest.raises(ProduceFailed, match=r"lab\.events/0"):
                await producer.flush()
            assert time.monotonic() - began_s < 10
            own.resume()
        await asyncio.sleep(0.5)
        values = [len(record.value) for record in await lab.read(lab.events)]
        assert values in ([5], [5, 600_000]), "at most the batch whose fate is unknown"


@pytest.mark.kafka
async def test_a_record_over_the_brokers_bound_is_refused_by_name(kafka_broker: Broker) -> None:
    lab = Lab(kafka_broker, f"lab-{uuid.uuid4().hex[:8]}", 1)
    await lab.create_topics()
    async with started(lab) as producer:
        producer.add(lab.events, 0, None, b"x" * 2_000_000)
        with pytest.raises(ProduceFailed, match="MessageSizeTooLarge"):
            await producer.flush()


async def test_a_record_from_another_time_is_refused_with_a_word_about_the_clock(
    kafka_broker: Broker,
) -> None:
    lab = Lab(kafka_broker, f"lab-{uuid.uuid4().hex[:8]}", 1)
    await lab.create_topics()
    async with started(lab) as producer:
        tomorrow_ms = time.time_ns() // 1_000_000 + 86_400_000
        producer.add(lab.events, 0, None, b"early", timestamp_ms=tomorrow_ms)
        with pytest.raises(ProduceFailed, match="the clock of this machine"):
            await producer.flush()
