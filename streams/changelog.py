"""Reads the state of a partition from its changelog, as a worker would restore it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from config.settings import Settings
from handlers.partition import Partition
from handlers.state.formats import NewerFormat, check_format, format_of
from handlers.state.partition_state import Meta, unpack_meta
from handlers.state.record_order import is_newer
from streams.engine.restoring import NO_STATE, PartitionRestore, UnreadableState
from streams.faust_app import Batch
from streams.kafka.clients import new_consumer
from streams.kafka.foreign import ForeignRecords, fault_of_key
from streams.kafka.headers import META_KEY
from streams.kafka.partitioner import partition_of
from streams.kafka.read import read_to_end
from streams.kafka.topics import changelog_name, check_topics

_FIRST_SPAN = 4_000
"""Records from the end of a changelog that are looked through first for its newest checkpoint."""
_SPAN_FACTOR = 8
_LAST_RECORDS = 10
"""Records from the end of a changelog of which `check_formats` looks at the format."""


class StateUnreadable(Exception):
    """The state cannot be read, or there is none; one sentence."""


async def read_state(settings: Settings, number: int, only: str | None = None) -> Partition:
    """The state of one partition as of its newest checkpoint and states.

    Args:
        only: keep just this customer.

    Raises:
        StateUnreadable: no worker wrote a checkpoint of this partition yet, or a record of it
            cannot be read.
        NewerFormat: a newer release wrote a record there.
    """
    restore = PartitionRestore(ForeignRecords())
    tp = TopicPartition(changelog_name(settings), number)
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        wanted = None if only is None else only.encode()
        async for records, _ in read_to_end(consumer, tp):
            for record in records:
                _check_format(tp, record)
            if wanted is not None:
                records = [record for record in records if record.key in (META_KEY, wanted)]
            if records:
                restore.take(Batch.of(tp, records))
    finally:
        await consumer.stop()
    try:
        found = restore.finish()
    except UnreadableState as error:
        raise StateUnreadable(str(error)) from error
    if restore.meta.policy is None:
        raise StateUnreadable(
            f"partition {number} of {changelog_name(settings)} has no checkpoint yet; "
            "a worker writes one about every second"
        )
    return Partition(restore.meta, found.store)


async def read_customer(settings: Settings, customer_id: str) -> Partition:
    """The state of the partition that a customer belongs to, with this customer alone."""
    counts = await check_topics(settings)
    number = partition_of(customer_id.encode(), counts[changelog_name(settings)])
    return await asyncio.wait_for(read_state(settings, number, customer_id), 600)


async def newest_meta(consumer: AIOKafkaConsumer, changelog: TopicPartition) -> Meta | None:
    """The newest checkpoint of a partition, searched from the end; None if there is none.

    Raises:
        NewerFormat: a newer release wrote a record there.
    """
    begin = (await consumer.beginning_offsets([changelog]))[changelog]
    end = (await consumer.end_offsets([changelog]))[changelog]
    span = _FIRST_SPAN
    while begin < end:
        start = max(begin, end - span)
        found = None
        async for records, _ in read_to_end(consumer, changelog, start):
            for record in records:
                _check_format(changelog, record)
                meta = _meta_of(record)
                if meta is not None and (found is None or not is_newer(found, meta)):
                    found = meta
        if found is not None or start == begin:
            return found
        span *= _SPAN_FACTOR
    return None


async def check_formats(settings: Settings, partitions: int) -> None:
    """Check that this release reads what was written last to each partition of the changelog.

    A partition's format only rises, so its last records tell. A worker that cannot go on then ends
    before it joins its group, where its coming and going would hold up the others. What is not
    found within the time for a start is left to the restore, which looks at every record.

    Raises:
        NewerFormat: it does not.
    """
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.startup_timeout.seconds):
                for number in range(partitions):
                    await _check_last(consumer, TopicPartition(changelog_name(settings), number))
    finally:
        await consumer.stop()


async def _check_last(consumer: AIOKafkaConsumer, tp: TopicPartition) -> None:
    end = (await consumer.end_offsets([tp]))[tp]
    async for records, _ in read_to_end(consumer, tp, max(0, end - _LAST_RECORDS)):
        for record in records:
            _check_format(tp, record)


def _check_format(tp: TopicPartition, record: ConsumerRecord) -> None:
    if record.key != META_KEY and fault_of_key(record.key) is not None:
        return
    place = f"{tp.topic}/{tp.partition}@{record.offset}, of {record.key!r},"
    check_format(place, format_of(record.value or b""))


def _meta_of(record: ConsumerRecord) -> Meta | None:
    """The partition's own record; None for any other, and for one that cannot be read."""
    if record.key != META_KEY or record.value is None:
        return None
    try:
        return unpack_meta(record.value)
    except NewerFormat:
        raise
    except NO_STATE:
        return None
