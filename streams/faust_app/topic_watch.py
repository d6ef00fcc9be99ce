"""Before anything is read, and while it is: are the topics those that our offsets belong to?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Set

from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from faust.types import TP

from streams.faust_app.consumer_thread import BatchConsumerThread
from streams.faust_app.topic_guard import TopicGuard

_log = logging.getLogger(__name__)

_RETRY_S = 0.2


class TopicWatch:
    """Asks the brokers about our topics, and has a `TopicGuard` compare what they say.

    Args:
        thread: of the consumer; asks the brokers.
        guard: knows what the topics were.
        changelogs: the names of the changelog topics.
    """

    def __init__(
        self, thread: BatchConsumerThread, guard: TopicGuard, changelogs: Callable[[], Set[str]]
    ) -> None:
        self._thread = thread
        self._guard = guard
        self._changelogs = changelogs

    async def look(self) -> None:
        """Compare our topics with what they were; partitions that are new are shared out.

        Raises:
            TopicChanged: one is not what it was.
            KafkaError: no broker tells.
        """
        found = await self._thread.describe_topics(self._guard.names)
        has_grown = self._guard.look(found)
        if has_grown or self._thread.knows_less(found):
            self._thread.refresh_metadata()

    async def before_reading(self, assigned: set[TP]) -> None:
        """Check that committed offsets and state belong to the topics there are.

        Partitions without a committed offset are then read from their first record: nothing is left
        to aiokafka's reset of offsets.

        Raises:
            TopicChanged: a topic is not what it was.
        """
        guard, changelogs = self._guard, self._changelogs()
        if guard.names:
            await self._look_until_told()
        streams = {tp for tp in assigned if tp.topic not in changelogs}
        others = {
            TP(topic, number)
            for topic in guard.read_names - changelogs
            for number in range(guard.partitions(topic))
        }
        committed = await self._thread.committed(streams | others)
        for found in committed.values():
            guard.check_topic_ids(found.metadata or "")
        fresh = assigned - committed.keys()
        if fresh:
            await self._thread.seek_to_earliest(fresh)

    async def out_of_range(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Go on after a fetch found no record at these offsets: only a changelog may.

        It is read from whatever is its first record. Anywhere else records are lost.

        Raises:
            TopicChanged: one of the partitions is no changelog.
        """
        for tp, offset in offsets.items():
            at = TP(*tp)
            if tp.topic in self._changelogs():
                await self._thread.seek_to_earliest([at])
                continue
            begins = await self._thread.earliest_offsets(at)
            ends = await self._thread.listed_ends([at])
            raise self._guard.out_of_range(tp, offset, begins[at], ends[at])

    async def _look_until_told(self) -> None:
        while True:
            try:
                return await self.look()
            except KafkaError as error:
                _log.warning("topics cannot be looked at: %r", error)
                await asyncio.sleep(_RETRY_S)
