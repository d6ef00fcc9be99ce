"""Reading a partition from its first record to its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

_FETCH_RECORDS = 5_000
_LAST_WAIT_MS = 500


async def read_to_end(
    consumer: AIOKafkaConsumer, tp: TopicPartition
) -> AsyncIterator[tuple[Sequence[ConsumerRecord], int]]:
    """Batches of records up to the present end, each with the end offset.

    Past the end offset it asks once more: the embedded broker tells one that lies before the last
    records. So records that arrive while it reads may be among them.
    """
    consumer.assign([tp])
    await consumer.seek_to_beginning(tp)
    end = (await consumer.end_offsets([tp]))[tp]
    while True:
        is_past_end = await consumer.position(tp) >= end
        wait_ms = _LAST_WAIT_MS if is_past_end else 2 * _LAST_WAIT_MS
        found = await consumer.getmany(tp, timeout_ms=wait_ms, max_records=_FETCH_RECORDS)
        records = found.get(tp, [])
        if records:
            yield records, max(end, records[-1].offset + 1)
        elif is_past_end:
            return
