"""The production producer over the broker in memory: only aiokafka's own is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from faust.types import TP
from typing_extensions import override

from handlers.outputs import CUSTOMER_PROFILES
from streams.faust_app import BatchProducer
from streams.faust_app.producer import _HeldBack
from streams.kafka.headers import META_KEY
from tests.simulator.broker import Broker, Unsent
from tests.simulator.network import Network
from tests.simulator.process import Process

_STEPS = {CUSTOMER_PROFILES: "profiles"}


class _Added(NamedTuple):
    size: int


class _Written(NamedTuple):
    offset: int


class RecordBatch:
    """As aiokafka's batch builder; full after a few records, so that a flush is many requests."""

    def __init__(self, most: int) -> None:
        self.records: list[Unsent] = []
        self._most = most

    def append(self, *, timestamp: int | None, key: Any, value: Any, headers: Any) -> Any:
        """Add a record; None if the batch is full."""
        if len(self.records) >= self._most:
            return None
        self.records.append(Unsent(timestamp, key, value, tuple(headers)))
        return _Added(len(value or b"") + len(key or b"") + 20)

    def close(self) -> None:
        """Nothing more is added."""

    def record_count(self) -> int:
        """How many there are."""
        return len(self.records)


class WriteFaults:
    """What becomes of writes: how many more succeed before one is lost, or is written twice."""

    def __init__(self, draws: Random) -> None:
        self.draws = draws
        self.fail_in: int | None = None
        self.twice_in: int | None = None
        self.failed: list[str] = []
        self.repeated = 0

    def strike(self, kind: str, count: int) -> None:
        """Have the write after so many fail, or be sent twice."""
        if kind == "fail_write":
            self.fail_in = count
        else:
            self.twice_in = count

    def heal(self) -> None:
        """Let all writes succeed."""
        self.fail_in = self.twice_in = None

    def next_fails(self) -> bool:
        """Whether this write fails."""
        if self.fail_in is None:
            return False
        self.fail_in -= 1
        if self.fail_in > 0:
            return False
        self.fail_in = None
        return True

    def next_repeats(self) -> bool:
        """Whether this write is sent again because its acknowledgement is lost."""
        if self.twice_in is None:
            return False
        self.twice_in -= 1
        if self.twice_in > 0:
            return False
        self.twice_in = None
        self.repeated += 1
        return True


class KafkaProducerInMemory:
    """What `BatchProducer` uses of `AIOKafkaProducer`."""

    def __init__(self, broker: Broker, network: Network, process: Process, faults: WriteFaults):
        self._broker = broker
        self._network = network
        self._process = process
        self._faults = faults
        self.guard: Any = None

    def create_batch(self) -> RecordBatch:
        """An empty batch."""
        return RecordBatch(self._faults.draws.choice((1, 2, 3, 5, 50)))

    async def send_batch(
        self, batch: RecordBatch, topic: str, *, partition: int
    ) -> asyncio.Future[_Written]:
        """Send; the future has the first offset."""
        if self.guard is not None:
            try:
                await self.guard()
            except Exception as error:
                raise _HeldBack(error) from error
            await asyncio.sleep(0)  # a process may stop for long between the look and the sending
        tp = TP(topic, partition)
        fails, repeats = self._faults.next_fails(), self._faults.next_repeats()
        arrives = not fails or self._faults.draws.random() < 0.5

        def write() -> _Written:
            first = -1
            if arrives:
                first = self._broker.append(tp, batch.records, self._process.name)
            if repeats:
                first = self._broker.append(tp, batch.records, self._process.name)
            if fails:
                self._faults.failed.append(self._process.name)
                raise KafkaError("the broker has no room")
            return _Written(first)

        written: asyncio.Future[_Written] = self._process.loop.create_future()
        written.set_result(await self._network.call(self._process, write))
        return written

    async def stop(self) -> None:
        """Nothing is connected."""


class ProducerInMemory(BatchProducer):
    """The production producer, which says what it wrote to the process's named points."""

    def __init__(
        self, kafka: KafkaProducerInMemory, process: Process, changelog: str, step: str
    ) -> None:
        super().__init__(lambda: kafka)
        self._else = step
        self._kafka = kafka
        self._process = process
        self._changelog = changelog

    @override
    async def start(self) -> None:
        """Connect to nothing."""
        self._producer = self._kafka
        self._kafka.guard = self._guard

    @override
    async def deliver(
        self, pending: Mapping[TopicPartition, Sequence[Any]]
    ) -> Mapping[TopicPartition, int]:
        """As ever, between two named points."""
        step = self._step_of(pending)
        if step is not None:
            await self._process.reach(f"before {step}")
        written = await super().deliver(pending)
        if step is not None:
            await self._process.reach(f"after {step}")
        return written

    def _step_of(self, pending: Mapping[TopicPartition, Sequence[Any]]) -> str | None:
        for tp, batches in pending.items():
            if tp.topic == self._changelog:
                return "meta" if batches[0].builder.records[0].key == META_KEY else "state"
            return _STEPS.get(tp.topic, self._else)
        return None
