"""Follows an erasure through Kafka, within a time limit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from cli.erase.trail import Trail, customer_partitions
from config.settings import Settings
from handlers.outputs import CUSTOMER_PROFILES
from streams.erasure.request import Request
from streams.kafka.clients import new_consumer
from streams.kafka.read import read_to_end
from streams.kafka.topics import CUSTOMER_EVENTS, DEAD_LETTERS, topic_name

_log = logging.getLogger(__name__)

_FETCH_WAIT_MS = 200
_FETCH_RECORDS = 5_000
_LOOK_BACK_S = 600.0
_FOLLOWED = (CUSTOMER_EVENTS, CUSTOMER_PROFILES, DEAD_LETTERS)
_MERGES_MAX = 64
"""Merges across which an erasure is followed, at most; the erasure itself has no such limit."""

Starts = Mapping[TopicPartition, int]


async def ends_of(settings: Settings, counts: Mapping[str, int]) -> Starts:
    """The end offsets of log, profiles and dead letters; the effects of the erasure come after.

    Of all partitions, because the customer may have been merged into one of another partition.

    Raises:
        KafkaError: no broker answers.
    """
    topics = [topic_name(settings, name) for name in _FOLLOWED]
    tps = [TopicPartition(topic, number) for topic in topics for number in range(counts[topic])]
    consumer = new_consumer(settings)
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
    wait_s: float,
) -> list[Trail]:
    """Read until all effects are seen, the time is over, or brokers refuse.

    Args:
        settings: of the deployment.
        request: the written request.
        counts: partitions by topic.
        starts: from `ends_of`, before the request was written.
        wait_s: how long to wait for the effects, for each id.

    Returns:
        the trail of the customer; if the customer had been merged into another, also the trail of
        that one, and so on.
    """
    trails: list[Trail] = []
    customer_id: str | None = request.customer_id
    while customer_id is not None and len(trails) < _MERGES_MAX:
        trail = Trail(customer_partitions(settings, customer_id, counts), request, customer_id)
        trails.append(trail)
        try:
            async with asyncio.timeout(_LOOK_BACK_S):
                looked_to = await _look_back(settings, trail)
            async with asyncio.timeout(wait_s):
                await _wait(settings, trail, {**starts, trail.partitions.changelog: looked_to})
        except (TimeoutError, KafkaError, msgspec.MsgspecError) as error:
            # The request is written: the receipt must say so, whatever else fails.
            _log.info("the erasure is not followed further: %r", error)
        customer_id = trail.merged_into
    return trails


async def _look_back(settings: Settings, trail: Trail) -> int:
    """Read the changelog from its beginning, for the state before; returns the next offset.

    A large changelog takes long, so this has a time limit of its own.
    """
    tp, looked_to = trail.partitions.changelog, 0
    consumer = new_consumer(settings)
    try:
        await consumer.start()
        async for records, _ in read_to_end(consumer, tp):
            trail.take(tp, records)
            looked_to = records[-1].offset + 1
    finally:
        await consumer.stop()
    return looked_to


async def _wait(settings: Settings, trail: Trail, starts: Starts) -> None:
    partitions = trail.partitions
    tps = [partitions.changelog, partitions.log, partitions.profiles, *partitions.letters]
    consumer = new_consumer(settings)
    try:
        await consumer.start()
        consumer.assign(tps)
        for tp in tps:
            consumer.seek(tp, starts[tp])
        while not trail.is_over:
            batch = await consumer.getmany(timeout_ms=_FETCH_WAIT_MS, max_records=_FETCH_RECORDS)
            for tp, records in batch.items():
                trail.take(tp, records)
                await asyncio.sleep(0)
    finally:
        await consumer.stop()
