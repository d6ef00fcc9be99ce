"""Where to read on: Redis tells, since it alone knows what it has."""

from __future__ import annotations

from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer

from serving.extent import check_reach
from serving.generation import Generation


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
    begun = {tp: place.next_offset for tp in assigned if (place := places[tp.partition])}
    await check_reach(consumer, begun, topic)
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
