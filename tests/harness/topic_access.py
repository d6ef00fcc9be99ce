"""What a test writes to the topics of a deployment and reads from them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from config.settings import Settings
from streams.kafka.read import read_to_end
from streams.kafka.topics import CUSTOMER_EVENTS, INPUT_TOPICS, create_topics, topic_name

DRAIN_TIMEOUT_S = 90.0
_POLL_S = 0.1


class Message(NamedTuple):
    """A record for a topic, named without its prefix. Without a partition the key decides."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    timestamp_ms: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class TopicPosition(NamedTuple):
    """Where a record is."""

    topic: str
    partition: int
    offset: int


Send = Callable[[Iterable[Message]], Awaitable[list[TopicPosition]]]


class TopicAccess:
    """The topics of one deployment.

    Attributes:
        sent: what was written to input topics, by where it is.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sent: dict[TopicPosition, bytes | None] = {}
        self._sent_ends: dict[TopicPartition, int] = {}

    async def create_topics(self) -> None:
        """Make all topics, and wait until the broker can keep the positions of our group."""
        await create_topics(self.settings)
        # A new cluster makes its own topic for positions at the first question for one. The client
        # would call that an error, in the log of a worker.
        await self._committed({TopicPartition(self.topic(CUSTOMER_EVENTS), 0): 0})

    def topic(self, name: str) -> str:
        """The full name of a topic."""
        return topic_name(self.settings, name)

    @asynccontextmanager
    async def sender(self, **options: Any) -> AsyncIterator[Send]:
        """Writes records, each topic partition in the order given; tells where each one is.

        Args:
            options: more arguments for `AIOKafkaProducer`.
        """
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka_bootstrap_servers,
            enable_idempotence=self.settings.producer_idempotence,
            acks="all",
            **options,
        )

        async def send(messages: Iterable[Message]) -> list[TopicPosition]:
            messages = list(messages)
            sent = [
                await producer.send(
                    self.topic(message.topic),
                    message.value,
                    message.key,
                    message.partition,
                    message.timestamp_ms,
                    list(message.headers),
                )
                for message in messages
            ]
            positions = [
                TopicPosition(record.topic, record.partition, record.offset)
                for record in await asyncio.gather(*sent)
            ]
            for message, position in zip(messages, positions, strict=True):
                self._note_sent(message, position)
            return positions

        async with producer:
            yield send

    async def send(self, messages: Iterable[Message], **options: Any) -> list[TopicPosition]:
        """Write records with a sender of their own, which has these options."""
        async with self.sender(**options) as send:
            return await send(messages)

    def _note_sent(self, message: Message, position: TopicPosition) -> None:
        if message.topic in INPUT_TOPICS:
            self.sent[position] = message.value
        tp = TopicPartition(position.topic, position.partition)
        self._sent_ends[tp] = max(position.offset + 1, self._sent_ends.get(tp, 0))

    def forget_sent(self, topic: str) -> None:
        """A topic, by its full name, was made anew: what was sent to the former one is gone."""
        for position in [sent for sent in self.sent if sent.topic == topic]:
            del self.sent[position]
        for tp in [sent for sent in self._sent_ends if sent.topic == topic]:
            del self._sent_ends[tp]

    async def read(self, name: str) -> list[list[ConsumerRecord]]:
        """All records of a topic, by partition."""
        return await self.read_full(self.topic(name))

    async def read_full(self, name: str) -> list[list[ConsumerRecord]]:
        """All records of a topic given by its full name, by partition."""
        tps = [TopicPartition(name, n) for n in range(self.settings.partitions)]
        async with self._consumer() as consumer:
            return [await _records(consumer, tp) for tp in tps]

    async def drained(self) -> None:
        """Wait until everything sent is forwarded, applied, written and committed."""
        inputs = {tp: end for tp, end in self._sent_ends.items() if _is_input(tp)}
        await self._committed(inputs)
        done = [0] * self.settings.partitions
        while True:  # what is done may have put more there, for customers of other partitions
            log = await self.read(CUSTOMER_EVENTS)
            if not any(_has_events(records, end) for records, end in zip(log, done, strict=True)):
                return
            done = [records[-1].offset + 1 if records else 0 for records in log]
            events = self.topic(CUSTOMER_EVENTS)
            await self._committed({TopicPartition(events, n): end for n, end in enumerate(done)})

    async def behind(self) -> int:
        """How many records sent to input topics are not committed yet."""
        async with self._consumer(group_id=self.settings.app_id) as group:
            return await _behind(group, self._sent_ends)

    @property
    def logs(self) -> str:
        """What whoever should have done the work says of it."""
        return ""

    async def _committed(self, ends: Mapping[TopicPartition, int]) -> None:
        deadline_s = time.monotonic() + DRAIN_TIMEOUT_S
        async with self._consumer(group_id=self.settings.app_id) as group:
            while behind := await _behind(group, ends):
                assert time.monotonic() < deadline_s, f"{behind} records are not done\n{self.logs}"
                await asyncio.sleep(_POLL_S)

    def _consumer(self, **arguments: Any) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka_bootstrap_servers,
            enable_auto_commit=False,
            isolation_level="read_committed",
            fetch_max_wait_ms=20,  # what comes next waits for the fetch under way
            **arguments,
        )


async def _records(consumer: AIOKafkaConsumer, tp: TopicPartition) -> list[ConsumerRecord]:
    return [record async for records, _ in read_to_end(consumer, tp) for record in records]


async def _behind(group: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> int:
    ends = dict(ends)  # more may be sent meanwhile
    group.assign(list(ends))
    return sum([max(0, end - (await group.committed(tp) or 0)) for tp, end in ends.items()])


def _has_events(records: Iterable[ConsumerRecord], start: int) -> bool:
    """Whether there are others than ticks and policies from an offset on."""
    return any(record.key is not None and record.offset >= start for record in records)


def _is_input(tp: TopicPartition) -> bool:
    return str(tp.topic).rpartition(".")[2] in INPUT_TOPICS
