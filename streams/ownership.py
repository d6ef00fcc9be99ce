"""Whether somebody else writes to the changelog of our partitions.

A worker that was stopped for a while and wakes after its partitions went elsewhere may still write.
A restore tells its records by their epoch, but only while compaction has not removed ours below
them. So the owner compares, at each of its own writes, where its records came to stand with where
they would stand if nobody else wrote; records between are read and written over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from config.deployment import Settings
from handlers.customer import unpack_head
from handlers.partition import unpack_meta
from streams.engine_partition import EnginePartition
from streams.records import META_KEY
from streams.topics import changelog_name, plain_consumer

_log = logging.getLogger(__name__)

_FETCH_WAIT_MS = 1_000
_FETCH_TRIES = 30


class OwnershipLost(Exception):
    """A newer owner writes to a partition we took for ours: this process must end."""


class Gap(NamedTuple):
    """Offsets of the changelog in which others may have written, both ends included."""

    first: int
    last: int


def gap_of(reflected: int, count: int, last: int) -> Gap | None:
    """Where others may have written, or None if nobody did.

    Args:
        reflected: the newest offset known before our write.
        count: how many records we wrote.
        last: the offset of the last of them.
    """
    return None if last == reflected + count else Gap(reflected + 1, last)


class Ownership:
    """Looks through gaps in the changelog for records of other owners.

    Args:
        settings: which changelog, and where.
        open_consumer: makes a consumer outside of any group.
    """

    def __init__(
        self,
        settings: Settings,
        open_consumer: Callable[[Settings], AIOKafkaConsumer] = plain_consumer,
    ) -> None:
        self._settings = settings
        self._open_consumer = open_consumer
        self._changelog = changelog_name(settings)

    async def look_through(self, partition: EnginePartition, gap: Gap) -> int:
        """Have every customer whom a former owner wrote written again; how many.

        Raises:
            OwnershipLost: the owner of a higher epoch wrote.
        """
        found = 0
        for record in await self._read(partition.number, gap):
            epoch = _epoch_of(record)
            if epoch > partition.epoch:
                raise OwnershipLost(
                    f"partition {partition.number} of {self._changelog} has a record of owner "
                    f"epoch {epoch}, ours is {partition.epoch}: another worker owns it now"
                )
            if epoch < partition.epoch:
                partition.write_again(record.key)
                found += 1
        if found:
            _log.warning(
                "partition %s: %s records of a former owner are written over",
                partition.number,
                found,
            )
        return found

    async def _read(self, number: int, gap: Gap) -> list[ConsumerRecord]:
        tp = TopicPartition(self._changelog, number)
        consumer = self._open_consumer(self._settings)
        records: list[ConsumerRecord] = []
        await consumer.start()
        try:
            consumer.assign([tp])
            consumer.seek(tp, gap.first)
            for _ in range(_FETCH_TRIES):
                fetched: Mapping[TopicPartition, list[ConsumerRecord]] = await consumer.getmany(
                    tp, timeout_ms=_FETCH_WAIT_MS
                )
                records += fetched.get(tp, [])
                if records and records[-1].offset >= gap.last:
                    break
        finally:
            await consumer.stop()
        return [record for record in records if record.offset <= gap.last]


def _epoch_of(record: ConsumerRecord) -> int:
    if record.key == META_KEY:
        return unpack_meta(record.value).epoch
    return unpack_head(record.value).epoch
