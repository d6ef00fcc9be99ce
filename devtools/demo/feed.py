"""Reads the output topics from their beginning and tells the state every record."""

from __future__ import annotations

from aiokafka import TopicPartition

from config.settings import Settings
from devtools.demo.state import DemoState
from handlers.outputs import CUSTOMER_PROFILES, DORMANCY_ALERTS, TIER_CHANGES
from streams.kafka.topics import DEAD_LETTERS, partition_counts, plain_consumer, topic_name

FOLLOWED = (TIER_CHANGES, DORMANCY_ALERTS, CUSTOMER_PROFILES, DEAD_LETTERS)

_FETCH_TIMEOUT_MS = 200
_FETCH_RECORDS = 2_000


async def follow(settings: Settings, state: DemoState) -> None:
    """Tell the state what comes, for ever. Joins no group and commits nothing.

    Raises:
        BrokerUnreachable: no broker answers at the start.
    """
    names = {topic_name(settings, name): name for name in FOLLOWED}
    counts = await partition_counts(settings)
    partitions = [
        TopicPartition(topic, number) for topic in names for number in range(counts[topic])
    ]
    consumer = plain_consumer(settings, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        while True:
            fetched = await consumer.getmany(
                timeout_ms=_FETCH_TIMEOUT_MS, max_records=_FETCH_RECORDS
            )
            for tp, records in fetched.items():
                name = names[tp.topic]
                for record in records:
                    state.on_output(name, record.value, record.headers, record.key)
    finally:
        await consumer.stop()
