"""Where to read on: Redis tells, since it alone knows what it has."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from serving.errors import ViewError
from serving.generation import Generation, Place

_END_ATTEMPTS = 5
_END_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Settled:
    """The place of a consumer in the view.

    Attributes:
        generation: what to write to.
        next_offsets: for each partition the offset of the first record that Redis lacks.
        current_ms: since when it may lack records, in milliseconds since 1970.
    """

    generation: Generation
    next_offsets: dict[int, int]
    current_ms: int


async def settle(
    consumer: AIOKafkaConsumer, generation: Generation, topic: str, now_ms: int
) -> Settled:
    """Let ``consumer`` read on from where ``generation`` stands, in all its partitions.

    A partition in which it has not begun is read from its first record.

    Raises:
        ViewError: Redis has come further than the topic reaches.
    """
    assigned = consumer.assignment()
    if not assigned:
        return Settled(generation, {}, now_ms)
    places = await generation.places(tp.partition for tp in assigned)
    first = await consumer.beginning_offsets(assigned)
    await _check_extent(consumer, places, topic)
    next_offsets: dict[int, int] = {}
    current_ms = now_ms
    for tp in assigned:
        place = places[tp.partition]
        if place is None or place.next_offset < first[tp]:
            await generation.begin(tp.partition, first[tp], now_ms)
            next_offsets[tp.partition] = first[tp]
        else:
            next_offsets[tp.partition] = place.next_offset
            current_ms = min(current_ms, place.current_ms)
        consumer.seek(tp, next_offsets[tp.partition])
    return Settled(generation, next_offsets, current_ms)


async def _check_extent(
    consumer: AIOKafkaConsumer, places: Mapping[int, Place | None], topic: str
) -> None:
    # A new leader may for a moment report an end before that of its predecessor: ask again.
    for attempt in range(1, _END_ATTEMPTS + 1):
        end = await consumer.end_offsets([TopicPartition(topic, number) for number in places])
        ahead = {
            tp: place.next_offset
            for tp in end
            if (place := places[tp.partition]) is not None and place.next_offset > end[tp]
        }
        if not ahead:
            return
        if attempt == _END_ATTEMPTS:
            tp, next_offset = min(ahead.items())
            raise ViewError(
                f"the view is ahead of {topic}: partition {tp.partition} ends at {end[tp]}, Redis "
                f"has come to {next_offset}; if the topic was made anew, run "
                "`tierstream rebuild-view`"
            )
        await asyncio.sleep(_END_PAUSE_S)
