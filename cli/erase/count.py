"""Counts the records that contain a customer's id, within a time limit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from cli.erase.trail import CustomerPartitions
from config.settings import Settings
from streams.erasure.receipt import Count
from streams.kafka.clients import new_consumer
from streams.kafka.read import read_to_end

_FETCH_WAIT_MS = 20

Bears = Callable[[ConsumerRecord], bool]


async def count_records(
    settings: Settings,
    ids: Sequence[str],
    topics: Mapping[str, int],
    of_ids: Sequence[CustomerPartitions],
    within_s: float,
) -> dict[str, Count]:
    """Count in each topic; the count of one that is not read to its end in time is incomplete.

    Args:
        settings: of the deployment.
        ids: of the customer.
        topics: number of partitions by topic.
        of_ids: the partitions of each id.
        within_s: for all topics together.
    """
    bears = bearing(ids)
    found = dict.fromkeys(topics, Count(0, complete=False))
    # A partition is begun after the last fetch from the one before, so that one must not wait long.
    consumer = new_consumer(settings, fetch_max_wait_ms=_FETCH_WAIT_MS)
    try:
        async with asyncio.timeout(within_s):
            await consumer.start()
            for topic, partitions in topics.items():
                for tp in _partitions(topic, partitions, of_ids):
                    await _count(consumer, tp, bears, found)
                found[topic] = Count(found[topic].records, complete=True)
    except (TimeoutError, KafkaError):
        pass  # what was counted so far is kept, as incomplete
    finally:
        await consumer.stop()
    return found


async def _count(
    consumer: AIOKafkaConsumer, tp: TopicPartition, bears: Bears, found: dict[str, Count]
) -> None:
    async for records, _ in read_to_end(consumer, tp):
        bearers = sum(map(bears, records))
        found[tp.topic] = Count(found[tp.topic].records + bearers, complete=False)
        await asyncio.sleep(0)


def bearing(ids: Sequence[str]) -> Bears:
    """Checks whether a record has one of the ids as key, as string in its value, or as subject."""
    keys = {customer_id.encode() for customer_id in ids}
    texts = {
        json.dumps(customer_id, ensure_ascii=is_escaped).encode()
        for customer_id in ids
        for is_escaped in (True, False)
    }

    def bears(record: ConsumerRecord) -> bool:
        if record.key in keys:
            return True
        value = record.value
        if value is not None and any(text in value for text in texts):
            return True
        return any(name == "ce_subject" and subject in keys for name, subject in record.headers)

    return bears


def _partitions(
    topic: str, partitions: int, of_ids: Sequence[CustomerPartitions]
) -> Iterable[TopicPartition]:
    """The partitions that may have records of the customer.

    The engine writes only to the partitions of the ids; ingest and upstream write anywhere.
    """
    own = {tp for of_id in of_ids for tp in of_id[:3] if tp.topic == topic}
    return own or [TopicPartition(topic, number) for number in range(partitions)]
