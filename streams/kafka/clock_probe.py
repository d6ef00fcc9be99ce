"""Asks the brokers what time it is.

Kafka has no request for that. But in a topic with `LogAppendTime` a record gets the time at which
the leader of its partition appended it, and the acknowledgement tells that time. It lies between
the sending and the answer, so a slow broker makes the comparison less exact, and never wrong.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from config.settings import Settings
from streams.kafka.clients import BrokerUnreachable, new_probe_producer, open_admin
from streams.kafka.topics import (
    CLOCK_PROBE,
    TIMESTAMP_TYPE,
    TopicsUnusable,
    read_configs,
    topic_name,
)
from streams.runtime.clock import wall_ms

_SHORTEST_TIMEOUT_MS = 5_000
_LONGEST_TIMEOUT_MS = 30_000


class Reading(NamedTuple):
    """What one broker's clock said, beside ours.

    Attributes:
        broker: its id.
        sent_s: when it was asked, in monotonic seconds.
        sent_ms: the same by our wall clock, in milliseconds since 1970.
        waited_ms: how long the answer took, by the monotonic clock.
        written_ms: the broker's clock at some moment of that time.
    """

    broker: int
    sent_s: float
    sent_ms: int
    waited_ms: int
    written_ms: int

    @property
    def ahead_ms(self) -> int:
        """How far our clock is ahead, if the broker wrote halfway through; negative: behind."""
        return self.sent_ms + self.waited_ms // 2 - self.written_ms

    @property
    def surely_ahead_ms(self) -> int:
        """How far it is ahead (or behind) at least, whenever the broker wrote."""
        least_ms = self.sent_ms - self.written_ms
        most_ms = least_ms + self.waited_ms
        return least_ms if least_ms > 0 else min(most_ms, 0)


class ClockProbe:
    """Writes records that only tell the brokers' time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = topic_name(settings, CLOCK_PROBE)
        timeout_ms = max(settings.max_clock_error.ms, _SHORTEST_TIMEOUT_MS)
        self._timeout_ms = min(timeout_ms, _LONGEST_TIMEOUT_MS)
        self._producer: AIOKafkaProducer | None = None
        self._tells_time: bool | None = None

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaConnectionError: no broker answers.
        """
        producer = new_probe_producer(self._settings, self._timeout_ms)
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def stop(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    async def ask(self) -> list[Reading] | None:
        """The clocks of all brokers that lead a partition of the topic and answer in time.

        Returns:
            None if these brokers never tell their time, like the embedded one.

        Raises:
            TopicsUnusable: the topic lacks `LogAppendTime`, or we may not write to it.
        """
        if self._tells_time is False:
            return None
        try:
            partitions = await self._leading_partitions()
            answers = await asyncio.gather(
                *(self._ask(broker, number) for broker, number in partitions.items())
            )
            if any(isinstance(answer, _NoTime) for answer in answers):
                await self._refuse_wrong_topic()
                self._tells_time = False
                return None
        except TopicAuthorizationFailedError as error:
            raise TopicsUnusable(
                f"this user may not write to topic {self._topic}, by which the clock is compared "
                "with the brokers'; give it the right to"
            ) from error
        except (KafkaError, BrokerUnreachable):
            return []
        return [answer for answer in answers if isinstance(answer, Reading)]

    async def _leading_partitions(self) -> dict[int, int]:
        """By broker, one partition that it leads."""
        assert self._producer is not None, "it is not started"
        found: dict[int, int] = {}
        cluster = self._producer.client.cluster
        for number in sorted(await self._producer.partitions_for(self._topic)):
            leader = cluster.leader_for_partition(TopicPartition(self._topic, number))
            if leader is not None and leader >= 0:
                found.setdefault(leader, number)
        return found

    async def _ask(self, broker: int, partition: int) -> Reading | _NoTime | None:
        """None if there is no answer in time."""
        assert self._producer is not None, "it is not started"
        sent_s, sent_ms = time.monotonic(), wall_ms()
        try:
            async with asyncio.timeout(self._timeout_ms / 1000):
                written = await self._producer.send(self._topic, b"", partition=partition)
                record = await written
        except TopicAuthorizationFailedError:
            raise
        except (TimeoutError, KafkaError):
            return None
        waited_ms = int((time.monotonic() - sent_s) * 1000) + 1  # what is cut off may count
        if record.timestamp_type != _LOG_APPEND_TIME:
            return _NoTime()
        return Reading(broker, sent_s, sent_ms, waited_ms, record.timestamp)

    async def _refuse_wrong_topic(self) -> None:
        """Raise if the topic's settings are why no time comes, and not the brokers."""
        admin = await open_admin(self._settings)
        try:
            configs = await read_configs(admin, [self._topic])
        finally:
            await admin.close()
        wanted = TIMESTAMP_TYPE["message.timestamp.type"]
        if configs.get(self._topic, {}).get("message.timestamp.type") != wanted:
            raise TopicsUnusable(
                f"topic {self._topic} must have message.timestamp.type={wanted}, so that the "
                "clock can be compared with the brokers'; 'tierstream topics check' says how"
            )


class _NoTime(NamedTuple):
    """An acknowledgement that tells no time."""


_LOG_APPEND_TIME = 1
"""What `timestamp_type` is where the broker has set the time."""
