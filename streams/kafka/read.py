"""Reads a partition from its first record, or a later one, to its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from streams.faust_app import stable_end

_FETCH_RECORDS = 5_000
_FETCH_WAIT_MS = 1_000


async def read_to_end(
    consumer: AIOKafkaConsumer, tp: TopicPartition, start: int = 0
) -> AsyncIterator[tuple[Sequence[ConsumerRecord], int]]:
    """Yield batches of records from `start` up to the present end, each with the end offset.

    The end is asked for once, so this returns even while records are being written. For a consumer
    that reads committed records it is before the first open transaction.
    """
    consumer.assign([tp])
    # A position that is no longer kept would be taken for the end.
    await consumer.seek_to_beginning(tp)
    if start > await consumer.position(tp):
        consumer.seek(tp, start)
    end = (await consumer.end_offsets([tp]))[tp]
    is_first = True
    while await consumer.position(tp) < end:
        found = await consumer.getmany(tp, timeout_ms=_FETCH_WAIT_MS, max_records=_FETCH_RECORDS)
        records = found.get(tp, [])
        if not records:
            continue
        if is_first:
            # The embedded broker, when asked, takes the batch that was written last for a single
            # record; the end that comes with a fetch is right.
            end = max(end, stable_end(consumer, tp) or 0)
            is_first = False
        wanted = [record for record in records if record.offset < end]
        if wanted:
            yield wanted, end
