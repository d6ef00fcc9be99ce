"""The request of an erasure: a `customer.erased` event, written to the topic `profiles`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from aiokafka import TopicPartition

from config.settings import Settings
from scoring.timestamps import rfc3339
from streams.changelog import newest_meta
from streams.kafka.clients import new_consumer, new_producer
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import changelog_name, topic_for, topic_name
from streams.runtime.clock import wall_ms

_ERASED = "customer.erased"


class Request(NamedTuple):
    """The request of an erasure, written to Kafka.

    Attributes:
        customer_id: who is to be erased.
        event_id: of the event.
        occurred_ms: its time.
        written_ms: by the clock of this machine.
        tp: the partition of `profiles` it was written to.
        offset: where it stands there.
    """

    customer_id: str
    event_id: str
    occurred_ms: int
    written_ms: int
    tp: TopicPartition
    offset: int


async def write_request(settings: Settings, customer_id: str, counts: Mapping[str, int]) -> Request:
    """Write the event to the topic `profiles`, and wait until every replica in sync has it.

    Args:
        settings: of the deployment.
        customer_id: a valid id.
        counts: partitions by topic.

    Raises:
        ProduceFailed: it may or may not have been written; a second request does no harm.
        KafkaError: no broker answers.
    """
    event_id = f"erase-{uuid.uuid4()}"
    topic, key = topic_name(settings, topic_for(_ERASED)), customer_id.encode()
    changelog = changelog_name(settings)
    number = partition_of(key, counts[changelog])
    occurred_ms = await _occurred_ms(settings, TopicPartition(changelog, number))
    tp = TopicPartition(topic, partition_of(key, counts[topic]))
    event = {
        "event_id": event_id,
        "type": _ERASED,
        "customer_id": customer_id,
        "occurred_at": rfc3339(occurred_ms),
    }
    producer = new_producer(settings, "erase")
    await producer.start()
    try:
        producer.add(topic, tp.partition, key, msgspec.json.encode(event), (), wall_ms())
        offset = (await producer.flush())[tp]
    finally:
        await producer.stop()
    return Request(customer_id, event_id, occurred_ms, wall_ms(), tp, offset)


async def _occurred_ms(settings: Settings, changelog: TopicPartition) -> int:
    """Now; but where events alone move the clock, a time that does not move it.

    A log of long ago, replayed, would otherwise leap to the present, and everybody in it would have
    been silent ever since.
    """
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        meta = await newest_meta(consumer, changelog)
    finally:
        await consumer.stop()
    if (settings.mode if meta is None or meta.policy is None else meta.mode) == "live":
        return wall_ms()
    newest_ms = settings.min_event_time_ms if meta is None else meta.newest_ms
    return max(settings.min_event_time_ms, newest_ms)
