"""A fetch that began before a rebalance, and the seek after it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.faust_app import BatchConsumer, BatchLimits
from streams.faust_app.read_gate import ReadGate

_TP = TP("events", 0)


class _Record:
    key, value, timestamp, headers = None, b"value", 0, ()

    def __init__(self, offset: int) -> None:
        self.offset = offset


class _Fetching(BatchConsumer):
    """A consumer whose fetch comes back when it is told to."""

    def __init__(self, happened: list[str]) -> None:
        self.app = cast(
            Any,
            SimpleNamespace(consumer_generation_id=1, has_state=lambda tp: tp not in self.without),
        )
        self.limits = BatchLimits()
        self.without: set[TP] = set()
        self.happened = happened
        self.comes_back = asyncio.Event()
        self._fetching = asyncio.Lock()
        self._gate = ReadGate()
        self.acks = cast(Any, {})
        self._stopped = self._crashed = cast(Any, asyncio.Event())

    def _readable(self) -> tuple[set[TP], bool]:
        return {_TP}, True

    def _stream_partitions(self) -> set[TP]:
        return set()

    async def _getmany(self, *_: Any, **__: Any) -> Any:
        await self.comes_back.wait()
        self.happened.append("fetched")
        return {_TP: [_Record(79)]}


async def test_the_seek_after_a_rebalance_waits_for_a_fetch_that_began_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def seek(_: Any) -> None:
        happened.append("sought")

    monkeypatch.setattr(driver.Consumer, "perform_seek", seek)
    happened: list[str] = []
    consumer = _Fetching(happened)

    async def read() -> list[Any]:
        return [message async for _, message in consumer.getmany(1.0)]

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    consumer.app.consumer_generation_id = 2  # the partition stayed here
    seeking = asyncio.create_task(consumer.perform_seek())
    for _ in range(5):
        await asyncio.sleep(0)
    consumer.comes_back.set()
    await seeking
    assert await reading == [], "records of a former generation are not delivered"
    assert happened == ["fetched", "sought"], "so they must be read again"


async def test_a_batch_of_a_partition_whose_state_is_not_here_is_not_delivered() -> None:
    consumer = _Fetching([])
    consumer.comes_back.set()
    consumer.without.add(_TP)
    assert [message async for _, message in consumer.getmany(1.0)] == []
    assert _TP not in consumer.acks


def test_a_restore_that_a_rebalance_has_overtaken_opens_nothing() -> None:
    gate = ReadGate()

    def end_of_a_restore() -> bool:
        gate.note_resumed()
        gate.note_sought()
        gate.note_flow()
        return gate.is_open

    assert end_of_a_restore()
    gate.revoke()
    assert not end_of_a_restore(), "the group is being joined"
    gate.shut()
    gate.note_sought()
    gate.note_flow()
    assert not gate.is_open, "the end of the former restore"
    assert end_of_a_restore()


class _Assigned(BatchConsumer):
    """A consumer with one partition, at the end of its restore."""

    def __init__(self) -> None:
        self.has: bool = False
        self.app = cast(Any, SimpleNamespace(has_state=lambda _: self.has))
        self.rejoined = 0
        self.ended_by: list[Exception] = []
        self._rejoins = 0
        self._thread = cast(Any, self)

    def rejoin(self) -> None:
        self.rejoined += 1

    def _stream_partitions(self) -> set[TP]:
        return {_TP}

    def _end_by(self, error: Exception) -> None:
        self.ended_by.append(error)


def test_a_partition_that_comes_without_its_state_has_the_group_joined_again() -> None:
    consumer = _Assigned()
    for _ in range(5):
        consumer._look_for_states()
    assert (consumer.rejoined, consumer.ended_by) == (5, [])
    consumer.has = True
    consumer._look_for_states()
    consumer.has = False
    for _ in range(6):
        consumer._look_for_states()
    assert consumer.rejoined == 10
    [error] = consumer.ended_by
    assert str(error) == "events/0 came without their state, again and again"


class _Joining(BatchConsumer):
    """A consumer to which partitions come, while the thread that tells of topics is gone."""

    def __init__(self) -> None:
        recovery = SimpleNamespace(is_overtaken=True)
        self.app = cast(
            Any,
            SimpleNamespace(
                conf=SimpleNamespace(broker_request_timeout=30.0),
                membership=SimpleNamespace(take=lambda: None),
                tables=SimpleNamespace(recovery=recovery),
            ),
        )
        self.crashes: list[BaseException] = []
        self.asked = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self._stopped, self._crashed = cast(Any, asyncio.Event()), cast(Any, asyncio.Event())
        self._gate = ReadGate()
        self._topics = self._thread = cast(Any, self)

    def note_poll(self) -> None:
        pass

    async def before_reading(self, _: set[TP]) -> None:
        self.asked.set()
        await asyncio.Event().wait()

    async def crash(self, reason: BaseException) -> None:
        self.crashes.append(reason)


async def test_a_stop_ends_the_wait_for_what_an_assignment_needs_to_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def assigned(*_: Any) -> None:
        pass

    monkeypatch.setattr(driver.Consumer, "on_partitions_assigned", assigned)
    consumer = _Joining()
    assigning = asyncio.create_task(consumer.on_partitions_assigned({_TP}))
    await consumer.asked.wait()
    consumer._stopped.set()
    await asyncio.wait_for(assigning, 5)
    assert consumer.crashes == []
