"""Looks through a changelog for records that stand in the way of a restore, or are not ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from handlers.state.customer import unpack
from handlers.state.formats import NewerFormat
from handlers.state.partition_state import unpack_meta
from streams.engine.restoring import NO_STATE
from streams.kafka.foreign import fault_of_key
from streams.kafka.headers import META_KEY
from streams.kafka.read import read_to_end


class Obstacle(NamedTuple):
    """The newest record of its key, which is no state.

    Attributes:
        place: `topic/partition@offset`.
        why: what is wrong with it.
        is_foreign: its key is none of ours, so that a restore passes over it.
    """

    place: str
    why: str
    is_foreign: bool


class ChangelogScan:
    """What one partition of the changelog holds beside states.

    Attributes:
        obstacles: by key.
        max_epoch: the highest owner epoch of what can be read.
    """

    def __init__(self) -> None:
        self.obstacles: dict[bytes, Obstacle] = {}
        self.max_epoch = 0

    @property
    def in_the_way(self) -> Iterator[Obstacle]:
        """Those that a restore refuses."""
        return (one for one in self.obstacles.values() if not one.is_foreign)

    def take(self, tp: TopicPartition, record: ConsumerRecord) -> None:
        """Look at the next record.

        Raises:
            NewerFormat: a newer release wrote it.
        """
        key, value = record.key or b"", record.value
        fault = None if key == META_KEY else fault_of_key(record.key)
        if value is None:
            self.obstacles.pop(key, None)
            return
        place = f"{tp.topic}/{tp.partition}@{record.offset}"
        if fault is not None:
            self.obstacles[key] = Obstacle(place, fault, is_foreign=True)
            return
        try:
            epoch = unpack_meta(value).epoch if key == META_KEY else unpack(value).epoch
        except NewerFormat:
            raise
        except NO_STATE as error:
            whose = "the partition's own record" if key == META_KEY else f"of {key.decode()!r}"
            why = f"{whose} is none that can be read: {error}"
            self.obstacles[key] = Obstacle(place, why, is_foreign=False)
            return
        self.max_epoch = max(self.max_epoch, epoch)
        self.obstacles.pop(key, None)


async def scan_changelog(
    consumer: AIOKafkaConsumer,
    tp: TopicPartition,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> ChangelogScan:
    """Read a partition of the changelog to its present end.

    Raises:
        NewerFormat: a newer release wrote one of its records.
    """
    scan = ChangelogScan()
    async for records, end in read_to_end(consumer, tp):
        for record in records:
            scan.take(tp, record)
        on_progress(records[-1].offset + 1, end)
    return scan
