"""What the benchmark does with topics: it makes and deletes them, and reads them to their ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from config.settings import Settings
from streams.kafka.clients import new_consumer, new_producer, open_admin
from streams.kafka.partitioner import partition_of
from streams.kafka.read import read_to_end
from streams.kafka.topics import FOR_EVER

_KEPT = {"retention.ms": FOR_EVER, "retention.bytes": FOR_EVER}
_WAIT_S = 30.0
_AT_A_TIME = 5_000


async def make_topics(settings: Settings, names: Iterable[str]) -> None:
    """Create topics that keep records of any age, and wait until they are known."""
    wanted = set(names)
    async with _admin(settings) as admin:
        await admin.create_topics(
            [NewTopic(name, settings.partitions, 1, topic_configs=_KEPT) for name in wanted]
        )
        await _until(lambda known: wanted <= known, admin)


async def delete_topics(settings: Settings, names: Iterable[str], prefix: str) -> None:
    """Delete those of the names that exist, and all that begin with the prefix."""
    wanted = set(names)
    async with _admin(settings) as admin:
        found = {n for n in await admin.list_topics() if n in wanted or n.startswith(prefix)}
        if not found:
            return
        await admin.delete_topics(sorted(found))
        await _until(found.isdisjoint, admin)


async def ends_of(settings: Settings, topics: Sequence[str]) -> dict[TopicPartition, int]:
    """The end offsets of topics."""
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        found: dict[TopicPartition, int] = await consumer.end_offsets(
            partitions_of(settings, topics)
        )
        return found
    finally:
        await consumer.stop()


async def values_of(settings: Settings, topic: str) -> AsyncIterator[tuple[bytes, bytes | None]]:
    """Keys and values of a topic to its present end, partition by partition."""
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        for tp in partitions_of(settings, [topic]):
            async for records, _ in read_to_end(consumer, tp):
                for record in records:
                    yield record.key, record.value
    finally:
        await consumer.stop()


async def write_keyed(
    settings: Settings, topic: str, records: Sequence[tuple[bytes, bytes]]
) -> None:
    """Write records to the partitions of their keys."""
    producer = new_producer(settings, "bench")
    await producer.start()
    try:
        for first in range(0, len(records), _AT_A_TIME):
            for key, value in records[first : first + _AT_A_TIME]:
                producer.add(topic, partition_of(key, settings.partitions), key, value)
            await producer.flush()
    finally:
        await producer.stop()


async def is_committed(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    """Whether the consumer's group has committed all of these offsets."""
    for tp, end in ends.items():
        if end and (await consumer.committed(tp) or 0) < end:
            return False
    return True


async def committed_of(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> int:
    """How many records before these ends the consumer's group has committed."""
    return sum([min(end, await consumer.committed(tp) or 0) for tp, end in ends.items()])


def partitions_of(settings: Settings, topics: Sequence[str]) -> list[TopicPartition]:
    """Every partition of the topics."""
    return [
        TopicPartition(topic, number) for topic in topics for number in range(settings.partitions)
    ]


async def _until(is_so: Callable[[set[str]], bool], admin: AIOKafkaAdminClient) -> None:
    """Until something is true of the names of all topics."""
    deadline_s = time.monotonic() + _WAIT_S
    while not is_so(set(await admin.list_topics())):
        if time.monotonic() > deadline_s:
            raise TimeoutError("the broker does not make or delete topics in time")
        await asyncio.sleep(0.1)


@asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = await open_admin(settings)
    try:
        yield admin
    except KafkaError as error:
        raise RuntimeError(f"the broker refused: {error}") from error
    finally:
        await admin.close()
