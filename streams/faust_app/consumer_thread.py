"""The thread that runs aiokafka's consumer, and the questions to it from the main thread."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any, Protocol, cast

from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaTimeoutError,
    RebalanceInProgressError,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from typing_extensions import override

from streams.faust_app.group_watch import watch_group
from streams.faust_app.lenient_headers import allow_any_header_name
from streams.faust_app.membership import AssignmentLost, Membership
from streams.faust_app.options import BatchLimits
from streams.faust_app.private_access import (
    cached_partition_count,
    close_connections,
    committed_offsets,
    coordinator_of,
    count_as_poll,
    describe_topics,
    limit_fetch_wait,
    open_records,
    read_committed,
    read_positions,
    refresh_metadata,
    stable_end,
)
from streams.faust_app.topic_guard import TopicGuard
from streams.faust_app.topic_identity import TopicState

_FETCH_POLL_S = 0.01


class _Limited(Protocol):
    limits: BatchLimits


class Fetched(dict[TP, Any]):
    """The records that a fetch brought, by partition.

    Attributes:
        positions: how far each partition was read with it; where the end of a transaction follows,
            or what was aborted, that is beyond the last record.
    """

    def __init__(self, records: Mapping[TP, Any], positions: Mapping[TP, int]) -> None:
        super().__init__(records)
        self.positions = positions


class _Owner(Protocol):
    """What the thread asks of its consumer (`streams.faust_app.consumer.BatchConsumer`)."""

    @property
    def membership(self) -> Membership:
        """Whether this process is still a member of its consumer group."""

    @property
    def topic_guard(self) -> TopicGuard:
        """Knows what the topics were when the process began."""

    def lose_from_thread(self, lost: AssignmentLost) -> None:
        """End the process: its partitions went away; called in the consumer's thread."""


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """Runs aiokafka's consumer with our fetch settings, and watches its group."""

    @override
    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        limits = cast(_Limited, transport).limits
        allow_any_header_name()
        consumer = super()._create_worker_consumer(transport)
        limit_fetch_wait(consumer, limits.fetch_max_wait_ms)
        read_committed(consumer)
        return consumer

    @override
    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Fetched:
        """What Faust fetches, and how far it was read."""
        records = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        # Nothing else has had its turn since the records were taken out: both belong together.
        return Fetched(records, read_positions(consumer, active_partitions))

    @override
    async def on_start(self) -> None:
        """Connect, and listen to what the group says from its first word on."""
        await super().on_start()
        coordinator = coordinator_of(self._ensure_consumer())
        consumer = cast(_Owner, self.consumer)
        watch_group(coordinator, consumer.membership, consumer.lose_from_thread)

    @override
    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit offsets with the ids of our topics; return whether the group accepted.

        A refused commit ends the process, except during a rebalance. Faust would go on.
        """
        consumer = cast(_Owner, self.consumer)
        offsets_with_metadata = {
            TopicPartition(*tp): OffsetAndMetadata(offset, consumer.topic_guard.metadata)
            for tp, offset in offsets.items()
        }
        try:
            await self._ensure_consumer().commit(offsets_with_metadata)
        except CommitFailedError as refused:
            # While the group waits for its members; everything is committed before we answer that.
            if isinstance(refused.__cause__, RebalanceInProgressError):
                return False
            consumer.lose_from_thread(
                consumer.membership.lose(f"the group has refused a commit: {refused.__cause__!r}")
            )
            return False
        except AssignmentLost as lost:
            consumer.lose_from_thread(lost)
            return False
        except Exception as error:
            await self.crash(error)
            return False
        return True

    @override
    async def _highwaters(self, partitions: Sequence[TP]) -> Mapping[TP, int]:
        """The end offsets: the higher of what the broker lists and what a fetch said.

        The embedded broker lists the *first* offset of the last batch + 1. A restore up to there
        would leave out most of that batch, without an error.

        A stream ends before its first open transaction. A changelog does not: our own states may be
        behind somebody's transaction, so a restore waits for its end.
        """
        listed = await super()._highwaters(list(partitions))
        deadline_s = monotonic() + self.app.conf.broker_request_timeout
        while None in (fetched := {tp: self._fetched_end(tp) for tp in partitions}).values():
            if monotonic() > deadline_s:
                raise KafkaTimeoutError(f"no fetch of {partitions}")
            await asyncio.sleep(_FETCH_POLL_S)
        return {tp: max(listed[tp], fetched[tp] or 0) for tp in partitions}

    async def listed_ends(self, partitions: Iterable[TP]) -> Mapping[TP, int]:
        """The end offsets as the broker lists them, also of what cannot be fetched."""
        consumer = self._ensure_consumer()
        tps = [TopicPartition(*tp) for tp in partitions]
        ends = await self.call_thread(consumer.end_offsets, tps)
        return {TP(*tp): end for tp, end in ends.items()}

    async def open_records(self, partitions: Iterable[TP]) -> Mapping[TP, int]:
        """How many records are behind the first one of an open transaction, by the last fetch."""
        tps = list(partitions)
        found: Mapping[TP, int] = await self.call_thread(self._open_records, tps)
        return found

    async def _open_records(self, partitions: Sequence[TP]) -> Mapping[TP, int]:
        consumer = self._ensure_consumer()
        return {tp: open_records(consumer, TopicPartition(*tp)) for tp in partitions}

    def _fetched_end(self, tp: TP) -> int | None:
        consumer = self._ensure_consumer()
        if tp not in consumer.assignment():
            raise IllegalStateError(f"{tp} is not assigned any more")  # Faust expects this one
        at = TopicPartition(*tp)
        if tp.topic not in self.app.tables.changelog_topics:
            return stable_end(consumer, at)
        end: int | None = consumer.highwater(at)
        return end

    @override
    async def on_thread_stop(self) -> None:
        """Stop aiokafka's consumer, also while its broker is away.

        Its fetcher then lets out the cancellation of its own tasks. That would end this thread
        without a word, and the main thread would wait a minute for it.
        """
        try:
            await super().on_thread_stop()
        except asyncio.CancelledError:
            await close_connections(self._ensure_consumer())

    @override
    def on_crash(self, msg: str, *fmt: Any, **kwargs: Any) -> None:
        """Do nothing: mode would print the traceback, which is logged as well."""

    def note_poll(self) -> None:
        """Count as a poll while there is nothing to read: without partitions, or in a rebalance.

        After `max_poll_interval_ms` without a fetch aiokafka leaves the group, and joins it again
        only after the next fetch. Faust does not fetch before it has joined.
        """
        # Not `call_thread`: while the thread stops, a call into it is never answered.
        self.thread_loop.call_soon_threadsafe(count_as_poll, self._ensure_consumer())

    async def describe_topics(self, names: Iterable[str]) -> Mapping[str, TopicState]:
        """The ids and partition counts of topics, asked of a broker."""
        consumer = self._ensure_consumer()
        found: Mapping[str, TopicState] = await self.call_thread(describe_topics, consumer, names)
        return found

    def refresh_metadata(self) -> None:
        """Have aiokafka look at its topics now, not at the next of its rare looks."""
        self.thread_loop.call_soon_threadsafe(refresh_metadata, self._ensure_consumer())

    def rejoin(self) -> None:
        """Look at the topics, and have the group share out its partitions anew."""
        consumer = self._ensure_consumer()
        self.thread_loop.call_soon_threadsafe(refresh_metadata, consumer)
        self.thread_loop.call_soon_threadsafe(coordinator_of(consumer).request_rejoin)

    def knows_less(self, found: Mapping[str, TopicState]) -> bool:
        """Whether aiokafka knows fewer partitions of its topics than a broker has told now.

        A broker that has just started may know no topics yet. The leader of the group then assigns
        none, and would look again only minutes later.
        """
        consumer = self._ensure_consumer()
        subscribed = consumer.subscription()
        return any(
            cached_partition_count(consumer, name) < state.partitions
            for name, state in found.items()
            if name in subscribed
        )

    async def committed(self, partitions: Iterable[TP]) -> Mapping[TP, OffsetAndMetadata]:
        """The committed offsets of the group with their metadata, where there are any."""
        tps = [TopicPartition(*tp) for tp in partitions]
        found = await self.call_thread(committed_offsets, self._ensure_consumer(), tps)
        return {TP(*tp): position for tp, position in found.items()}

    async def seek_to_earliest(self, partitions: Iterable[TP]) -> None:
        """Read ``partitions`` from their first record on."""
        consumer = self._ensure_consumer()
        tps = [TopicPartition(tp.topic, tp.partition) for tp in partitions]
        await self.call_thread(consumer.seek_to_beginning, *tps)
