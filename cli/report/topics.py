"""Reads the topics for what the view does not know: names, complaints, sources of values."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from cli.report.moves import BiggestMoves
from cli.report.period import Period
from cli.report.sources import ValuesBySource, source_of
from cli.report.tickets import LOOKS_BACK_DAYS, Tickets
from config.settings import Settings
from handlers.decode.decode import Limits, decode
from handlers.decode.schema import InputTopic
from handlers.events import Event
from handlers.outputs import CARE_REMINDERS, TIER_CHANGES
from scoring.calendar import DAY_MS
from streams.kafka.clients import new_consumer
from streams.kafka.headers import cloud_event_headers
from streams.kafka.read import read_to_end
from streams.kafka.topics import check_topics, topic_name
from streams.runtime.clock import wall_ms

_FETCH_WAIT_MS = 50


@dataclass(frozen=True, slots=True)
class Happened:
    """What the topics tell of two periods.

    Attributes:
        moves: the biggest of the period.
        tickets: of both periods.
        sources: of both.
        complete_from_ms: since when each topic has all records, in milliseconds since 1970; 0 for
            one that has lost none.
    """

    moves: BiggestMoves
    tickets: Tickets
    sources: ValuesBySource
    complete_from_ms: dict[str, int] = field(default_factory=dict)

    def knows(self, topic: str, period: Period) -> bool:
        """Whether a topic still has everything of a period."""
        return self.complete_from_ms.get(topic, 0) <= period.from_ms


async def read_topics(settings: Settings, period: Period) -> Happened:
    """Read what was written since the period before began, and tickets for a while longer.

    A record is never older than what it tells of, so none of the periods is missed.

    Raises:
        BrokerUnreachable, TopicsUnusable: as the names say.
        NoFigures: there is too much to count.
    """
    counts = await check_topics(settings)
    periods = (period, period.before)
    since_ms = period.before.from_ms
    found = Happened(BiggestMoves(period), Tickets(periods), ValuesBySource(periods))
    # One partition after the other: a fetch that waits for more would delay the next one.
    consumer = new_consumer(settings, fetch_max_wait_ms=_FETCH_WAIT_MS)
    await consumer.start()
    try:
        read = _Reader(settings, consumer, counts)
        async for record in read.since(TIER_CHANGES, period.from_ms):
            found.moves.take(record.value)
        async for record in read.since(CARE_REMINDERS, since_ms):
            found.tickets.take_reminder(record.value)
        async for event, _ in read.events_since("support", since_ms - LOOKS_BACK_DAYS * DAY_MS):
            found.tickets.take_event(event)
        async for event, source in read.events_since("profiles", since_ms):
            found.sources.take(event, source)
        found.complete_from_ms.update(read.complete_from_ms)
    finally:
        await consumer.stop()
    return found


class _Reader:
    def __init__(
        self, settings: Settings, consumer: AIOKafkaConsumer, counts: dict[str, int]
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._counts = counts
        self.complete_from_ms: dict[str, int] = {}
        self._limits = Limits(settings.min_event_time_ms, wall_ms() + settings.max_future_skew_ms)

    async def since(self, topic: str, from_ms: int) -> AsyncIterator[ConsumerRecord]:
        """The records of a topic that were written from an instant on, up to its present end."""
        name = topic_name(self._settings, topic)
        partitions = [TopicPartition(name, number) for number in range(self._counts[name])]
        self.complete_from_ms[topic] = max([await self._kept_from_ms(tp) for tp in partitions])
        for tp in partitions:
            found = await self._consumer.offsets_for_times({tp: max(0, from_ms)})
            if (first := found[tp]) is None:
                continue
            async for records, _ in read_to_end(self._consumer, tp, first.offset):
                for record in records:
                    yield record

    async def _kept_from_ms(self, tp: TopicPartition) -> int:
        """When the first record that is left was written; 0 if none was removed."""
        if (await self._consumer.beginning_offsets([tp]))[tp] == 0:
            return 0
        first = (await self._consumer.offsets_for_times({tp: 0}))[tp]
        return wall_ms() if first is None else int(first.timestamp)

    async def events_since(
        self, topic: InputTopic, from_ms: int
    ) -> AsyncIterator[tuple[Event, str]]:
        """The events of an input topic and their sources; bad records are passed over."""
        async for record in self.since(topic, from_ms):
            headers = cloud_event_headers(record.headers)
            event = decode(record.value, headers, self._limits, topic=topic, with_content=False)
            if isinstance(event, Event):
                yield event, source_of(record.value, headers)
