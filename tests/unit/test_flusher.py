"""When a partition is flushed, and what a flush waits for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any, cast

import pytest

from handlers.outputs import Output
from streams.engine.flush_batch import FlushBatch
from streams.engine.flusher import Flusher, Pace
from streams.faust_app import ProduceFailed

_SLOW = Pace.of(pause_s=60.0, max_records=10)


class _Partition:
    """Gives back what was applied as outputs; a checkpoint also acks it."""

    is_restored = True
    pending_records = 0
    pending_profiles = 0

    def __init__(self, number: int) -> None:
        self.number = number
        self.pending_batches = 0
        self.applied: list[str] = []
        self.checkpoints = 0
        self.has_checkpoint = asyncio.Event()

    def take_flush_batch(self, *, checkpoint: bool) -> FlushBatch:
        applied, self.applied = self.applied, []
        if checkpoint:
            self.checkpoints += 1
            self.has_checkpoint.set()
            self.pending_batches = 0
        outputs = [Output("tier-changes", customer, b"{}") for customer in applied]
        return FlushBatch(outputs, [], [], [], None, [])

    def finalize(self, _: FlushBatch) -> None:
        """Nothing."""


class _Kafka:
    """Acknowledges a flush when it is told to; keeps what each held."""

    full = False

    def __init__(self) -> None:
        self.added: list[str] = []
        self.flushes: list[list[str]] = []
        self.answers = asyncio.Semaphore(0)
        self.failed = False

    def accumulator(self) -> _Kafka:
        return self

    def check(self) -> None:
        if self.failed:
            raise ProduceFailed("an earlier flush failed")

    def add(self, _topic: str, _partition: int, key: bytes, *_: Any) -> None:
        self.added.append(key.decode())

    async def flush(self) -> Mapping[Any, int]:
        added, self.added = self.added, []
        self.flushes.append(added)
        await self.answers.acquire()
        return {}


class _Records:
    """Of the outputs alone."""

    def outputs(self, number: int, batch: FlushBatch) -> Any:
        for topic, customer, value in batch.outputs:
            yield topic, number, customer.encode(), value, ()

    def ownership(self, _number: int, _batch: FlushBatch) -> Any:
        return iter(())

    states = profiles = meta = ownership


class _Fencing:
    async def compare(self, *_: Any) -> bool:
        return False


class _Case:
    """One partition with its flusher and its Kafka."""

    def __init__(self, partition: _Partition, pace: Pace = _SLOW) -> None:
        self.partition = partition
        self.kafka = _Kafka()
        states: Any = SimpleNamespace(partitions=lambda: {partition.number: partition})
        metrics: Any = SimpleNamespace(flushed=lambda _: None, step_done=lambda *_: None)
        kafka: Any = self.kafka
        records: Any = _Records()
        fencing: Any = _Fencing()
        self.flusher = Flusher(partition.number, pace, kafka, records, fencing, states, metrics)

    def apply(self, customer: str) -> None:
        """As the engine does with a batch."""
        self.partition.applied.append(customer)
        self.partition.pending_batches += 1
        self.flusher.note_applied(1)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        flushing = asyncio.create_task(self.flusher.flush_often())
        await _turns()
        yield
        flushing.cancel()
        with suppress(asyncio.CancelledError):
            await flushing


async def _turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_was_applied_is_written_at_once() -> None:
    case = _Case(_Partition(0))
    async with case.running():
        assert case.kafka.flushes == []
        case.apply("a")
        await _turns()
        assert case.kafka.flushes == [["a"]]


async def test_what_is_applied_during_a_flush_goes_with_the_next_together() -> None:
    case = _Case(_Partition(0), Pace(pause_s=0.0, max_records=10, checkpoint_s=60.0))
    async with case.running():
        case.apply("a")
        await _turns()
        case.apply("b")
        case.apply("c")
        await _turns()
        assert case.kafka.flushes == [["a"]], "the first is not acknowledged"
        case.kafka.answers.release()
        await _turns()
        assert case.kafka.flushes == [["a"], ["b", "c"]]


async def test_a_partition_does_not_wait_for_another() -> None:
    first, second = _Case(_Partition(0)), _Case(_Partition(1))
    async with first.running(), second.running():
        first.apply("a")
        second.apply("b")
        await _turns()
        assert (first.kafka.flushes, second.kafka.flushes) == ([["a"]], [["b"]])


async def test_a_flush_of_many_is_followed_by_a_pause() -> None:
    case = _Case(_Partition(0))
    case.kafka.answers.release()
    async with case.running():
        case.partition.applied += [f"c{number}" for number in range(1_000)]
        case.flusher.note_applied(1_000)
        await _turns()
        case.apply("later")
        await _turns()
        assert len(case.kafka.flushes) == 1


async def test_a_checkpoint_follows_without_further_events() -> None:
    case = _Case(_Partition(0), Pace(pause_s=0.0, max_records=10, checkpoint_s=0.01))
    case.kafka.answers.release()
    async with case.running():
        case.apply("a")
        await case.partition.has_checkpoint.wait()
        assert case.partition.pending_batches == 0


async def test_who_gave_its_partition_back_writes_nothing_until_it_is_restored() -> None:
    case = _Case(_Partition(0))
    async with case.running():
        await case.flusher.drain()
        assert case.partition.checkpoints == 1
        case.apply("a")
        await _turns()
        assert case.kafka.flushes == []
        case.flusher.note_restored()
        await _turns()
        assert case.kafka.flushes == [["a"]]


async def test_a_drain_does_not_take_a_failed_flush_for_done() -> None:
    case = _Case(_Partition(0))
    case.kafka.failed = True
    with pytest.raises(ProduceFailed):
        await case.flusher.drain()


async def test_too_much_that_is_not_written_is_full() -> None:
    case = _Case(_Partition(0))
    seen = []
    for step in (9, 1):
        case.flusher.note_applied(step)
        seen.append(case.flusher.is_full)
    await case.flusher.flush()
    assert [*seen, case.flusher.is_full] == [False, True, False]


@pytest.mark.parametrize(
    ("pause_s", "checkpoint_s"), [(0.05, 1.0), (0.2, 4.0), (1.0, 5.0), (30.0, 30.0)]
)
def test_checkpoints_are_rarer_than_flushes(pause_s: float, checkpoint_s: float) -> None:
    assert Pace.of(pause_s, 10).checkpoint_s == checkpoint_s


@pytest.mark.parametrize(("profiles", "later"), [(499, 0), (500, 1), (1_400, 2), (9_999, 4)])
async def test_the_more_profiles_wait_the_later_is_a_checkpoint(profiles: int, later: int) -> None:
    case = _Case(_Partition(0), Pace(pause_s=0.0, max_records=10, checkpoint_s=60.0))
    case.partition.pending_profiles = profiles
    began_s = time.monotonic()
    due_s = case.flusher._next_checkpoint_s(cast(Any, case.partition)) - began_s
    assert due_s == pytest.approx(60.0 * (1 + later), abs=1.0)
    case.partition.pending_records = 16_000
    assert case.flusher._next_checkpoint_s(cast(Any, case.partition)) == 0.0
