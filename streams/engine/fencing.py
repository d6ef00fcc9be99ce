"""Fencing: former owners of a partition may still write, and the owner writes over what they wrote.

A worker that was stopped for a while and wakes after its partitions went elsewhere may still write.
A restore tells its records by their lower epoch, but only while compaction has not removed ours
below them. So the owner compares, at each of its own writes and from time to time without one, the
offsets of its records with those they would have if nobody else wrote. It reads the foreign records
in between and writes its own once more. The profiles, of which consumers see only the newest of
each customer, are compared in the same way.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from config.settings import Settings
from handlers.outputs import CUSTOMER_PROFILES
from handlers.state.customer import unpack_head
from handlers.state.formats import NewerFormat
from handlers.state.partition_state import unpack_meta
from streams.engine.owned_partition import OwnedPartition
from streams.engine.restoring import NO_STATE
from streams.faust_app import READ_UNCOMMITTED, PartitionedStore, stable_end
from streams.kafka.clients import new_consumer
from streams.kafka.foreign import ForeignRecords, fault_of_key
from streams.kafka.headers import META_KEY
from streams.kafka.topics import changelog_name, topic_name

_log = logging.getLogger(__name__)

_FETCH_WAIT_MS = 1_000
_FETCH_TRIES = 30
_ASK_S = 10.0


_Strange = tuple[ConsumerRecord, str]
"""A record that is none of ours, and why."""


class OwnershipLost(Exception):
    """A newer owner writes to a partition we took for ours: this process must end."""


class OffsetRange(NamedTuple):
    """Offsets of a topic, both ends included."""

    first: int
    last: int


def foreign_range(known: int, count: int, last: int) -> OffsetRange | None:
    """Where others may have written, or None if nobody did.

    Args:
        known: the newest offset known before our write.
        count: how many records we wrote.
        last: the offset of the last of them; without any, the newest offset there is.
    """
    return None if last <= known + count else OffsetRange(known + 1, last)


class ForeignWritesUnread(Exception):
    """The broker does not hand over what others may have written."""


def open_unfiltered(settings: Settings) -> AIOKafkaConsumer:
    """A consumer that sees everything that was written, also in transactions that did not end."""
    return new_consumer(settings, isolation_level=READ_UNCOMMITTED)


class Fencing:
    """Finds the records of other owners in our partitions, and has them written over.

    Args:
        settings: which topics, and where.
        open_consumer: makes a consumer outside of any group.
        check_every_s: how often the engine compares offsets where it has nothing to write. Far
            below the time for which the changelog keeps what is hidden from compaction.
        foreign: takes note of records that are not ours.
        open_committed: the same that sees no aborted records; without it none is taken for aborted.
    """

    def __init__(
        self,
        settings: Settings,
        open_consumer: Callable[[Settings], AIOKafkaConsumer] = open_unfiltered,
        check_every_s: float = 5.0,
        foreign: ForeignRecords | None = None,
        open_committed: Callable[[Settings], AIOKafkaConsumer] | None = None,
    ) -> None:
        self.check_every_s = check_every_s
        self._settings = settings
        self._foreign = foreign or ForeignRecords()
        self._open_consumer = open_consumer
        self._open_committed = open_committed
        self._changelog = changelog_name(settings)
        self._profiles = topic_name(settings, CUSTOMER_PROFILES)

    async def compare(
        self,
        partition: OwnedPartition,
        states: PartitionedStore[OwnedPartition],
        count: int,
        newest: Mapping[TopicPartition, int],
    ) -> bool:
        """Compare the offsets of our records with those they have if nobody else writes.

        Args:
            partition: whose records they are.
            states: knows how far the changelog is reflected.
            count: how many records of it were written since the last comparison.
            newest: the newest offset by partition; of changelog and profiles where known.

        Returns:
            whether somebody else wrote, so that there may be something to write over it.

        Raises:
            OwnershipLost: the owner of a higher epoch wrote.
            ForeignWritesUnread: what somebody wrote cannot be read.
        """
        found = False
        last = newest.get(TopicPartition(self._changelog, partition.number))
        if last is not None:
            found = await self._compare_changelog(partition, states, count, last)
        last = newest.get(TopicPartition(self._profiles, partition.number))
        if last is not None:
            found |= await self._compare_profiles(partition, count, last)
        return found

    async def _compare_changelog(
        self,
        partition: OwnedPartition,
        states: PartitionedStore[OwnedPartition],
        count: int,
        last: int,
    ) -> bool:
        foreign = foreign_range(states.reflected(partition.number), count, last)
        if foreign is not None:
            await self._overwrite_states(partition, foreign)
        states.advance(partition.number, last)
        return foreign is not None

    async def _compare_profiles(self, partition: OwnedPartition, count: int, last: int) -> bool:
        known = partition.profiles_end
        foreign = None if known is None else foreign_range(known, count, last)
        if foreign is not None:
            await self._overwrite_profiles(partition, foreign)
        partition.note_profiles(last, are_ours=foreign is None)
        return foreign is not None

    async def _overwrite_states(self, partition: OwnedPartition, offsets: OffsetRange) -> None:
        """Have every state that a former owner wrote written again.

        And whatever else stands in its place: a null record, or what is no state.
        """
        found = 0
        tp = TopicPartition(self._changelog, partition.number)
        strange: list[_Strange] = []
        for record in await self._read(tp, offsets):
            why = _fault(record) or _no_state(record)
            if why is not None:
                strange.append((record, why))
            elif record.value is None:
                partition.rewrite_record(record.key)
            elif self._is_former(partition, _epoch_of(record)):
                partition.rewrite_record(record.key)
                found += 1
        for record, why in await self._not_aborted(tp, offsets, strange):
            self._note(record, why)
            if _fault(record) is None:
                partition.remove_record(record.key)
        if found:
            _log.warning(
                "partition %s: %s records of a former owner are written over",
                partition.number,
                found,
            )

    def _is_former(self, partition: OwnedPartition, epoch: int) -> bool:
        """Whether a former owner wrote a record.

        Raises:
            OwnershipLost: a newer one did.
        """
        if epoch > partition.epoch:
            raise OwnershipLost(
                f"partition {partition.number} of {self._changelog} has a record of owner "
                f"epoch {epoch}, ours is {partition.epoch}: another worker owns it now"
            )
        return epoch < partition.epoch

    async def _overwrite_profiles(self, partition: OwnedPartition, offsets: OffsetRange) -> None:
        """Have every profile that somebody wrote written again, our own among them.

        A profile does not say who wrote it, and one too many does no harm.
        """
        tp = TopicPartition(self._profiles, partition.number)
        strange: list[_Strange] = []
        for record in await self._read(tp, offsets):
            fault = _fault(record)
            if fault is None:
                partition.rewrite_profile(record.key)
            else:
                strange.append((record, fault))
        for record, why in await self._not_aborted(tp, offsets, strange):
            self._note(record, why)

    def _note(self, record: ConsumerRecord, why: str) -> None:
        self._foreign.note(record.topic, record.partition, record.offset, why)

    async def _not_aborted(
        self,
        tp: TopicPartition,
        offsets: OffsetRange,
        strange: Sequence[tuple[ConsumerRecord, str]],
    ) -> Sequence[tuple[ConsumerRecord, str]]:
        """Those that a restore will see, or may: not the records of aborted transactions."""
        if not strange or self._open_committed is None:
            return strange
        consumer = self._open_committed(self._settings)
        seen: set[int] = set()
        await consumer.start()
        try:
            consumer.assign([tp])
            consumer.seek(tp, offsets.first)
            for _ in range(_FETCH_TRIES):
                fetched = await consumer.getmany(tp, timeout_ms=_FETCH_WAIT_MS)
                seen |= {record.offset for record in fetched.get(tp, [])}
                reached = await consumer.position(tp)
                if reached >= min(offsets.last + 1, stable_end(consumer, tp) or reached + 1):
                    # What is not reached belongs to a transaction that is open: it may yet count.
                    return [
                        one for one in strange if one[0].offset in seen or one[0].offset >= reached
                    ]
        finally:
            await consumer.stop()
        return strange

    async def newest_offsets(self, numbers: Iterable[int]) -> Mapping[TopicPartition, int]:
        """The newest offsets of changelog and profiles of some partitions.

        Empty while no broker answers: the next comparison will tell.
        """
        topics = self._changelog, self._profiles
        tps = [TopicPartition(topic, number) for number in numbers for topic in topics]
        if not tps:
            return {}
        consumer = self._open_consumer(self._settings)
        try:
            async with asyncio.timeout(_ASK_S):
                await consumer.start()
                ends: Mapping[TopicPartition, int] = await consumer.end_offsets(tps)
        except (KafkaError, TimeoutError) as error:
            _log.warning("nobody says where %s and %s end: %r", *topics, error)
            return {}
        finally:
            await consumer.stop()
        return {tp: end - 1 for tp, end in ends.items()}

    async def _read(self, tp: TopicPartition, offsets: OffsetRange) -> list[ConsumerRecord]:
        consumer = self._open_consumer(self._settings)
        records: list[ConsumerRecord] = []
        await consumer.start()
        try:
            consumer.assign([tp])
            consumer.seek(tp, offsets.first)
            for _ in range(_FETCH_TRIES):
                fetched: Mapping[TopicPartition, list[ConsumerRecord]] = await consumer.getmany(
                    tp, timeout_ms=_FETCH_WAIT_MS
                )
                records += fetched.get(tp, [])
                # The last offset may be no record but the end of a transaction.
                if await consumer.position(tp) > offsets.last:
                    return [record for record in records if record.offset <= offsets.last]
        finally:
            await consumer.stop()
        raise ForeignWritesUnread(
            f"{tp.topic}/{tp.partition} is not read from offset {offsets.first} to "
            f"{offsets.last}, where another owner may have written"
        )


def _fault(record: ConsumerRecord) -> str | None:
    """Why a record is none of ours by its key; None if it may be one."""
    return None if record.key == META_KEY else fault_of_key(record.key)


def _no_state(record: ConsumerRecord) -> str | None:
    """Why a record under one of our keys is no state; None if it is one, or null."""
    try:
        if record.value is not None:
            _epoch_of(record)
    except NewerFormat:
        raise
    except NO_STATE as error:
        return f"it is no state: {error}"
    return None


def _epoch_of(record: ConsumerRecord) -> int:
    """The owner epoch of a record."""
    if record.key == META_KEY:
        return unpack_meta(record.value).epoch
    return unpack_head(record.value).epoch
