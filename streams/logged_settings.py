"""Keeps the settings that the log of each partition records as those of this worker.

They stand beside the policy in force: mode, allowed lateness and `live_from`, the rules of this
release, and the format of the partition, which only rises, and only to one that every worker of the
group reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from config.settings import Settings
from handlers.state.formats import FIRST, RULES
from handlers.state.partition_state import Meta
from streams.engine.owned_partition import OwnedPartition
from streams.faust_app import BatchProducer
from streams.kafka.topics import CUSTOMER_EVENTS, topic_name
from streams.policy_log import KNOWS_LIVE_FROM, activation


class LoggedSettings:
    """Writes the policy in force once more where the log has other settings beside it.

    Args:
        settings: of this worker.
        producer: writes to the log.
        group_format: tells the newest format that every worker of the group reads.
    """

    def __init__(
        self, settings: Settings, producer: BatchProducer, group_format: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._producer = producer
        self._group_format = group_format
        self._topic = topic_name(settings, CUSTOMER_EVENTS)
        self._seen: dict[int, int] = {}
        """The format that each partition has or was to come to when it was looked at."""

    async def write_often(self, partitions: Callable[[], Sequence[OwnedPartition]]) -> None:
        """Look at the partitions at every tick, for ever."""
        while True:
            await asyncio.sleep(self._settings.tick_interval.ms / 1000)
            for partition in partitions():
                self.write(partition)
            await self._producer.flush()

    def look_again(self, number: int) -> None:
        """A partition was restored: somebody else may have written other settings."""
        self._seen.pop(number, None)

    def write(self, partition: OwnedPartition) -> None:
        """Have our settings written to the log of a partition, if it has others.

        Once after each restore, and once for each format: they may be on their way already.
        """
        meta = partition.partition.meta
        number = self._format_of(meta)
        if meta.policy is None or self._seen.get(partition.number) == number:
            return
        self._seen[partition.number] = number
        if number != meta.format or self._differ(meta):
            value = activation(self._settings, meta.policy, number=number)
            self._producer.add(self._topic, partition.number, None, value)

    def _format_of(self, meta: Meta) -> int:
        """The format that a partition is to have."""
        wanted = self._settings.state_format
        is_read = wanted is not None and wanted <= self._group_format()
        return max(meta.format, wanted) if wanted is not None and is_read else meta.format

    def _differ(self, meta: Meta) -> bool:
        settings = self._settings
        if meta.format >= KNOWS_LIVE_FROM and meta.live_from_ms != settings.live_from_ms:
            return True
        return (meta.mode, meta.allowed_lateness_ms) != (
            settings.mode,
            settings.allowed_lateness_ms,
        ) or (meta.format != FIRST and meta.rules != RULES)
