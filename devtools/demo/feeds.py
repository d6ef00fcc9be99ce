"""What the demo reads: the worker's metrics, the output topics, and the view in Redis."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aiokafka import TopicPartition
from prometheus_client.parser import text_string_to_metric_families
from redis.exceptions import RedisError

from config.settings import Settings
from devtools.demo.state import DemoState
from handlers.outputs import CUSTOMER_PROFILES, DORMANCY_ALERTS, TIER_CHANGES
from serving.view.reader import ViewReader
from serving.view.redis import connect_redis
from streams.kafka.clients import new_consumer
from streams.kafka.topics import DEAD_LETTERS, partition_counts, topic_name
from streams.runtime.metrics import PREFIX

_DONE = {"accepted", "duplicate"}


class Readings(NamedTuple):
    """The worker's counters at one time.

    `processed` counts finished events: accepted, duplicates and dead letters. `outputs` counts the
    records written, by topic without prefix, dead letters included.
    """

    processed: int
    waiting: int
    outputs: Mapping[str, int]


def read_metrics(text: str) -> Readings:
    """The readings in a text of the Prometheus format."""
    processed = waiting = 0
    outputs: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            match sample.name.removeprefix(PREFIX):
                case "events_total" if sample.labels["outcome"] in _DONE:
                    processed += int(sample.value)
                case "dead_letters_total":
                    processed += int(sample.value)
                    outputs[DEAD_LETTERS] += int(sample.value)
                case "outputs_total":
                    outputs[sample.labels["topic"]] += int(sample.value)
                case "consumer_lag":
                    waiting += int(sample.value)
    return Readings(processed, waiting, outputs)


FOLLOWED = (TIER_CHANGES, DORMANCY_ALERTS, CUSTOMER_PROFILES, DEAD_LETTERS)

_FETCH_TIMEOUT_MS = 200
_FETCH_RECORDS = 2_000


async def follow(settings: Settings, state: DemoState) -> None:
    """Pass all output records to the state, forever. Joins no group and commits nothing.

    Raises:
        BrokerUnreachable: no broker answers at the start.
    """
    names = {topic_name(settings, name): name for name in FOLLOWED}
    counts = await partition_counts(settings)
    partitions = [
        TopicPartition(topic, number) for topic in names for number in range(counts[topic])
    ]
    consumer = new_consumer(settings, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        while True:
            fetched = await consumer.getmany(
                timeout_ms=_FETCH_TIMEOUT_MS, max_records=_FETCH_RECORDS
            )
            for tp, records in fetched.items():
                name = names[tp.topic]
                for record in records:
                    state.on_output(name, record.value, record.headers, record.key)
    finally:
        await consumer.stop()


_POLL_S = 0.2


async def wait_for_view(
    settings: Settings, tiers: Iterable[str], customers: int, timeout_s: float
) -> int:
    """How many customers the view has in these tiers; waits until there are `customers`.

    After `timeout_s` it returns how many there are by then.

    Raises:
        ConnectionError: Redis does not answer.
    """
    redis = connect_redis(settings)
    reader = ViewReader(redis, settings.redis_key_prefix)
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    try:
        while True:
            counts = [await reader.count("tier", tier) for tier in tiers]
            if sum(counts) >= customers or loop.time() > deadline_s:
                return sum(counts)
            await asyncio.sleep(_POLL_S)
    except RedisError as error:
        raise ConnectionError(f"the Redis of the demo does not answer: {error}") from error
    finally:
        await redis.aclose()
