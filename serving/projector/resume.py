"""Where to read on: Redis tells, since it alone knows what it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer

from serving.projector.extent import check_reach
from serving.projector.meter import ViewMeter
from serving.projector.stream import Target

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
