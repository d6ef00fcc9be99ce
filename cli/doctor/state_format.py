"""Checks which format the states of each partition have, and whether this release reads it."""

from __future__ import annotations

from aiokafka import TopicPartition

from cli.doctor import Finding
from config.settings import Settings
from handlers.state.formats import NEWEST, NewerFormat
from streams.changelog import newest_meta
from streams.kafka.clients import new_consumer
from streams.kafka.topics import changelog_name


async def format_finding(settings: Settings, partitions: int) -> Finding:
    """The formats in the changelog, as its newest records have them."""
    found = set()
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        for number in range(partitions):
            meta = await newest_meta(consumer, TopicPartition(changelog_name(settings), number))
            if meta is not None:
                found.add(meta.format)
    except NewerFormat as error:
        return Finding(str(error), "run the newer release, also for this command")
    finally:
        await consumer.stop()
    if not found:
        return Finding("states: none yet")
    numbers = " and ".join(str(number) for number in sorted(found))
    if min(found) < NEWEST:
        return Finding(
            f"states: format {numbers}; TIERSTREAM_STATE_FORMAT={NEWEST} raises it, after which no "
            "older release can go on"
        )
    return Finding(f"states: format {numbers}")
