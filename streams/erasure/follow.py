"""Following an erasure through Kafka, as far as it comes in a bounded time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from config.deployment import Settings
from handlers.outputs import CUSTOMER_PROFILES
from streams.erasure.request import Request
from streams.erasure.trail import Trail, places_of
from streams.topics import CUSTOMER_EVENTS, DEAD_LETTERS, plain_consumer, topic_name

_log = logging.getLogger(__name__)

_FETCH_WAIT_MS = 200
_FETCH_RECORDS = 5_000
_FOLLOWED = (CUSTOMER_EVENTS, CUSTOMER_PROFILES, DEAD_LETTERS)
_MERGES_MAX = 64
"""Merges over which an erasure is followed; beyond them it goes on all the same."""

Starts = Mapping[TopicPartition, int]


async def ends_of(settings: Settings, counts: Mapping[str, int]) -> Starts:
    """Where the log, the profiles and the dead letters end now: what follows comes after.

    All partitions, because a customer may have been merged into one of another.

    Raises:
        KafkaError: no broker answers.
    """
    topics = [topic_name(settings, name) for name in _FOLLOWED]
    tps = [TopicPartition(topic, number) for topic in topics for number in range(counts[topic])]
    consumer = plain_consumer(settings)
    await consumer.start()
    try:
        found: Starts = await consumer.end_offsets(tps)
    finally:
        await consumer.stop()
    return found


async def follow(
    settings: Settings,
    request: Request,
    counts: Mapping[str, int],
    starts: Starts,
    deadline_s: float,
) -> list[Trail]:
    """Read until all is seen, or until the deadline; what brokers refuse to tell is not seen.

    Args:
        settings: of the deployment.
        request: what is followed.
        counts: partitions by topic.
        starts: from `ends_of`, before the request was written.
        deadline_s: of the event loop's clock.

    Returns:
        the trail of the customer; and where that one had been merged into another, of each it came
        to from there.
    """
    trails: list[Trail] = []
    customer_id: str | None = request.customer_id
    while customer_id is not None and len(trails) < _MERGES_MAX:
        trail = Trail(places_of(settings, customer_id, counts), request, customer_id)
        trails.append(trail)
        await _follow_one(settings, trail, starts, deadline_s)
        customer_id = trail.merged_into
    return trails


async def _follow_one(settings: Settings, trail: Trail, starts: Starts, deadline_s: float) -> None:
    places = trail.places
    consumer = plain_consumer(settings)
    try:
        async with asyncio.timeout_at(deadline_s):
            await consumer.start()
            consumer.assign([places.log, places.changelog, places.profiles, *places.letters])
            await consumer.seek_to_beginning(places.changelog)
            for tp in (places.log, places.profiles, *places.letters):
                consumer.seek(tp, starts[tp])
            while not trail.is_over:
                batch = await consumer.getmany(
                    timeout_ms=_FETCH_WAIT_MS, max_records=_FETCH_RECORDS
                )
                for tp, records in batch.items():
                    trail.take(tp, records)
                    await asyncio.sleep(0)
    except TimeoutError:
        pass
    except (KafkaError, msgspec.MsgspecError) as error:
        # The request is written: who asked must be told so, whatever is wrong with the rest.
        _log.warning("the erasure cannot be followed: %r", error)
    finally:
        await consumer.stop()
