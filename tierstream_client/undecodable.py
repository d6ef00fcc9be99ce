"""Going on behind a record that aiokafka cannot decode.

A header name may be any bytes, and aiokafka raises UnicodeDecodeError where it is no UTF-8. No
output has such a name, but anybody with the right to write may have put one into the topic.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

_log = logging.getLogger(__name__)

Fetched = dict[TopicPartition, list[ConsumerRecord]]


async def fetch_step_by_step(
    consumer: AIOKafkaConsumer, reached: Mapping[TopicPartition, int], timeout_ms: int
) -> Fetched:
    """Fetch partition by partition, and pass over what cannot be decoded.

    The records of one batch come from one producer, and aiokafka decodes a batch from its begin
    on: what follows in the batch of such a record cannot be read either.

    Args:
        consumer: one whose fetch has raised UnicodeDecodeError, and dropped what it had fetched.
        reached: its partitions, and the offset from which on each is wanted.
        timeout_ms: how long to wait for the records of a partition.

    Returns:
        What was fetched, without partitions that have nothing now.
    """
    for tp, offset in reached.items():
        consumer.seek(tp, offset)
    found = {tp: await _fetch(consumer, tp, reached[tp], timeout_ms) for tp in reached}
    return {tp: records for tp, records in found.items() if records}


async def _fetch(
    consumer: AIOKafkaConsumer, tp: TopicPartition, offset: int, timeout_ms: int
) -> list[ConsumerRecord]:
    try:
        fetched: Fetched = await consumer.getmany(tp, timeout_ms=timeout_ms)
        return fetched.get(tp, [])
    except UnicodeDecodeError:
        consumer.seek(tp, offset)
    if before := await _records_before(consumer, tp):
        return before
    await _seek_behind(consumer, tp, await consumer.position(tp), timeout_ms)
    return []


async def _records_before(consumer: AIOKafkaConsumer, tp: TopicPartition) -> list[ConsumerRecord]:
    """The records up to the next one that cannot be decoded; the position is then there."""
    found: list[ConsumerRecord] = []
    while True:
        try:
            found.append(await consumer.getone(tp))
        except UnicodeDecodeError:
            return found


async def _seek_behind(
    consumer: AIOKafkaConsumer, tp: TopicPartition, offset: int, timeout_ms: int
) -> None:
    """Go to the first offset that can be read again, or to the end of the partition."""
    end = (await consumer.end_offsets([tp]))[tp]
    for next_offset in range(offset + 1, end + 1):
        consumer.seek(tp, next_offset)
        if next_offset == end or await _can_read(consumer, tp, timeout_ms):
            _log.warning(
                "passed over %s/%d from offset %d to before %d: a header name is no UTF-8",
                *(tp.topic, tp.partition, offset, next_offset),
            )
            consumer.seek(tp, next_offset)
            return


async def _can_read(consumer: AIOKafkaConsumer, tp: TopicPartition, timeout_ms: int) -> bool:
    try:
        await consumer.getmany(tp, timeout_ms=timeout_ms, max_records=1)
    except UnicodeDecodeError:
        return False
    return True
