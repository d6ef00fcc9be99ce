"""Back pressure, lag and what a table refuses: an app inside of the test."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from faust.types import TP, StreamT

from devtools.servers import Broker
from streams.faust_app import (
    BatchLimits,
    FaustOptions,
    StreamApp,
    add_table,
    create_app,
)
from streams.faust_app.batch import BatchEvent, batch_events
from tests.harness.faust_lab import Lab


class Taken:
    """What an agent took, by partition; it acks at once where told to."""

    def __init__(self, app: StreamApp, lab: Lab) -> None:
        self.app = app
        self.lab = lab
        self.records: dict[int, int] = defaultdict(int)
        self.unacked: dict[int, list[BatchEvent]] = defaultdict(list)
        self.keep: set[int] = set()
        self.may_read = True
        app.read_when([lab.events], lambda: self.may_read)
        app.agent(app.batch_topic(lab.events), name="take")(self.take)

    async def take(self, stream: StreamT[Any]) -> None:
        async for event in batch_events(stream):
            number = event.value.tp.partition
            self.records[number] += len(event.value)
            if number in self.keep:
                self.unacked[number].append(event)
            else:
                event.ack()

    def tp(self, number: int) -> TP:
        return TP(self.lab.events, number)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 - what others do sets no event
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running(lab: Lab, limits: BatchLimits, *, may_read: bool = True) -> AsyncIterator[Taken]:
    app = create_app(
        FaustOptions(
            app_id=lab.app_id,
            broker_urls=tuple(f"kafka://{s}" for s in lab.broker.bootstrap_servers.split(",")),
            session_timeout_ms=6_000,
            rebalance_timeout_ms=1_000,
            heartbeat_interval_ms=300,
            limits=limits,
        )
    )
    taken = Taken(app, lab)
    taken.may_read = may_read
    start = asyncio.create_task(app.start())
    try:
        await until(lambda: app.ready)
        yield taken
    finally:
        await app.stop()
        await start


@pytest.fixture
async def lab(broker: Broker) -> Lab:
    lab = Lab(broker, f"lab-{uuid.uuid4().hex[:8]}", 3)
    await lab.create_topics()
    return lab


async def test_a_topic_is_read_once_it_may_be(lab: Lab) -> None:
    await lab.fill(3_000)
    async with running(lab, BatchLimits(max_records=100), may_read=False) as taken:
        await asyncio.sleep(0.6)
        assert not taken.records
        progress = await taken.app.batch_consumer.progress()
        assert {tp.partition: at.lag for tp, at in progress.items()} == dict.fromkeys(
            range(3), 1_000
        )

        taken.may_read = True
        await until(lambda: taken.records == dict.fromkeys(range(3), 1_000))
    assert await lab.committed() == dict.fromkeys(range(3), 1_000)


async def test_a_partition_waits_when_its_batches_are_not_acked(lab: Lab) -> None:
    limits = BatchLimits(max_records=100, max_in_flight=3, drain_timeout_ms=2_000)
    async with running(lab, limits) as taken:
        taken.keep = {0}
        await lab.fill(3_000)
        await until(lambda: taken.records[1] == taken.records[2] == 1_000)
        await asyncio.sleep(0.3)
        assert len(taken.unacked[0]) == 3
        assert (await taken.app.batch_consumer.progress())[taken.tp(0)].in_flight == 3

        taken.keep = set()
        for event in taken.unacked[0]:
            event.ack()
        await until(lambda: taken.records[0] == 1_000)
    assert await lab.committed() == dict.fromkeys(range(3), 1_000)


async def test_batches_keep_the_bounds_and_records_their_bytes(lab: Lab) -> None:
    async with running(lab, BatchLimits(max_records=50, max_bytes=3_000)) as taken:
        taken.keep = {0, 1, 2}
        await lab.write(lab.events, [(0, b"key", b"v" * 500) for _ in range(10)])
        await lab.write(lab.events, [(1, b"key", None) for _ in range(60)])
        await lab.write(lab.events, [(2, b"key", b"v" * 5_000)])
        await until(lambda: sum(taken.records.values()) == 71)
        sizes = {n: [len(event.value) for event in taken.unacked[n]] for n in range(3)}
        assert max(sizes[0]) <= 5
        assert max(sizes[1]) <= 50
        assert sizes[2] == [1], "a record over the bound goes alone"
        record = taken.unacked[1][0].value.records[0]
        assert (record.key, record.value, record.offset) == (b"key", None, 0)
        for number in range(3):
            for event in taken.unacked[number]:
                event.ack()


async def test_a_table_cannot_be_written_or_read_through_faust(lab: Lab) -> None:
    app = create_app(FaustOptions(app_id=lab.app_id, broker_urls=("kafka://127.0.0.1:1",)))
    table = add_table(app, "counts", lambda number: pytest.fail(f"{number} is opened"))
    with pytest.raises(TypeError, match="kept by the application"):
        table[b"key"] = b"value"
    with pytest.raises(TypeError, match="kept by the application"):
        table.send_changelog(0, b"key", b"value")
    with pytest.raises(TypeError, match="kept by the application"):
        _ = table[b"key"]
