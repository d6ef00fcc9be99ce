"""The consumer that delivers batches; `streams.faust_app.transport` tells what it changes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any, Protocol, cast

from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message
from mode import ServiceT
from typing_extensions import override

from streams.faust_app.batch import Batch, split
from streams.faust_app.commit import AcksByPartition, PartitionAcks
from streams.faust_app.consumer_thread import BatchConsumerThread, Fetched
from streams.faust_app.membership import AssignmentLost, Membership
from streams.faust_app.options import BatchLimits
from streams.faust_app.read_gate import ReadGate
from streams.faust_app.recovery import StrictRecovery, StrictTables
from streams.faust_app.topic_guard import TopicGuard
from streams.faust_app.topic_watch import TopicWatch

_log = logging.getLogger(__name__)

_POLL_S = 0.2
_POLL_BLOCKED_S = 0.05  # a partition that is released must not wait for the poll of the others
_DRAIN_POLL_S = 0.02
_REJOINS_MAX = 5


class _Limited(Protocol):
    limits: BatchLimits


class DrainTimeout(RuntimeError):
    """Batches in flight were not acked and committed within `BatchLimits.drain_timeout_ms`."""


class StateNotAssigned(RuntimeError):
    """The group gives this worker partitions without the state that belongs to them."""


class Drainable(Protocol):
    """What the consumer asks of its app (`streams.faust_app.app.StreamApp`)."""

    @property
    def membership(self) -> Membership:
        """Whether this process is still a member of its consumer group."""

    @property
    def topic_guard(self) -> TopicGuard:
        """Knows what the topics were when the process began."""

    @property
    def kept_topics(self) -> Set[str]:
        """Topics of which state is kept, which says itself up to which offset."""

    def has_state(self, tp: TP) -> bool:
        """Whether the state that a partition needs is here."""

    @property
    def held_topics(self) -> Set[str]:
        """Topics that may not be read now, whatever becomes of their partitions."""

    async def drain(self) -> None:
        """Make durable and ack what can be acked now."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one partition is.

    Attributes:
        end: the broker's end offset, before the first open transaction.
        acked: the offset of the next record to be acked; behind what is no record.
        in_flight: batches delivered and not yet acked.
        open: records that nobody gets before a transaction that is open has ended.
    """

    end: int
    acked: int
    in_flight: int
    open: int = 0

    @property
    def lag(self) -> int:
        """Records that can be read and are not yet done."""
        return max(0, self.end - self.acked)


class BatchConsumer(driver.Consumer):
    """Delivers batches, acks them in order, and commits what is acked."""

    _thread: BatchConsumerThread

    def __init__(self, transport: _Limited, *args: Any, **kwargs: Any) -> None:
        self.limits = transport.limits
        self.acks = AcksByPartition()
        self._gate = ReadGate()
        self._unblocked = asyncio.Event()
        self._fetching = asyncio.Lock()
        self._rejoins = 0
        super().__init__(transport, *args, **kwargs)
        self._topics = TopicWatch(
            self._thread, self.topic_guard, lambda: self.app.tables.changelog_topics
        )
        self._acked = self.acks  # type: ignore[assignment]  # see PartitionAcks.append

    @property
    def membership(self) -> Membership:
        """Whether this process is still a member of its consumer group."""
        return cast(Drainable, self.app).membership

    @property
    def _recovery(self) -> StrictRecovery:
        return cast(StrictTables, self.app.tables).recovery

    @property
    def topic_guard(self) -> TopicGuard:
        """Knows what the topics were when the process began."""
        return cast(Drainable, self.app).topic_guard

    def lose_from_thread(self, lost: AssignmentLost) -> None:
        """End the process: its partitions went away; called in the consumer's thread."""
        self._thread.parent_loop.call_soon_threadsafe(self._end_by, lost)

    def _end_by(self, error: Exception) -> None:
        if not self.crashed:
            self.add_future(self.crash(error))

    async def look_at_topics(self) -> None:
        """Compare our topics with what they were, and have new partitions assigned.

        Raises:
            TopicChanged: one is not what it was.
            KafkaError: no broker answers.
        """
        await self._topics.look()

    @override
    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # -- reading

    @override
    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:
        """Fetch once and deliver what came, each partition cut into batches."""
        wanted, all_wanted = self._readable()
        if not wanted:
            await self._rest()
            return
        generation = self.app.consumer_generation_id
        timeout_s = min(timeout, _POLL_S if all_wanted else _POLL_BLOCKED_S)
        try:
            async with self._fetching:
                fetched = await self._getmany(active_partitions=wanted, timeout=timeout_s)
        except NoOffsetForPartitionError:
            return  # of a moment before `on_partitions_assigned` had said where to begin
        except OffsetOutOfRangeError as error:
            await self._topics.out_of_range(error.args[0])
            return
        for tp, records in (fetched or {}).items():
            read_from = self.acks[TP(*tp)].read_from if TP(*tp) in self.acks else None
            limits = self.limits
            for batch in split(TP(*tp), records, limits.max_records, limits.max_bytes, read_from):
                # What is dropped here is read again: a seek follows every stop of the flow.
                stale = generation != self.app.consumer_generation_id
                if stale or not self.flow_active or self.should_stop:
                    return
                if batch.tp in self._gate.stopped or not self._has_state(batch.tp):
                    continue
                if self.app.topics.acks_enabled_for(batch.tp.topic):
                    self.acks[batch.tp].delivered(batch.last_offset, batch.fullness)
                yield batch.tp, self._to_message(batch.tp, batch)
        if isinstance(fetched, Fetched) and generation == self.app.consumer_generation_id:
            self._note_positions(fetched)

    def _note_positions(self, fetched: Fetched) -> None:
        """Note how far was read, also where no record comes any more; all records are delivered."""
        if not self.flow_active or self.should_stop:
            return
        recovery = self._recovery
        for tp, position in fetched.positions.items():
            if tp.topic in self.app.tables.changelog_topics:
                records = fetched.get(tp)
                recovery.note_position(tp, position, records[-1].offset if records else None)
            elif tp in self.acks and tp not in self._gate.stopped:
                self.acks[tp].note_read(position)

    @override
    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        batch: Batch = record
        newest = batch.records[-1]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            batch.last_offset,
            newest.timestamp / 1000.0,
            0,
            None,  # headers, key and checksum belong to records, not to the batch
            None,
            cast(bytes, batch),
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    def _readable(self) -> tuple[set[TP], bool]:
        """The partitions to fetch, and whether that is all that Faust would fetch."""
        if not self.flow_active:
            return set(), False
        active = self._get_active_partitions() - self._gate.stopped
        changelogs = self.app.tables.changelog_topics
        held = cast(Drainable, self.app).held_topics
        wanted = {
            tp
            for tp in active
            if tp.topic in changelogs or (tp.topic not in held and self._may_deliver(tp))
        }
        return wanted, len(wanted) == len(active) and self._gate.is_open

    def _may_deliver(self, tp: TP) -> bool:
        if not (self._gate.is_open and self._has_state(tp)):
            return False
        acks, limits = self.acks.get(tp), self.limits
        return acks is None or (
            acks.in_flight < limits.max_in_flight
            and acks.full_in_flight < limits.max_full_in_flight
        )

    def _has_state(self, tp: TP) -> bool:
        return cast(Drainable, self.app).has_state(tp)

    async def _rest(self) -> None:
        """Wait a little, or until something may be read again."""
        assigned = self.assignment() - self._gate.stopped
        held_by_us = self.flow_active and self._gate.is_open and assigned
        if not held_by_us:
            self._thread.note_poll()
        self._unblocked.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._unblocked.wait(), _POLL_BLOCKED_S)

    @override
    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing. Faust would note every offset between two acks, thousands for each batch."""

    # -- back pressure and lag

    def stop_partition(self, tp: TP, offset: int) -> None:
        """Read no more of a partition until the next rebalance, and commit ``offset``.

        Its batches in flight are given back: nobody waits for them any more, and they must not be
        acked. A batch that comes to an agent later needs another call.

        Raises:
            OutOfOrderAck: a later offset was acked before.
        """
        self._gate.stop(tp)
        self.acks[tp].stop_at(offset)
        for message in [found for found in self._unacked_messages if found.tp == tp]:
            message.acked = True
            self._unacked_messages.discard(message)
        self._unblocked.set()

    async def progress(self) -> Mapping[TP, Progress]:
        """How far the assigned stream partitions are, by the end offsets as they are now.

        Empty while partitions move, or while no broker answers.
        """
        streams = self._stream_partitions()
        try:
            ends = await self.highwaters(*streams) if streams else {}
            behind = await self.open_records(ends)
        except KafkaError:
            return {}
        known = {tp: (end, self.acks[tp]) for tp, end in ends.items() if tp in self.acks}
        return {
            tp: Progress(end, done_to, acks.in_flight, behind[tp])
            for tp, (end, acks) in known.items()
            if (done_to := acks.done_to) is not None
        }

    async def open_records(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """How many records of each partition wait for a transaction to end, by the last fetch."""
        return await self._thread.open_records(tps)

    def _stream_partitions(self) -> set[TP]:
        changelogs = self.app.tables.changelog_topics
        return {tp for tp in self.assignment() if tp.topic not in changelogs}

    # -- acks and commits

    @override
    def ack(self, message: Message) -> bool:
        """Mark the batch done. One of a former generation is no longer ours to commit."""
        if message.generation_id != self.app.consumer_generation_id:
            message.acked = True
            self._unacked_messages.discard(message)
            return False
        acked = super().ack(message)
        self._unblocked.set()
        return acked

    @override
    def _new_offset(self, tp: TP) -> int | None:
        self._acked_index[tp].clear()
        if tp.topic not in cast(Drainable, self.app).kept_topics:
            self.acks[tp].pass_over()
        return self.acks[tp].take_commit()

    @override
    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit what is acked; nothing once the process has crashed, or lost its partitions."""
        if self.crashed or self.app.crashed or self.membership.lost is not None:
            return False
        return await super().commit(topics, start_new_transaction)

    @override
    async def _commit_offsets(
        self, offsets: Mapping[TP, int], start_new_transaction: bool = True
    ) -> bool:
        """As Faust, without the table of all offsets that it draws for a log nobody keeps."""
        assigned = self.assignment()
        ours = {tp: offset for tp, offset in offsets.items() if tp in assigned}
        if not ours:
            return False
        did_commit = await self._commit(ours)
        self._committed_offset.update(ours)
        return did_commit

    @override
    async def wait_empty(self) -> None:
        """Let the agents finish and ack what they hold, then commit it.

        Raises nothing: Faust's callers would skip the rest of the stop and leave a thread behind.
        """
        try:
            async with asyncio.timeout(self.limits.drain_timeout_ms / 1000):
                await self._until_acked()
                # One under way began before the last acks, and Faust would take it for this one.
                while await self.maybe_wait_for_commit_to_finish():
                    pass
                await self.commit_and_end_transactions()
        except TimeoutError:
            left = len(self._unacked_messages)
            await self.crash(DrainTimeout(f"{left} batches not acked, or no commit possible"))
        except Exception as error:
            await self.crash(error)

    @override
    async def on_stop(self) -> None:
        """Commit what is acked, after which nothing of the partitions is in use."""
        await super().on_stop()
        self.membership.give_back()

    async def _until_acked(self) -> None:
        while not self.should_stop:
            await cast(Drainable, self.app).drain()
            self._clean_unacked_messages()
            if not self._unacked_messages:
                return
            await asyncio.sleep(_DRAIN_POLL_S)

    # -- rebalance

    @override
    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit what is in flight, then let go of the partitions."""
        self._gate.revoke()
        self._recovery.is_overtaken = True
        if not self.should_stop:  # else all is committed, and the thread takes no more calls
            await self._drain()
        if self.membership.lost is None:
            self.membership.give_back()
        await super().on_partitions_revoked(revoked)
        self.acks.clear()
        self._gate.forget_partitions()
        self._thread.note_poll()

    @override
    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Restore what came; reading goes on after it."""
        self._gate.shut()
        self._recovery.is_overtaken = False
        self.membership.take()
        self._thread.note_poll()  # the join may have taken long
        if not self.should_stop:
            try:
                async with asyncio.timeout(self.app.conf.broker_request_timeout):
                    # A stop ends it, too: the thread that it asks is the first to go.
                    await self.wait(self._topics.before_reading(assigned))
            except TimeoutError:
                await self.crash(KafkaTimeoutError("no broker tells topics and positions"))
                return
            except Exception as error:
                await self.crash(error)
                return
        await super().on_partitions_assigned(assigned, generation_id)

    async def _drain(self) -> None:
        if self.membership.lost is not None:
            return  # nothing of it may be written
        try:
            self.stop_flow()
            self.app.flow_control.suspend()
            self.app.flow_control.clear()
            await self.wait_empty()
        except Exception as error:
            await self.crash(error)  # aiokafka would log it and rejoin the group

    @override
    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Called by Faust's recovery; for stream partitions, as the first of its last steps."""
        super().resume_partitions(tps)
        if any(tp.topic not in self.app.tables.changelog_topics for tp in tps):
            self._gate.note_resumed()

    @override
    async def perform_seek(self) -> None:
        """Go to the committed offsets, and to the first record where there is none.

        aiokafka leaves partitions without a commit where they are; a fetch that was under way in a
        rebalance may have moved those. It may even come back after the rebalance, with records of
        partitions that stayed here. `getmany` drops them, so this seek must not come before it.
        """
        async with self._fetching:
            await super().perform_seek()
            streams = self._stream_partitions()
            starts = {tp: self._committed_offset[tp] for tp in streams}
            fresh = [tp for tp, committed in starts.items() if not committed]
            if fresh:
                await self._thread.seek_to_earliest(fresh)
                starts.update(await self.earliest_offsets(*fresh))
        self.acks.clear()
        self.acks.update({TP(*tp): PartitionAcks(TP(*tp), at) for tp, at in starts.items()})
        self._gate.note_sought()

    @override
    def resume_flow(self) -> None:
        """Called by Faust's recovery, at its end right after it emptied the queues."""
        super().resume_flow()
        self._gate.note_flow()
        self._unblocked.set()
        if self._gate.is_open:
            self._look_for_states()

    def _look_for_states(self) -> None:
        """Have the partitions shared out again if one is ours whose state is not.

        Faust's assignor does that where the leader of the group knows the topic but not the
        changelog, or where members subscribe to different topics. Nothing of it is read.
        """
        lacking = sorted(tp for tp in self._stream_partitions() if not self._has_state(tp))
        if not lacking:
            self._rejoins = 0
            return
        self._rejoins += 1
        places = ", ".join(f"{tp.topic}/{tp.partition}" for tp in lacking)
        if self._rejoins > _REJOINS_MAX:
            self._end_by(StateNotAssigned(f"{places} came without their state, again and again"))
            return
        _log.warning("%s came without their state: the group is joined again", places)
        self._thread.rejoin()

    @override
    async def verify_all_partitions_active(self) -> None:
        """Do nothing: Faust's livelock detectors only log, and take idle partitions for stuck."""


def batch_consumer(app_consumer: ServiceT) -> BatchConsumer:
    """``app.consumer`` with its real type."""
    assert isinstance(app_consumer, BatchConsumer)
    return app_consumer
