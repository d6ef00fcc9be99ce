"""Retrying while Redis does not answer, without leaving the consumer group."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from tenacity import RetryCallState

from serving.projector.health import LoopHealth
from serving.projector.metrics import ViewMeter
from serving.view.redis import retry_outages

T = TypeVar("T")

_POLL_S = 0.2


class RedisRetry:
    """Retries until Redis answers; meanwhile the partitions are paused.

    Args:
        consumer: polled while waiting, or the group would take us for dead.
        meter: receives attempts and the growing delay.
        health: receives the state of Redis.
        stop: ends the waiting; the outage's error is raised then.
        behind_s: age of the oldest record that Redis lacks.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        meter: ViewMeter,
        health: LoopHealth,
        stop: asyncio.Event,
        behind_s: Callable[[], float],
    ) -> None:
        self._consumer = consumer
        self._meter = meter
        self._health = health
        self._stop = stop
        self._behind_s = behind_s

    async def run(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Repeat ``attempt`` until Redis answers, and only then read on from Kafka."""
        result = await retry_outages(
            attempt, stop=self._stopping, sleep=self.wait, on_outage=self._note_outage
        )
        self._health.redis = True
        self._consumer.resume(*self._consumer.paused())
        return result

    async def wait(self, seconds: float) -> None:
        """Wait without reading records, but stay a member of the group."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not self._stop.is_set() and (left_s := deadline - loop.time()) > 0:
            self._health.heartbeat()
            self._meter.delay(self._behind_s())
            self._consumer.pause(*self._consumer.assignment())
            try:
                # Nothing comes. A partition that was assigned just now may yield records, but
                # they are read again: its resume point is found before anything is applied.
                await self._consumer.getmany(timeout_ms=int(min(left_s, _POLL_S) * 1_000))
            except KafkaError:
                await asyncio.sleep(min(left_s, _POLL_S))

    def _stopping(self, _state: RetryCallState) -> bool:
        return self._stop.is_set()

    def _note_outage(self) -> None:
        self._health.redis = False
        self._meter.retried()
