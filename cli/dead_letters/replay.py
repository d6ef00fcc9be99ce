"""Sends dead letters to the input topics again, each once.

A replayed record has a header `replayed-from: partition/offset`, the partition and offset of the
record it repeats in the same topic. Before anything is sent, the input topics are searched for
these headers. So a replay may be interrupted or repeated, and sends no letter a second time.
"""

from __future__ import annotations

from collections import Counter

from aiokafka import TopicPartition

from cli.dead_letters.originals import Originals
from config.settings import Settings
from handlers.decode.decode import Limits
from handlers.reasons import CONFLICT
from handlers.state.partition_state import Source
from scoring.rules import Rules
from streams.changelog import StateUnreadable, read_state
from streams.dead_letters import (
    Letter,
    Progress,
    ReplayCheck,
    Selection,
    letter_topics,
    read_letters,
)
from streams.faust_app import BatchProducer
from streams.kafka.attributes import attributes_of
from streams.kafka.clients import new_consumer, new_producer
from streams.kafka.headers import REPLAYED_FROM, Headers, number
from streams.kafka.read import read_to_end
from streams.kafka.topics import (
    DEAD_LETTERS,
    INPUT_TOPICS,
    changelog_name,
    partition_counts,
    topic_name,
)
from streams.runtime.token_bucket import Pace

SENT_BEFORE = "were replayed before, or stand here twice"

_CHUNK = 2_000
"""Letters sent but not yet acknowledged, at most."""


