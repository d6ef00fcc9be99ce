"""Following an erasure through Kafka, as far as it comes in a bounded time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from config.deployment import Settings
from streams.erasure.trail import Places, Trail
from streams.topics import plain_consumer

_log = logging.getLogger(__name__)

_FETCH_WAIT_MS = 200
_FETCH_RECORDS = 5_000

Starts = Mapping[TopicPartition, int]


async def ends_of(settings: Settings, places: Places) -> Starts:
    """Where the followed partitions end now: what the request causes comes after.

    Raises:
        KafkaError: no broker answers.
    """
    consumer = plain_consumer(settings)
    await consumer.start()
    try:
        found: Starts = await consumer.end_offsets(list(places.followed))
    finally:
        await consumer.stop()
    return found


async def follow(
    settings: Settings, places: Places, starts: Starts, trail: Trail, deadline_s: float
) -> None:
    """Read until the trail is over, or until the deadline; what brokers refuse to tell is not seen.

    Args:
        settings: of the deployment.
        places: what to read.
        starts: from `ends_of`, before the request was written.
        trail: takes the records.
        deadline_s: of the event loop's clock.
    """
    consumer = plain_consumer(settings)
    try:
        async with asyncio.timeout_at(deadline_s):
            await consumer.start()
            consumer.assign([*starts, places.changelog])
            await consumer.seek_to_beginning(places.changelog)
            for tp, offset in starts.items():
                consumer.seek(tp, offset)
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
