"""Sends records to the input topics, in order, and checks every delivery."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice

from config.settings import Settings
from devtools.traffic.record import TrafficRecord
from handlers.decode.schema import InputTopic
from streams.faust_app import BatchProducer
from streams.kafka.clients import new_producer
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import (
    INPUT_TOPICS,
    TopicsUnusable,
    partition_counts,
    topic_name,
)
from streams.runtime.token_bucket import Pace

_CHUNK = 2_000
"""Records sent but not yet acknowledged, at most."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the broker has acknowledged, in how many seconds."""

    total: int
    by_topic: Mapping[InputTopic, int]
    seconds: float

    @property
    def per_second(self) -> float:
        """Events per second since the first."""
        return self.total / self.seconds if self.seconds > 0 else 0.0


class TrafficSender:
    """Sends records keyed by customer, with their own timestamps, in the order given.

    Args:
        producer: started.
        settings: name the topics.
        partitions: how many each input topic has.
        pace: the limit on events per second.
        on_progress: called after every chunk with what has been acknowledged.
    """

    def __init__(
        self,
        producer: BatchProducer,
        settings: Settings,
        partitions: Mapping[InputTopic, int],
        pace: Pace,
        on_progress: Callable[[Sent], None],
    ) -> None:
        self._producer = producer
        self._topics = {name: topic_name(settings, name) for name in INPUT_TOPICS}
        self._partitions = partitions
        self._pace = pace
        self._on_progress = on_progress
        self._by_topic: Counter[InputTopic] = Counter()
        self._started_s = time.monotonic()

    @property
    def sent(self) -> Sent:
        """What has been acknowledged."""
        by_topic = {topic: self._by_topic[topic] for topic in INPUT_TOPICS}
        return Sent(self._by_topic.total(), by_topic, time.monotonic() - self._started_s)

    async def send(self, records: Iterable[TrafficRecord]) -> None:
        """Send records at the pace, and return when the broker has them all.

        They are taken from the iterable only when they may be sent, so that it can stamp them with
        the time.

        Raises:
            ProduceFailed: a delivery failed.
        """
        stream = iter(records)
        while True:
            granted = await self._pace.grant(_CHUNK)
            chunk = list(islice(stream, granted))
            self._pace.give_back(granted - len(chunk))
            if not chunk:
                return
            for record in chunk:
                self._add(record)
            await self._producer.flush()
            self._by_topic.update(record.topic for record in chunk)
            self._on_progress(self.sent)

    def _add(self, record: TrafficRecord) -> None:
        at_ms, topic, key, value = record
        # Without a key clients choose a partition by chance; a replay must not depend on that.
        partition = partition_of(key, self._partitions[topic]) if key else 0
        self._producer.add(self._topics[topic], partition, key, value, timestamp_ms=at_ms)


@asynccontextmanager
async def open_sender(
    settings: Settings,
    *,
    per_second: float | None = None,
    on_progress: Callable[[Sent], None] = lambda _: None,
) -> AsyncIterator[TrafficSender]:
    """A sender on the broker of the settings, whose input topics exist.

    Raises:
        BrokerUnreachable: no broker answers.
        TopicsUnusable: an input topic is missing.
        SettingsError: a certificate or key file cannot be used.
    """
    partitions = await _input_partitions(settings)
    producer = new_producer(settings, "sender")
    await producer.start()
    try:
        yield TrafficSender(producer, settings, partitions, Pace(per_second), on_progress)
    finally:
        await producer.stop()


async def _input_partitions(settings: Settings) -> dict[InputTopic, int]:
    counts = await partition_counts(settings)
    missing = [name for name in INPUT_TOPICS if topic_name(settings, name) not in counts]
    if missing:
        names = ", ".join(topic_name(settings, name) for name in missing)
        raise TopicsUnusable(
            f"the broker at {settings.kafka_bootstrap_servers} has no topic {names}, "
            "run 'tierstream topics create'"
        )
    return {name: counts[topic_name(settings, name)] for name in INPUT_TOPICS}
