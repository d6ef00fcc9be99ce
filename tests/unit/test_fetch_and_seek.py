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
        self.app = cast(Any, SimpleNamespace(consumer_generation_id=1))
        self.limits = BatchLimits()
        self.happened = happened
        self.comes_back = asyncio.Event()
        self._fetching = asyncio.Lock()
        self._gate = ReadGate()
        self.acks = cast(Any, {})

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
