"""Where to read on: Redis tells, since it alone knows what it has."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from serving.projector.metrics import ViewMeter
from serving.projector.sources import Target
from serving.view.redis import ViewError

_ATTEMPTS = 5
_ATTEMPT_S = 1.0


async def end_offsets(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, int]:
    """The offset after the last record of each partition, as of now.

    What came with the last fetch counts as well: the embedded broker, when asked, takes the batch
    that was written last for a single record.
    """
    if not partitions:
        return {}
    asked = await consumer.end_offsets(partitions)
    return {tp: max(asked[tp], seen_end(consumer, tp)) for tp in partitions}


def seen_end(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int:
    """The end that came with the last fetch, 0 before the first."""
    return consumer.highwater(partition) or 0


async def check_reach(
    consumer: AIOKafkaConsumer, next_offsets: Mapping[TopicPartition, int], topic: str
) -> None:
    """Make sure that the topic reaches as far as the view.

    A new leader may for a moment report an end before that of its predecessor, so a doubt is
    looked into by reading there, for some seconds. Positions of the consumer are changed by it.

    Raises:
        ViewError: the view is ahead, so it belongs to another topic.
    """
    ahead = dict(next_offsets)
    ends = await end_offsets(consumer, ahead)
    for _ in range(_ATTEMPTS):
        ahead = {tp: offset for tp, offset in ahead.items() if offset > ends[tp]}
        if not ahead:
            return
        await _look_at(consumer, ahead)
        ends = await end_offsets(consumer, ahead)
    tp, offset = min(ahead.items())
    raise ViewError(
        f"the view is ahead of {topic}: partition {tp.partition} ends at {ends[tp]}, Redis has "
        f"come to {offset}; if the topic was made anew, run `tierstream rebuild-view`"
    )


async def _look_at(consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
    for tp, offset in offsets.items():
        consumer.seek(tp, offset)
    try:
        await consumer.getmany(*offsets, timeout_ms=int(_ATTEMPT_S * 1_000))
    except OffsetOutOfRangeError:
        await asyncio.sleep(_ATTEMPT_S)


R = TypeVar("R")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settled(Generic[R]):
    """The place of a consumer in the view.

    Attributes:
        target: what to write to.
        next_offsets: for each partition the offset of the first record that Redis lacks.
        current_ms: since when it may lack records, in milliseconds since 1970.
    """

    target: Target[R]
    next_offsets: dict[int, int]
    current_ms: int


async def settle(
    consumer: AIOKafkaConsumer, target: Target[R], topic: str, now_ms: int, meter: ViewMeter
) -> Settled[R]:
    """Let ``consumer`` read on from where ``target`` stands, in all its partitions.

    A partition in which it has not begun is read from its first record; so is one whose next
    records were removed from the topic, which is logged.

    Raises:
        ViewError: Redis has come further than the topic reaches.
    """
    assigned = consumer.assignment()
    if not assigned:
        return Settled(target, {}, now_ms)
    places = await target.places(tp.partition for tp in assigned)
    first = await consumer.beginning_offsets(assigned)
    begun = {tp: place.next_offset for tp in assigned if (place := places[tp.partition])}
    await check_reach(consumer, begun, topic)
    next_offsets: dict[int, int] = {}
    current_ms = now_ms
    for tp in assigned:
        place = places[tp.partition]
        if place is not None and place.next_offset < first[tp]:
            lost = first[tp] - place.next_offset
            meter.records("lost", lost)
            _log.error("records were removed before they were read", topic=topic, records=lost)
        if place is None or place.next_offset < first[tp]:
            await target.begin(tp.partition, first[tp], now_ms)
            next_offsets[tp.partition] = first[tp]
        else:
            next_offsets[tp.partition] = place.next_offset
            current_ms = min(current_ms, place.current_ms)
        consumer.seek(tp, next_offsets[tp.partition])
    return Settled(target, next_offsets, current_ms)
