"""Where to resume reading: after the offsets that Redis has stored with its data."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from serving.projector.metrics import ViewMeter
from serving.view.generation import ViewWriter
from serving.view.redis import ViewError
from streams.faust_app import stable_end

_ATTEMPTS = 5
_ATTEMPT_S = 1.0


async def end_offsets(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, int]:
    """The offset after the last record of each partition that can be read, as of now.

    The end that came with the last fetch counts as well: when asked, the embedded broker takes the
    batch written last for a single record.
    """
    if not partitions:
        return {}
    asked = await consumer.end_offsets(partitions)
    return {tp: max(asked[tp], fetched_end(consumer, tp)) for tp in partitions}


def fetched_end(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int:
    """The end that came with the last fetch, 0 before the first, or if it is not ours any more."""
    return stable_end(consumer, partition) or 0


async def check_not_ahead(
    consumer: AIOKafkaConsumer, next_offsets: Mapping[TopicPartition, int], topic: str
) -> None:
    """Check that no stored offset is past the end of the topic.

    A new leader may for a moment report an end before that of its predecessor, so the check is
    repeated for some seconds, by reading at that offset. This moves the consumer.

    Raises:
        ViewError: the view is ahead, so it was made from another topic of that name.
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
class ResumePoint(Generic[R]):
    """Where to go on with the assigned partitions.

    Attributes:
        writer: writes to the view.
        next_offsets: for each partition the offset of the first record that Redis lacks.
        current_ms: since when it may lack records, in milliseconds since 1970.
    """

    writer: ViewWriter[R]
    next_offsets: dict[int, int]
    current_ms: int


async def resume(
    consumer: AIOKafkaConsumer, writer: ViewWriter[R], topic: str, now_ms: int, meter: ViewMeter
) -> ResumePoint[R]:
    """Move ``consumer`` to the stored offset of each partition assigned to it.

    A partition without a stored offset is read from its first record. So is one whose next records
    were removed from the topic, which is logged.

    Raises:
        ViewError: a stored offset is past the end of the topic.
    """
    assigned = consumer.assignment()
    if not assigned:
        return ResumePoint(writer, {}, now_ms)
    found = await writer.stored_offsets(tp.partition for tp in assigned)
    first = await consumer.beginning_offsets(assigned)
    begun = {tp: stored.next_offset for tp in assigned if (stored := found[tp.partition])}
    await check_not_ahead(consumer, begun, topic)
    next_offsets: dict[int, int] = {}
    current_ms = now_ms
    for tp in assigned:
        stored = found[tp.partition]
        if stored is not None and stored.next_offset < first[tp]:
            lost = first[tp] - stored.next_offset
            meter.records("lost", lost)
            _log.error("records were removed before they were read", topic=topic, records=lost)
        if stored is None or stored.next_offset < first[tp]:
            await writer.begin(tp.partition, first[tp], now_ms)
            next_offsets[tp.partition] = first[tp]
        else:
            next_offsets[tp.partition] = stored.next_offset
            current_ms = min(current_ms, stored.current_ms)
        consumer.seek(tp, next_offsets[tp.partition])
    return ResumePoint(writer, next_offsets, current_ms)
