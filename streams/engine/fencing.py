"""Whether somebody else writes to the changelog of our partitions.

A worker that was stopped for a while and wakes after its partitions went elsewhere may still write.
A restore tells its records by their epoch, but only while compaction has not removed ours below
them. So the owner compares, at each of its own writes and from time to time without one, where its
records came to stand with where they would stand if nobody else wrote; records between are read and
written over. The profiles, of which consumers see only the newest of each customer, are looked
after in the same way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from config.settings import Settings
from handlers.outputs import CUSTOMER_PROFILES
from handlers.state.customer import unpack_head
from handlers.state.partition_state import unpack_meta
from streams.engine.owned_partition import EnginePartition
from streams.kafka.clients import new_consumer
from streams.kafka.headers import META_KEY
from streams.kafka.topics import changelog_name, topic_name

_log = logging.getLogger(__name__)

_FETCH_WAIT_MS = 1_000
_FETCH_TRIES = 30
_ASK_S = 10.0


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
    return None if last <= reflected + count else Gap(reflected + 1, last)


class GapUnread(Exception):
    """The broker does not hand over what others may have written."""


class Ownership:
    """Looks through gaps in the changelog, and in the profiles, for records of other owners.

    Args:
        settings: which topics, and where.
        open_consumer: makes a consumer outside of any group.
        look_every_s: how often the engine looks for gaps where it has nothing to write. Far below
            the time for which the changelog keeps what is hidden from compaction.
    """

    def __init__(
        self,
        settings: Settings,
        open_consumer: Callable[[Settings], AIOKafkaConsumer] = new_consumer,
        look_every_s: float = 5.0,
    ) -> None:
        self.look_every_s = look_every_s
        self._settings = settings
        self._open_consumer = open_consumer
        self._changelog = changelog_name(settings)
        self._profiles = topic_name(settings, CUSTOMER_PROFILES)

    async def look_through(self, partition: EnginePartition, gap: Gap) -> int:
        """Have every customer whom a former owner wrote written again; how many.

        Raises:
            OwnershipLost: the owner of a higher epoch wrote.
        """
        found = 0
        for record in await self._read(TopicPartition(self._changelog, partition.number), gap):
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

    async def look_through_profiles(self, partition: EnginePartition, gap: Gap) -> None:
        """Have every profile that somebody wrote written again, our own among them.

        A profile does not say who wrote it, and one too many does no harm.
        """
        for record in await self._read(TopicPartition(self._profiles, partition.number), gap):
            partition.send_profile_again(record.key)

    async def ends(self, numbers: Iterable[int]) -> Mapping[TopicPartition, int]:
        """The end offsets of changelog and profiles of some partitions.

        Empty while no broker answers: there will be another look.
        """
        topics = self._changelog, self._profiles
        tps = [TopicPartition(topic, number) for number in numbers for topic in topics]
        if not tps:
            return {}
        consumer = self._open_consumer(self._settings)
        try:
            async with asyncio.timeout(_ASK_S):
                await consumer.start()
                found: Mapping[TopicPartition, int] = await consumer.end_offsets(tps)
        except (KafkaError, TimeoutError) as error:
            _log.warning("nobody says where %s and %s end: %r", *topics, error)
            return {}
        finally:
            await consumer.stop()
        return found

    async def _read(self, tp: TopicPartition, gap: Gap) -> list[ConsumerRecord]:
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
                    return [record for record in records if record.offset <= gap.last]
        finally:
            await consumer.stop()
        raise GapUnread(
            f"{tp.topic}/{tp.partition} is not read from offset {gap.first} to {gap.last}, where "
            "another owner may have written"
        )


def _epoch_of(record: ConsumerRecord) -> int:
    if record.key == META_KEY:
        return unpack_meta(record.value).epoch
    return unpack_head(record.value).epoch
