"""A consumer stops, whatever its requests are doing; aiokafka's own does not always."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from devtools.servers import Broker
from streams.faust_app import Consumer


async def _with_a_request_to_repeat(
    kind: type[AIOKafkaConsumer], broker: Broker
) -> AIOKafkaConsumer:
    """A consumer one of whose fetches waits to be tried again, as when a broker is away."""
    consumer = kind(bootstrap_servers=broker.bootstrap_servers)
    await consumer.start()
    waiting = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    consumer._fetcher._pending_tasks.add(waiting)
    return consumer


async def test_a_stop_ends_although_a_request_is_to_be_repeated(embedded_broker: Broker) -> None:
    consumer = await _with_a_request_to_repeat(Consumer, embedded_broker)
    await consumer.stop()
    assert _connections(consumer) == []


async def test_aiokafkas_own_stop_hands_the_cancellation_on(embedded_broker: Broker) -> None:
    """When this fails, `streams.faust_app.Consumer` is not needed any more."""
    consumer = await _with_a_request_to_repeat(AIOKafkaConsumer, embedded_broker)
    with pytest.raises(asyncio.CancelledError):
        await consumer.stop()
    await consumer._client.close()


async def test_a_cancellation_of_the_one_who_stops_is_passed_on(embedded_broker: Broker) -> None:
    consumer = await _with_a_request_to_repeat(Consumer, embedded_broker)
    stopping = asyncio.create_task(consumer.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert _connections(consumer) == []


def _connections(consumer: AIOKafkaConsumer) -> list[Any]:
    return [conn for conn in consumer._client._conns.values() if conn.connected()]
