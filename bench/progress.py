"""Says now and then how far a consumer group has come."""

from __future__ import annotations

import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.topics import committed_of

_EVERY_S = 30.0  # each time costs the broker a request for each partition


class Progress:
    """Of one group.

    Args:
        tell: takes a line for people.
        ends: where the group is done.
    """

    def __init__(self, tell: Callable[[str], None], ends: dict[TopicPartition, int]) -> None:
        self._tell, self._ends = tell, ends
        self._told_s = time.monotonic()

    async def tell(self, consumer: AIOKafkaConsumer) -> None:
        """Tell it if it is time to.

        Args:
            consumer: of the group.
        """
        if time.monotonic() - self._told_s >= _EVERY_S:
            done = await committed_of(consumer, self._ends)
            self._tell(f"  {done:,} of {sum(self._ends.values()):,} records committed")
            self._told_s = time.monotonic()
