"""The Kafka consumer of one stream: reads chosen partitions from given offsets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from config.settings import Settings
from serving.api.sse.position import Partition, topic_id_hash
from streams.faust_app import describe_topics, fetch_partition_counts
from streams.kafka.clients import new_consumer

RECORDS_MAX = 200
_FETCH_MAX_BYTES = 1024 * 1024
_PARTITION_MAX_BYTES = 256 * 1024

TopicIds = Callable[[AIOKafkaConsumer, Collection[str]], Awaitable[Mapping[str, str]]]
"""Asks the brokers for the ids of topics by their full names; empty where they have none."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Offsets that the topic does not have.

    Attributes:
        partition: where they are missing.
        asked: the offset that was wanted.
        resumed: the first offset that is there, where reading goes on.
        reason: ``retention`` removed the records; the topic was deleted and created again
            (``made_anew``); or it ``ends_before``, which happens when brokers lose records.
    """

    partition: Partition
    asked: int
    resumed: int
    reason: str


class ChangesConsumer:
    """Reads changes; begin with `connect`, end with `close`.

    Args:
        settings: of the deployment.
        identify: asks for the ids of topics.
    """

    def __init__(self, settings: Settings, identify: TopicIds) -> None:
        self._prefix = settings.topic_prefix
        self._identify = identify
        self._consumer = new_consumer(
            settings,
            client_id=f"{settings.app_id}-api",
            auto_offset_reset="none",
            fetch_max_bytes=_FETCH_MAX_BYTES,
            max_partition_fetch_bytes=_PARTITION_MAX_BYTES,
        )
        self.partition_counts: dict[str, int] = {}
        """The number of partitions of each topic, by its name without the prefix."""
        self.id_hashes: dict[str, bytes] = {}
        """A short hash of each topic's id."""

    async def connect(self, topics: Collection[str]) -> None:
        """Connect, and read the partitions and ids of the topics.

        Raises:
            KafkaError: no broker answers, or it refuses.
            LookupError: a topic is missing.
        """
        await self._consumer.start()
        names = {topic: self._prefix + topic for topic in topics}
        counts = await fetch_partition_counts(self._consumer, names.values())
        for topic, name in names.items():
            if not counts[name]:
                raise LookupError(f"Kafka has no topic {name}")
            self.partition_counts[topic] = counts[name]
        ids = await self._identify(self._consumer, names.values())
        self.id_hashes = {topic: topic_id_hash(ids.get(name, "")) for topic, name in names.items()}

    async def ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """The offset after the last record of each partition."""
        return self._by_partition(await self._consumer.end_offsets(self._tps(partitions)))

    async def beginnings(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """The offset of the first record that each partition still has."""
        return self._by_partition(await self._consumer.beginning_offsets(self._tps(partitions)))

    async def since(
        self, partitions: Collection[Partition], instant_ms: int
    ) -> dict[Partition, int]:
        """The offset of the first record of each partition that was written at or after a time."""
        asked = dict.fromkeys(self._tps(partitions), instant_ms)
        found = await self._consumer.offsets_for_times(asked)
        ends = await self.ends(partitions)
        known = {tp: at.offset for tp, at in found.items() if at is not None}
        return ends | self._by_partition(known)

    def read_from(self, offsets: Mapping[Partition, int]) -> None:
        """Read from these offsets on."""
        self._consumer.assign(self._tps(offsets))
        for partition, offset in offsets.items():
            self._consumer.seek(self._tp(partition), offset)

    async def read(self, wait_s: float) -> list[tuple[Partition, Sequence[ConsumerRecord]]]:
        """The next records, of each partition in their order; none if none came in ``wait_s``.

        Raises:
            OffsetsLost: a topic does not have these offsets; reading goes on after them.
            KafkaError: it cannot be read.
        """
        try:
            batch = await self._consumer.getmany(
                timeout_ms=int(wait_s * 1_000), max_records=RECORDS_MAX
            )
        except OffsetOutOfRangeError as error:
            raise OffsetsLost(
                [await self._go_on(*gone) for gone in error.args[0].items()]
            ) from None
        return [(self._partition(tp), records) for tp, records in batch.items()]

    async def close(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def _go_on(self, tp: TopicPartition, asked: int) -> Gap:
        first = (await self._consumer.beginning_offsets([tp]))[tp]
        self._consumer.seek(tp, first)
        reason = "retention" if asked < first else "ends_before"
        return Gap(self._partition(tp), asked, first, reason)

    def _tp(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self._prefix + partition[0], partition[1])

    def _tps(self, partitions: Collection[Partition]) -> list[TopicPartition]:
        return [self._tp(partition) for partition in partitions]

    def _partition(self, tp: TopicPartition) -> Partition:
        return tp.topic.removeprefix(self._prefix), tp.partition

    def _by_partition(self, offsets: Mapping[TopicPartition, Any]) -> dict[Partition, int]:
        return {self._partition(tp): int(offset) for tp, offset in offsets.items()}


class OffsetsLost(KafkaError):  # type: ignore[misc]  # a package without types
    """Topics do not have the wanted offsets; reading goes on where each gap ends.

    Args:
        gaps: the missing offsets.
    """

    def __init__(self, gaps: Sequence[Gap]) -> None:
        super().__init__("offsets are gone")
        self.gaps = gaps


async def topic_ids(consumer: AIOKafkaConsumer, names: Collection[str]) -> Mapping[str, str]:
    """The id of each topic that exists; empty where the brokers have no ids.

    Raises:
        KafkaError: no broker answers.
    """
    found = await describe_topics(consumer, names)
    return {name: state.topic_id for name, state in found.items()}
