"""How many records bear a customer's id, as far as can be read in a bounded time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from config.deployment import Settings
from streams.erasure.receipt import Count
from streams.erasure.trail import Places
from streams.reading import read_to_end
from streams.topics import plain_consumer

_FETCH_WAIT_MS = 20

Bears = Callable[[ConsumerRecord], bool]


async def count_records(
    settings: Settings,
    customer_id: str,
    topics: Mapping[str, int],
    places: Places,
    within_s: float,
) -> dict[str, Count]:
    """Count in each topic; one that is not read to its end in time says so.

    Args:
        settings: of the deployment.
        customer_id: whose id it is.
        topics: number of partitions by topic.
        places: topics keyed by customer are read in one partition only, see `_partitions`.
        within_s: for all topics together.
    """
    found = dict.fromkeys(topics, Count(0, complete=False))
    # A partition is begun after the last fetch from the one before, so that one must not wait long.
    consumer = plain_consumer(settings, fetch_max_wait_ms=_FETCH_WAIT_MS)
    try:
        async with asyncio.timeout(within_s):
            await consumer.start()
            for topic, partitions in topics.items():
                for tp in _partitions(topic, partitions, places):
                    await _count(consumer, tp, bearing(customer_id), found)
                found[topic] = Count(found[topic].records, complete=True)
    except (TimeoutError, KafkaError):
        pass  # what was counted so far stands, as not complete
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


def bearing(customer_id: str) -> Bears:
    """Whether a record has the id as its key, as a text in its value, or as a subject header."""
    key = customer_id.encode()
    texts = {json.dumps(customer_id).encode(), json.dumps(customer_id, ensure_ascii=False).encode()}

    def bears(record: ConsumerRecord) -> bool:
        if record.key == key:
            return True
        value = record.value
        if value is not None and any(text in value for text in texts):
            return True
        return any(name == "ce_subject" and told == key for name, told in record.headers)

    return bears


def _partitions(topic: str, partitions: int, places: Places) -> list[TopicPartition]:
    """Where records about the customer may be.

    What the engine writes is in the partition of the log; ingest and upstream write anywhere.
    """
    own = {tp.topic: tp for tp in (places.log, places.changelog, places.profiles)}
    if topic in own:
        return [own[topic]]
    return [TopicPartition(topic, number) for number in range(partitions)]
