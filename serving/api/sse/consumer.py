"""The consumer of one stream: reads chosen partitions from given places."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from config.settings import Settings
from serving.api.sse.position import Place, mark_of
from streams.faust_app import describe_topics, fetch_partition_counts
from streams.kafka.clients import new_consumer

RECORDS_MAX = 200
_FETCH_MAX_BYTES = 1024 * 1024
_PARTITION_MAX_BYTES = 256 * 1024

TopicIds = Callable[[AIOKafkaConsumer, Collection[str]], Awaitable[Mapping[str, str]]]
"""Asks the brokers for the ids of topics by their full names; empty where they have none."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A place that the topic does not have.

    Attributes:
        place: topic and partition.
        asked: the offset that was wanted.
        resumed: the first offset that is there, where reading goes on.
        reason: ``retention`` removed what was asked for; the topic was ``made_anew``; or it
            ``ends_before``, which happens when brokers lose records.
    """

    place: Place
    asked: int
    resumed: int
    reason: str


class Source:
    """Reads changes; begin with `connect`, end with `close`.

    Args:
        settings: of the deployment.
        identify: tells the ids of topics.
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
        self.partitions: dict[str, int] = {}
        """The number of partitions of each topic, by its name without the prefix."""
        self.marks: dict[str, bytes] = {}
        """What tells the incarnation of each topic."""

    async def connect(self, topics: Collection[str]) -> None:
        """Connect, and learn about the topics.

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
            self.partitions[topic] = counts[name]
        ids = await self._identify(self._consumer, names.values())
        self.marks = {topic: mark_of(ids.get(name, "")) for topic, name in names.items()}

    async def ends(self, places: Collection[Place]) -> dict[Place, int]:
        """The offset after the last record of each partition."""
        return self._by_place(await self._consumer.end_offsets(self._partitions(places)))

    async def beginnings(self, places: Collection[Place]) -> dict[Place, int]:
        """The offset of the first record that each partition still has."""
        return self._by_place(await self._consumer.beginning_offsets(self._partitions(places)))

    async def since(self, places: Collection[Place], instant_ms: int) -> dict[Place, int]:
        """The offset of the first record of each partition that was written at or after a time."""
        asked = dict.fromkeys(self._partitions(places), instant_ms)
        found = await self._consumer.offsets_for_times(asked)
        ends = await self.ends(places)
        known = {tp: at.offset for tp, at in found.items() if at is not None}
        return ends | self._by_place(known)

    def read_from(self, offsets: Mapping[Place, int]) -> None:
        """Begin at these offsets."""
        self._consumer.assign(self._partitions(offsets))
        for place, offset in offsets.items():
            self._consumer.seek(self._partition(place), offset)

    async def read(self, wait_s: float) -> list[tuple[Place, Sequence[ConsumerRecord]]]:
        """What comes next, of each partition in its order; nothing after ``wait_s``.

        Raises:
            PlacesLost: a topic does not have what was asked for; reading goes on behind it.
            KafkaError: it cannot be read.
        """
        try:
            batch = await self._consumer.getmany(
                timeout_ms=int(wait_s * 1_000), max_records=RECORDS_MAX
            )
        except OffsetOutOfRangeError as error:
            raise PlacesLost([await self._go_on(*gone) for gone in error.args[0].items()]) from None
        return [(self._place(tp), records) for tp, records in batch.items()]

    async def close(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def _go_on(self, tp: TopicPartition, asked: int) -> Lost:
        first = (await self._consumer.beginning_offsets([tp]))[tp]
        self._consumer.seek(tp, first)
        return Lost(self._place(tp), asked, first, "retention" if asked < first else "ends_before")

    def _partition(self, place: Place) -> TopicPartition:
        return TopicPartition(self._prefix + place[0], place[1])

    def _partitions(self, places: Collection[Place]) -> list[TopicPartition]:
        return [self._partition(place) for place in places]

    def _place(self, tp: TopicPartition) -> Place:
        return tp.topic.removeprefix(self._prefix), tp.partition

    def _by_place(self, offsets: Mapping[TopicPartition, Any]) -> dict[Place, int]:
        return {self._place(tp): int(offset) for tp, offset in offsets.items()}


class PlacesLost(KafkaError):  # type: ignore[misc]  # a package without types
    """Places that a topic does not have, each with where reading goes on.

    Args:
        lost: the places.
    """

    def __init__(self, lost: Sequence[Lost]) -> None:
        super().__init__("places are gone")
        self.lost = lost


async def topic_ids(consumer: AIOKafkaConsumer, names: Collection[str]) -> Mapping[str, str]:
    """The id of each topic that is there; empty where the brokers have none.

    Raises:
        KafkaError: no broker answers.
    """
    found = await describe_topics(consumer, names)
    return {name: state.topic_id for name, state in found.items()}
