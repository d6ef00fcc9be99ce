"""What the production agents ask of their Faust app, without Faust."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, NamedTuple, Self

from faust.types import TP

from streams.faust_app import Batch, Membership, TopicGuard
from tests.simulator.process import Process


class Topic(NamedTuple):
    """One or several topics that an agent takes."""

    names: tuple[str, ...]
    maxsize: int = 0


class BatchInFlight:
    """A batch as an agent gets it: a Faust event and its message in one."""

    def __init__(self, batch: Batch, generation: int, ack: Callable[[BatchInFlight], bool]) -> None:
        self.value = batch
        self.generation_id = generation
        self.acked = False
        self._ack = ack

    @property
    def message(self) -> Self:
        """Faust keeps the generation there."""
        return self

    def ack(self) -> bool:
        """Tell that the batch is done."""
        return self._ack(self)


class Stream:
    """An agent's stream. As Faust's, it acks what was taken, unless told not to."""

    def __init__(self, on_taken: Callable[[BatchInFlight], None]) -> None:
        self.waiting: deque[BatchInFlight] = deque()
        self._on_taken = on_taken
        self._filled = asyncio.Event()
        self._acks = True

    def put(self, event: BatchInFlight) -> None:
        """Deliver a batch."""
        self.waiting.append(event)
        self._filled.set()

    def noack(self) -> Stream:
        """Leave the acks to the agent."""
        self._acks = False
        return self

    async def events(self) -> AsyncIterator[BatchInFlight]:
        """The batches."""
        while True:
            while not self.waiting:
                self._filled.clear()
                await self._filled.wait()
            event = self.waiting.popleft()
            self._on_taken(event)
            yield event
            if self._acks:
                event.ack()


class _Recovery:
    is_complete = True


class Tables:
    """What the store asks of Faust's tables."""

    recovery = _Recovery()


class App:
    """The app of one process. Its consumer is set when that is made."""

    def __init__(self, process: Process, membership: Membership) -> None:
        self.process = process
        self.membership = membership
        self.tables = Tables()
        self.topic_guard = TopicGuard()
        self.generation = 0
        self.ready = False
        self.agents: list[tuple[Topic, Callable[[Any], Coroutine[Any, Any, None]]]] = []
        self.batch_consumer: Any = None
        self._on_drain: list[Callable[[], Awaitable[None]]] = []
        self._kept: dict[str, Callable[[int], bool]] = {}

    def keep_state(self, topic: str, has_state: Callable[[int], bool]) -> None:
        """Read a partition of this topic only while its state is here."""
        self._kept[topic] = has_state

    def has_state(self, tp: TP) -> bool:
        """Whether the state that a partition needs is here."""
        return tp.topic not in self._kept or self._kept[tp.topic](tp.partition)

    def topic(self, *names: str, maxsize: int = 0) -> Topic:
        """Several topics as one stream."""
        return Topic(names, maxsize)

    def batch_topic(self, name: str) -> Topic:
        """One topic."""
        return Topic((name,), 1)

    def agent(self, topic: Topic, name: str, concurrency: int) -> Callable[[Any], Any]:
        """Register an agent."""
        assert concurrency == 1, f"{name} must take batches in order"

        def register(take: Any) -> Any:
            self.agents.append((topic, take))
            return take

        return register

    def on_drain(self, flush: Callable[[], Awaitable[None]]) -> None:
        """Call it while a rebalance waits for the batches in flight."""
        self._on_drain.append(flush)

    async def drain(self) -> None:
        """Run what `on_drain` was given."""
        for flush in self._on_drain:
            await flush()
