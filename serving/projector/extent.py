"""Where partitions begin and end."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from serving.view.errors import ViewError

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
