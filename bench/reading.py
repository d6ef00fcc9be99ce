"""The reading limit: aiokafka's `getmany` and a JSON parse of every value, and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

_FETCH_RECORDS = 2_000


class Reading(NamedTuple):
    """How many records were read and parsed, in how much wall and CPU time."""

    records: int
    seconds: float
    cpu_seconds: float


def read_all(bootstrap_servers: str, topics: Sequence[str], partitions: int) -> Reading:
    """Read the topics from beginning to end in this process."""
    tps = [TopicPartition(topic, number) for topic in topics for number in range(partitions)]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_read(bootstrap_servers, tps))


async def _read(bootstrap_servers: str, tps: list[TopicPartition]) -> Reading:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        total = sum((await consumer.end_offsets(tps)).values())
        consumer.assign(tps)
        count, parse = 0, orjson.loads
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        while count < total:
            fetched = await consumer.getmany(timeout_ms=1_000, max_records=_FETCH_RECORDS)
            for records in fetched.values():
                count += len(records)
                for record in records:
                    parse(record.value)
        return Reading(count, time.perf_counter() - began_s, time.process_time() - began_cpu_s)
    finally:
        await consumer.stop()
