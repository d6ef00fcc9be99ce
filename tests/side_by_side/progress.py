"""How far a consumer group is, sampled over time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

_EVERY_S = 0.25
_REQUEST_TIMEOUT_MS = 5_000


class Sample(NamedTuple):
    """Positions by topic and partition at one time."""

    at_s: float
    committed: dict[TopicPartition, int]
    ends: dict[TopicPartition, int]

    def is_done(self, topic: str, ends: dict[TopicPartition, int]) -> bool:
        """Whether all of a topic up to these ends is committed."""
        return all(self.committed[tp] >= end for tp, end in ends.items() if tp.topic == topic)


class Progress:
    """Samples a group's positions until it is closed; while the broker is away there are none."""

    def __init__(
        self, bootstrap_servers: str, group: str, chain: Sequence[str], partitions: int
    ) -> None:
        self.samples: list[Sample] = []
        self._chain = chain
        self._tps = [TopicPartition(topic, n) for topic in chain for n in range(partitions)]
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers,
            group_id=group,
            enable_auto_commit=False,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
        )
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._consumer.assign(self._tps)
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()

    async def until_done(self, timeout_s: float, stuck_s: float) -> float | None:
        """Wait until all that is there now is committed, all the way; how long that took.

        None if it takes too long, or if nothing moves for `stuck_s`.
        """
        began_s = moved_s = time.monotonic()
        before: dict[TopicPartition, int] = {}
        while time.monotonic() - began_s < timeout_s and time.monotonic() - moved_s < stuck_s:
            took_s = self.took_s(began_s)
            if took_s is not None:
                return took_s
            if self.samples and self.samples[-1].committed != before:
                before, moved_s = self.samples[-1].committed, time.monotonic()
            await asyncio.sleep(_EVERY_S)
        return None

    def took_s(self, since_s: float) -> float | None:
        """Seconds from a time until all that was there then was committed, all the way."""
        later = iter([sample for sample in self.samples if sample.at_s >= since_s])
        first = next(later, None)
        if first is None:
            return None
        ends, sample = first.ends, first
        for topic in self._chain:
            while not sample.is_done(topic, ends):
                following = next(later, None)
                if following is None:
                    return None
                sample = following
            ends = sample.ends  # what came of it may stand in the next topic up to here
        return sample.at_s - since_s

    def left(self) -> int:
        """Records of the first topic not committed at the last sample."""
        last = self.samples[-1]
        tps = [tp for tp in self._tps if tp.topic == self._chain[0]]
        return sum(last.ends[tp] - last.committed[tp] for tp in tps)

    async def _run(self) -> None:
        while True:
            try:
                ends = await self._consumer.end_offsets(self._tps)
                found = [(tp, await self._consumer.committed(tp)) for tp in self._tps]
            except (KafkaError, OSError):
                await asyncio.sleep(_EVERY_S)  # the broker is away; the group stands still, too
                continue
            committed = {tp: at or 0 for tp, at in found}
            self.samples.append(Sample(time.monotonic(), committed, ends))
            await asyncio.sleep(_EVERY_S)