class LetterReplay:
    """One run of `dead-letters replay`.

    Args:
        settings: of the deployment.
        selection: which letters to send.
        now_ms: wall clock, for the bound on event times.
        again: also send letters of records that were refused when replayed.
        limit: send at most so many; None for all.
        dry_run: send nothing, count what would be sent.
        per_second: the rate; None for no limit.
        on_progress: called with what is done and how far it is.

    Attributes:
        sent: letters acknowledged by the broker (or, in a dry run, that would be sent), by topic.
        kept: letters that were not sent, by reason.
    """

    def __init__(  # noqa: PLR0913
        self,
        settings: Settings,
        selection: Selection,
        *,
        now_ms: int,
        again: bool,
        limit: int | None,
        dry_run: bool,
        per_second: float | None,
        on_progress: Progress,
    ) -> None:
        self.sent: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()
        self._settings = settings
        self._selection = selection
        self._latest_ms = now_ms + settings.max_future_skew_ms
        self._again = again
        self._limit = limit
        self._dry_run = dry_run
        self._pace = Pace(None if dry_run else per_second)
        self._on_progress = on_progress
        self._partitions = 0
        self._waiting: Counter[str] = Counter()
        self._granted = 0

    async def run(self) -> None:
        """Read the letters, search for earlier replays, then send.

        Raises:
            BrokerUnreachable: no broker answers.
            TopicsUnusable: a topic is missing.
            ProduceFailed: a delivery failed; what was delivered will be found by the next run.
        """
        counts = await letter_topics(self._settings)
        self._partitions = counts.pop(topic_name(self._settings, DEAD_LETTERS))
        judge = ReplayCheck(
            counts,
            Limits(self._settings.min_event_time_ms, self._latest_ms),
            await rules_in_force(self._settings),
            conflicts=CONFLICT in self._selection.reasons,
            again=self._again,
            labels={topic_name(self._settings, name): name for name in INPUT_TOPICS},
        )
        async with Originals(self._settings, judge) as originals:
            ends, starts = await self._survey(originals)
            if not starts:
                return
            replayed = await self._replayed(starts)
            if self._dry_run:
                await self._send(ends, originals, replayed, None)
                return
            producer = new_producer(self._settings, "dead-letters")
            await producer.start()
            try:
                await self._send(ends, originals, replayed, producer)
            finally:
                await producer.stop()

    async def _survey(
        self, originals: Originals
    ) -> tuple[dict[int, int], dict[TopicPartition, int]]:
        """Where the letters end now, and the offsets after which inputs may have replays of them.

        Counts what is not to be sent. Only counts and offsets are kept in memory.
        """
        ends: dict[int, int] = {}
        starts: dict[TopicPartition, int] = {}
        async for letter in read_letters(self._settings, self._partitions, self._on_progress):
            ends[letter.partition] = letter.offset + 1
            if not self._selection.takes(letter):
                continue
            found = await originals.to_send(letter)
            if isinstance(found, str):
                self.kept[found] += 1
                continue
            assert letter.source is not None
            tp = TopicPartition(letter.source.topic, letter.source.partition)
            behind = letter.source.offset + 1
            starts[tp] = min(behind, starts.get(tp, behind))
        return ends, starts

    async def _replayed(self, starts: dict[TopicPartition, int]) -> set[Source]:
        """The records that were replayed. A replay always comes after the record it repeats."""
        found: set[Source] = set()
        consumer = new_consumer(self._settings)
        await consumer.start()
        try:
            for tp, start in sorted(starts.items()):
                async for records, end in read_to_end(consumer, tp, start):
                    for record in records:
                        if record.headers:
                            found.update(_marks(tp.topic, record.headers))
                    what = f"earlier replays in {tp.topic}/{tp.partition}"
                    self._on_progress(what, records[-1].offset + 1 - start, end - start)
        finally:
            await consumer.stop()
        return found

    async def _send(
        self,
        ends: dict[int, int],
        originals: Originals,
        replayed: set[Source],
        producer: BatchProducer | None,
    ) -> None:
        async for letter in read_letters(self._settings, self._partitions, _silent):
            if letter.offset >= ends.get(letter.partition, 0):
                continue  # written after the survey, maybe by this very replay
            if not self._selection.takes(letter):
                continue
            whole = await originals.to_send(letter)
            if isinstance(whole, str):
                continue
            source = letter.source
            assert source is not None
            if source in replayed:
                self.kept[SENT_BEFORE] += 1
                continue
            if self._limit is not None and self._taken() >= self._limit:
                break
            replayed.add(source)  # a letter may have been written twice
            await self._add(whole, source, producer)
        await self._flush(producer)

    async def _add(self, letter: Letter, source: Source, producer: BatchProducer | None) -> None:
        if self._granted == 0:
            await self._flush(producer)
            self._granted = await self._pace.grant(_CHUNK)
        self._granted -= 1
        self._waiting[source.topic] += 1
        if producer is not None:
            producer.add(
                source.topic,
                source.partition,
                letter.key,
                letter.value,
                replay_headers(letter, source),
                letter.source_ms,
            )
            if producer.full:
                await self._flush(producer)

    async def _flush(self, producer: BatchProducer | None) -> None:
        if producer is not None and self._waiting:
            await producer.flush()
        self.sent += self._waiting
        self._waiting.clear()
        self._on_progress("sending", self.sent.total(), 0)

    def _taken(self) -> int:
        return self.sent.total() + self._waiting.total()


async def rules_in_force(settings: Settings) -> Rules | None:
    """The policy in force; None before any worker has run."""
    if changelog_name(settings) not in await partition_counts(settings):
        return None
    try:
        return (await read_state(settings, 0, only="")).rules
    except StateUnreadable:
        return None


def replay_headers(letter: Letter, source: Source) -> Headers:
    """The headers of a replay: CloudEvent attributes of binary mode, and `replayed-from`."""
    mark = f"{source.partition}/{source.offset}".encode()
    return [*attributes_of(letter.headers), (REPLAYED_FROM, mark)]


def _marks(topic: str, headers: Headers) -> list[Source]:
    found = []
    for name, value in headers:
        if name == REPLAYED_FROM and value is not None:
            first, _, second = value.decode("utf-8", "replace").partition("/")
            partition, offset = number(first), number(second)
            if partition is not None and offset is not None:
                found.append(Source(topic, partition, offset))
    return found


def _silent(_what: str, _done: int, _total: int) -> None:
    """Reading once more while sending: what counts then is what is sent."""
