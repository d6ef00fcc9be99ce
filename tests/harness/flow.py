"""Histories on their way into a deployment: as one batch, or as a flow that goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from random import Random

from devtools.traffic.lines import LineReader
from handlers.control_records import ClockTick, encode_control
from streams.kafka.topics import CUSTOMER_EVENTS
from tests.harness.deployment import Deployment, Message
from tests.harness.topic_access import Send
from tests.support.histories import History

_LINES_AT_A_TIME = 10
_PAUSE_S = 0.04


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000


class Router:
    """Lines as `tierstream replay` sends them: topic by type, key and timestamp by content."""

    def __init__(self) -> None:
        self._reader = LineReader(now_ms)
        self.newest_ms = 0

    def messages(self, lines: Iterable[bytes]) -> list[Message]:
        """The records of some lines."""
        records = [self._reader.record(line) for line in lines]
        self.newest_ms = max((record.at_ms for record in records), default=self.newest_ms)
        return [
            Message(record.topic, record.value, record.key, timestamp_ms=record.at_ms)
            for record in records
        ]


class Flow:
    """A history sent at a steady pace until left.

    Where the deployment is live, its time passes with the history: ticks follow the events, so the
    workers' own ticks must be further apart than the test is long.

    Args:
        deployment: where to.
        seed: of the history.
        days: that pass with every 150 records; few in a long flow, which must not reach the future.
    """

    def __init__(self, deployment: Deployment, seed: int, days: float = 20) -> None:
        self._deployment = deployment
        self._history = History(Random(seed), customers=30, days=days)
        self._router = Router()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.sent = 0

    async def __aenter__(self) -> Flow:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        assert self._task is not None
        await self._task

    async def _run(self) -> None:
        async with self._deployment.sender() as send:
            while not self._stop.is_set():
                await send(self._router.messages(self._history.lines(_LINES_AT_A_TIME)))
                self.sent += _LINES_AT_A_TIME
                if self._deployment.settings.mode == "live":
                    await self._tick(send)
                await asyncio.sleep(_PAUSE_S)

    async def _tick(self, send: Send) -> None:
        tick = encode_control(ClockTick(self._router.newest_ms))
        partitions = range(self._deployment.settings.partitions)
        await send(Message(CUSTOMER_EVENTS, tick, partition=number) for number in partitions)
