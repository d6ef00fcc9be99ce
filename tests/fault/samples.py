"""Looks at positions, lag and memory every half second, as a stranger to the product would."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.fault.evidence import INPUT_TOPICS, LOG_TOPIC, Place, Sample
from tests.harness.stopwatch import Stopwatch

_log = logging.getLogger(__name__)

_EVERY_S = 0.5
_ANSWER_TIMEOUT_S = 5.0
_LONGEST_WAY = 4
"""Of what goes on in a circle of three customers."""
_CONSUMED = (*INPUT_TOPICS, LOG_TOPIC)


class Sampler:
    """Takes samples until left; use it in an `async with` statement.

    Args:
        bootstrap_servers: the brokers, without proxies.
        group: of the workers.
        names: the full name of each topic by its short one.
        partitions: of every topic.
        rss_bytes: tells the memory of each process.
        watch: the episode's time.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        group: str,
        names: Mapping[str, str],
        partitions: int,
        rss_bytes: Callable[[], dict[str, int]],
        watch: Stopwatch,
    ) -> None:
        self.samples: list[Sample] = []
        self._group = group
        self._places = {
            TopicPartition(full, number): (short, number)
            for short, full in names.items()
            for number in range(partitions)
        }
        self._rss_bytes = rss_bytes
        self._watch = watch
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers, enable_auto_commit=False
        )
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Sampler:
        await self._admin.start()
        await self._consumer.start()
        self._consumer.assign(list(self._places))
        for tp in self._places:
            self._consumer.pause(tp)  # it only asks for positions
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()
        await self._admin.close()

    async def take(self) -> Sample | None:
        """One sample; None if the brokers do not answer."""
        at_s = self._watch.now_s
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                listed = await self._admin.list_consumer_group_offsets(self._group)
                found = await self._consumer.end_offsets(list(self._places))
        except (KafkaError, TimeoutError):
            return None
        committed = {
            self._places[tp]: int(position.offset)
            for tp, position in listed.items()
            if tp in self._places and position.offset >= 0
        }
        ends = {self._places[tp]: int(end) for tp, end in found.items()}
        return Sample(at_s, committed, ends, self._rss_bytes(), lag_of(committed, ends))

    async def caught_up(self, deadline_s: float) -> bool:
        """Wait until all that is in the inputs now, and in the log after that, is committed."""
        # What is done in the log may pass on to another partition of it, over several customers.
        for topics in (INPUT_TOPICS, *[(LOG_TOPIC,)] * _LONGEST_WAY):
            wanted: dict[Place, int] | None = None
            while True:
                sample = await self.take()
                if sample is not None:
                    wanted = wanted or _of(topics, sample.ends)
                    if all(sample.committed.get(p, 0) >= end for p, end in wanted.items()):
                        break
                if self._watch.now_s > deadline_s:
                    return False
                await asyncio.sleep(_EVERY_S)
        return True

    async def _run(self) -> None:
        while True:
            sample = await self.take()
            if sample is not None:
                self.samples.append(sample)
            await asyncio.sleep(_EVERY_S)


def lag_of(committed: Mapping[Place, int], ends: Mapping[Place, int]) -> int:
    """Records of the inputs and the log that are not committed."""
    return sum(
        max(0, end - committed.get(place, 0))
        for place, end in ends.items()
        if place[0] in _CONSUMED
    )


def _of(topics: Collection[str], ends: Mapping[Place, int]) -> dict[Place, int]:
    return {place: end for place, end in ends.items() if place[0] in topics}
