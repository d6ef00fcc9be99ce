"""Dead letters: read from their topic, selected by their headers, and checked before a replay."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import NamedTuple

from aiokafka import ConsumerRecord, TopicPartition

from config.settings import Settings
from handlers.decode.decode import Limits, decode
from handlers.decode.policy_checks import check_values
from handlers.decode.schema import InputTopic
from handlers.reasons import CONFLICT, PROCESSING_FAILED, Rejection
from handlers.state.partition_state import Source
from scoring.rules import Rules
from streams.kafka.clients import new_consumer
from streams.kafka.headers import (
    COMPLETE,
    REPLAYED_FROM,
    Headers,
    LeftOut,
    cloud_event_headers,
    left_out_of,
    number,
)
from streams.kafka.read import read_to_end
from streams.kafka.topics import (
    DEAD_LETTERS,
    INPUT_TOPICS,
    TopicsUnusable,
    partition_counts,
    topic_name,
)

Progress = Callable[[str, int, int], None]
"""Told what is being done, how far it is, and where it ends."""

NO_PAYLOAD = "without payload (erased customers)"
NO_RECORD = "of due instants or policies that raised (nothing to send)"
NOT_OURS = "not from one of our input topics"
IS_REPLAY = "refused again when they were replayed (--again sends them)"
IS_CONFLICT = "conflicts (--reason conflict sends them)"
STILL_BAD = "would be refused again: "


class Letter(NamedTuple):
    """A record of the topic dead-letters.

    What its headers do not say is empty or None: anybody might write to that topic.
    """

    partition: int
    offset: int
    refused_ms: int
    key: bytes | None
    value: bytes | None
    reason: str = ""
    source: Source | None = None
    source_ms: int | None = None
    event_id: str | None = None
    detail: str = ""
    replayed_from: str | None = None
    headers: Headers = []  # noqa: RUF012  a NamedTuple's default, which nobody changes
    left_out: LeftOut = COMPLETE
    """What the letter lacks of the record."""


class Selection(NamedTuple):
    """Which letters are selected; a field that is None or empty selects all.

    Attributes:
        source_topic: full name of the input topic a letter's record was in.
        since_ms: refused at or after this instant.
        until_ms: refused at or before this instant.
        key: the record's key, as upstream gave it.
    """

    reasons: frozenset[str] = frozenset()
    source_topic: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    key: bytes | None = None

    def takes(self, letter: Letter) -> bool:
        """Whether a letter is selected."""
        topic = None if letter.source is None else letter.source.topic
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (self.source_topic is None or topic == self.source_topic)
            and (self.since_ms is None or letter.refused_ms >= self.since_ms)
            and (self.until_ms is None or letter.refused_ms <= self.until_ms)
            and (self.key is None or letter.key == self.key)
        )


class ReplayCheck(NamedTuple):
    """Tells why a letter must not be replayed, as far as that is known without the customer.

    Attributes:
        partitions: of each input topic by its full name.
        limits: on event times, as of now.
        rules: in force; None if no worker has run yet.
        conflicts: replay conflicts too. When the event that a conflict contradicts is forgotten,
            both would count, so this must be asked for.
        again: replay letters that were replayed before.
        labels: the input topics' names without the deployment's prefix, by their full names.
    """

    partitions: Mapping[str, int]
    limits: Limits
    rules: Rules | None = None
    conflicts: bool = False
    again: bool = False
    labels: Mapping[str, InputTopic] = {}

    def objection(self, letter: Letter) -> str | None:
        """Why a letter is not replayed; None if it is."""
        found = self.objection_unread(letter)
        if found is not None:
            return found
        rejection = self._rejection(letter)
        return None if rejection is None else STILL_BAD + rejection.reason

    def objection_unread(self, letter: Letter) -> str | None:
        """The same, as far as the headers of a letter tell."""
        source = letter.source
        if letter.reason == PROCESSING_FAILED and letter.value is None:
            return NO_RECORD
        if source is None or source.partition >= self.partitions.get(source.topic, 0):
            return NOT_OURS
        if letter.value is None and letter.left_out.original is None:
            return NO_PAYLOAD
        if letter.replayed_from is not None and not self.again:
            return IS_REPLAY
        if letter.reason == CONFLICT and not self.conflicts:
            return IS_CONFLICT
        return None

    def _rejection(self, letter: Letter) -> Rejection | None:
        topic = None if letter.source is None else self.labels.get(letter.source.topic)
        event = decode(
            letter.value,
            cloud_event_headers(letter.headers),
            self.limits,
            topic=topic,
            with_content=False,
        )
        if isinstance(event, Rejection):
            return event
        return None if self.rules is None else check_values(event, self.rules)


def letter_of(record: ConsumerRecord) -> Letter:
    """A record of the topic as a letter."""
    headers = [(name, value) for name, value in record.headers if value is not None]
    # Ours come first: a later one of the same name is not ours.
    said = {name: value.decode("utf-8", "replace") for name, value in reversed(headers)}
    return Letter(
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        said.get("reason", ""),
        _source(said),
        number(said.get("source-timestamp")),
        said.get("event-id"),
        said.get("detail", ""),
        said.get(REPLAYED_FROM),
        headers,
        left_out_of(headers),
    )


async def read_letters(
    settings: Settings, partitions: int, on_progress: Progress
) -> AsyncIterator[Letter]:
    """All letters there are now, partition by partition, each in the order of its offsets."""
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        for index in range(partitions):
            tp = TopicPartition(topic_name(settings, DEAD_LETTERS), index)
            async for records, end in read_to_end(consumer, tp):
                for record in records:
                    yield letter_of(record)
                what = f"dead letters, partition {index + 1} of {partitions}"
                on_progress(what, records[-1].offset + 1, end)
    finally:
        await consumer.stop()


async def letter_topics(settings: Settings) -> dict[str, int]:
    """The partition counts of dead-letters and of the input topics, by full name.

    Raises:
        BrokerUnreachable: no broker answers.
        TopicsUnusable: one of them is missing.
    """
    counts = await partition_counts(settings)
    names = [topic_name(settings, name) for name in (DEAD_LETTERS, *INPUT_TOPICS)]
    missing = [name for name in names if name not in counts]
    if missing:
        verb = "topics {} are" if len(missing) > 1 else "topic {} is"
        raise TopicsUnusable(
            f"{verb.format(', '.join(missing))} missing, run 'tierstream topics create'"
        )
    return {name: counts[name] for name in names}


def _source(said: Mapping[str, str]) -> Source | None:
    topic = said.get("source-topic")
    partition = number(said.get("source-partition"))
    offset = number(said.get("source-offset"))
    if topic is None or partition is None or offset is None:
        return None
    return Source(topic, partition, offset)
