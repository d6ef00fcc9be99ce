"""The consumer of one process: reads, restores, acks, commits and gives back as the real one does.

It follows `streams.faust_app.consumer` step by step; batches, the acks, the membership
and the store of the table are the production ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka.structs import TopicPartition
from faust.types import TP

from streams.faust_app import Batch, PartitionedStore, Progress
from streams.faust_app.batch import split
from streams.faust_app.commit import AcksByPartition, PartitionAcks
from tests.simulator.app import App, BatchInFlight, Stream
from tests.simulator.broker import Broker, Stored
from tests.simulator.group import Joined, NotAMember
from tests.simulator.network import Network
from tests.simulator.process import Process
from tests.simulator.surroundings import Surroundings

HEARTBEAT_S = 0.25
COMMIT_S = 0.3
FETCH_S = 0.06
DRAIN_S = 0.02
_MAX_IN_FLIGHT = 4
_FETCH_RECORDS = 30


class PlainConsumer:
    """What `streams.engine.fencing` uses of a consumer outside of any group."""

    def __init__(self, process: Process, broker: Broker, network: Network) -> None:
        self._process = process
        self._broker = broker
        self._network = network
        self._position: tuple[TP, int] | None = None

    async def start(self) -> None:
        """Connect to nothing."""

    async def stop(self) -> None:
        """Nothing is connected."""

    def assign(self, tps: list[TopicPartition]) -> None:
        """Read this partition."""
        [tp] = tps
        self._position = TP(*tp), 0

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Read on from there."""
        self._position = TP(*tp), offset

    async def position(self, tp: TopicPartition) -> int:
        """How far it was read."""
        assert self._position is not None
        assert self._position[0] == TP(*tp)
        return self._position[1]

    async def end_offsets(self, tps: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Where the logs end."""
        ends = await self._network.call(
            self._process, lambda: self._broker.ends(TP(*tp) for tp in tps)
        )
        return {TopicPartition(*tp): end for tp, end in ends.items()}

    async def getmany(
        self, tp: TopicPartition, timeout_ms: int
    ) -> Mapping[TopicPartition, list[Stored]]:
        """What a fetch brings."""
        assert self._position is not None
        at = self._position
        fetched = await self._network.call(self._process, lambda: self._broker.read([at], 7))
        records = fetched.get(at[0], [])
        if records:
            self._position = at[0], records[-1].offset + 1
        else:
            await asyncio.sleep(timeout_ms / 1_000)
        return {tp: records}


class Consumer:
    """Everything between a process and the broker's topics and group."""

    def __init__(
        self, process: Process, app: App, around: Surroundings, store: PartitionedStore[Any]
    ) -> None:
        self.acks = AcksByPartition()
        self.streams: dict[str, Stream] = {}
        self._process = process
        self._app = app
        self._broker = around.broker
        self._group = around.group
        self._network = around.network
        self._draws = around.draws
        self._store = store
        self._changelog = around.changelog
        self._oblivious_s = around.oblivious_s
        self._tps: frozenset[TP] = frozenset()
        self._positions: dict[TP, int] = {}
        self._shut_off: set[TP] = set()
        self._unacked: list[BatchInFlight] = []
        self._is_open = False
        self._committing = asyncio.Lock()
        self._stopping = False
        for topic, take in app.agents:
            stream = Stream(self._unacked.append)
            process.spawn(take(stream))
            self.streams |= dict.fromkeys(topic.names, stream)

    # -- what the agents ask

    def assignment(self) -> set[TP]:
        """The partitions that are ours."""
        return set(self._tps)

    async def progress(self) -> Mapping[TP, Progress]:
        """How far the assigned stream partitions are."""
        tps = [tp for tp in self.acks if tp in self._tps]
        ends = await self._network.call(self._process, lambda: self._broker.ends(tps))
        known = {tp: (end, self.acks[tp]) for tp, end in ends.items() if tp in self.acks}
        return {
            tp: Progress(end, acks.next_offset, acks.in_flight)
            for tp, (end, acks) in known.items()
            if acks.next_offset is not None
        }

    def stop_partition(self, tp: TP, position: int) -> None:
        """No partition is stopped: the load has few bad records."""
        raise AssertionError(f"{tp} is stopped at {position}")

    def _ack(self, event: BatchInFlight) -> bool:
        if event in self._unacked:
            self._unacked.remove(event)
        if event.acked or event.generation_id != self._app.generation:
            event.acked = True
            return False
        event.acked = True
        self.acks[event.value.tp].append(event.value.last_offset)
        return True

    # -- the group

    async def belong(self) -> None:
        """Be a member of the group, through all its generations, until told to stop."""
        while not self._stopping:
            asked_s = self._app.membership.now_s()
            joined = await self._call(lambda: self._group.join(self._process.name))
            self._app.membership.take()
            self._app.membership.note_confirmation(asked_s)
            restoring = self._process.spawn(self._take_over(joined))
            await self._until_asked_to_rejoin(joined.generation)
            self._is_open = False
            self._app.ready = False
            restoring.cancel()
            await self._give_back()

    def stop(self) -> None:
        """Give everything back and leave, as after SIGTERM."""
        self._stopping = True

    async def _until_asked_to_rejoin(self, generation: int) -> None:
        while not self._stopping:
            await asyncio.sleep(HEARTBEAT_S)
            asked_s = self._app.membership.now_s()
            try:
                if await self._call(lambda: self._group.heartbeat(self._process.name, generation)):
                    self._app.membership.note_confirmation(asked_s)
                    return
            except NotAMember as unknown:
                await asyncio.sleep(self._oblivious_s)
                raise self._app.membership.lose(str(unknown)) from None
            self._app.membership.note_confirmation(asked_s)

    async def _give_back(self) -> None:
        """Finish and commit what is in flight, then let go of the partitions."""
        for stream in set(self.streams.values()):
            stream.waiting.clear()
        while True:
            await self._app.drain()
            if not self._unacked:
                break
            await asyncio.sleep(DRAIN_S)
        await self.commit()
        self._app.membership.give_back()
        await self._process.reach("given back")
        self.acks.clear()
        self._positions.clear()
        if self._stopping:
            await self._call(lambda: self._group.leave(self._process.name))
            self._process.end(None)

    # -- the restore

    async def _take_over(self, joined: Joined) -> None:
        app, store = self._app, self._store
        generation = joined.generation
        app.generation, self._tps = generation, joined.tps
        self._shut_off.clear()
        await store.on_rebalance(set(joined.tps), set(), set(), generation)
        changelogs = sorted(tp for tp in joined.tps if tp.topic == self._changelog)
        ends = await self._call(lambda: self._broker.ends(changelogs))
        for tp in changelogs:
            await self._restore(tp, ends[tp])
        await store.on_recovery_completed(set(changelogs), set())
        await self._seek(generation)
        self._is_open = True
        app.ready = True

    async def _restore(self, tp: TP, end: int) -> None:
        found = self._store.persisted_offset(tp)
        position = 0 if found is None else found + 1
        while position < end:
            fetched = await self._read([(tp, position)])
            await self._process.reach("restore")
            records = [record for record in fetched.get(tp, []) if record.offset < end]
            if not records:
                return
            for batch in split(tp, records, self._draws.choice((1, 3, 100)), 1 << 20):
                event: Any = BatchInFlight(batch, 0, self._ack)
                self._store.apply_changelog_batch([event], bytes, bytes)
            position = records[-1].offset + 1

    async def _seek(self, generation: int) -> None:
        tps = sorted(tp for tp in self._tps if tp.topic != self._changelog)
        committed = await self._call(lambda: dict(self._group.committed))
        if generation != self._app.generation:
            return
        self.acks.clear()
        for tp in tps:
            at = committed.get(tp, 0)
            self.acks[tp] = PartitionAcks(tp, at)
            self._positions[tp] = at

    # -- reading

    async def fetch_often(self) -> None:
        """Read what may be read, for ever."""
        while True:
            wanted, generation = self._readable(), self._app.generation
            fetched = await self._read(wanted) if wanted else {}
            if generation != self._app.generation or not self._deliver(fetched):
                await asyncio.sleep(FETCH_S)

    def _readable(self) -> list[tuple[TP, int]]:
        if not self._is_open:
            return []
        return [
            (tp, position)
            for tp, position in sorted(self._positions.items())
            if self.acks[tp].in_flight < _MAX_IN_FLIGHT and self._app.has_state(tp)
        ]

    def _deliver(self, fetched: Mapping[TP, Any]) -> bool:
        """Hand batches to the agents; what was fetched before the flow stopped is read again."""
        if not self._is_open:
            return False
        for tp, records in fetched.items():
            size, read_from = self._draws.choice((1, 2, 4, 8, 30)), self.acks[tp].read_from
            for batch in split(tp, records, size, 1 << 20, read_from):
                self._deliver_batch(tp, batch)
        return bool(fetched)

    def _deliver_batch(self, tp: TP, batch: Batch) -> None:
        self.acks[tp].delivered(batch.last_offset)
        self._positions[tp] = batch.last_offset + 1
        self.streams[tp.topic].put(BatchInFlight(batch, self._app.generation, self._ack))

    # -- committing

    async def commit_often(self) -> None:
        """Commit what is acked, for ever."""
        while True:
            await asyncio.sleep(COMMIT_S)
            if self._is_open:
                await self.commit()

    async def commit(self) -> None:
        """Commit what is acked; a refusal ends the process."""
        async with self._committing:
            if self._app.membership.lost is not None:
                return
            positions = {
                tp: position
                for tp, acks in self.acks.items()
                if (position := acks.take_commit()) is not None
            }
            if not positions:
                return
            generation = self._app.generation
            await self._process.reach("before commit")
            try:
                await self._call(lambda: self._commit(generation, positions))
            except NotAMember as unknown:
                raise self._app.membership.lose(str(unknown)) from None
            await self._process.reach("after commit")

    def _commit(self, generation: int, positions: Mapping[TP, int]) -> None:
        ends = {tp: log.end for tp, log in self._broker.logs.items()}
        self._group.commit(self._process.name, generation, positions, ends)

    async def _read(self, positions: list[tuple[TP, int]]) -> Mapping[TP, list[Stored]]:
        read = self._broker.read
        found: Mapping[TP, list[Stored]] = await self._call(lambda: read(positions, _FETCH_RECORDS))
        return found

    async def _call(self, request: Any) -> Any:
        return await self._network.call(self._process, request)
