"""Reading the outputs with the sequence rule built in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, cast

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from tierstream_client.alert import Alert, UnreadableAlert, read_alert
from tierstream_client.memory import MemoryFile
from tierstream_client.undecodable import Fetched, fetch_step_by_step

_log = logging.getLogger(__name__)

_POLL_MS = 500
_FETCH_RECORDS = 500
_METADATA_LOOKS = 600
_METADATA_PAUSE_S = 0.05

Handle = Callable[[Alert], Awaitable[None]]


class TopicMissing(RuntimeError):
    """A topic does not exist; the message is one sentence."""


class PositionGone(RuntimeError):
    """The next record is gone, or the topic was recreated; the message is one sentence."""


class AlertConsumer:
    """Passes each output to a function, once, in the order of its customer's sequence.

    This one process reads all partitions, concurrently; within a partition, an alert waits until
    the one before it is done. To use several processes, give each its own topics.

    Args:
        bootstrap_servers: `host:port` of some brokers, separated by commas.
        topics: names with the deployment's prefix.
        memory: what was done so far.
        start: where to begin in a partition that was never read.
        security: more arguments for `aiokafka.AIOKafkaConsumer`, for TLS and login.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topics: Sequence[str],
        memory: MemoryFile,
        *,
        start: Literal["earliest", "latest"] = "earliest",
        security: Mapping[str, Any] | None = None,
    ) -> None:
        self._topics = tuple(topics)
        self._memory = memory
        self._start = start
        self._reached: dict[TopicPartition, int] = {}
        self._stopping = asyncio.Event()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="none",  # never skip records silently
            isolation_level="read_committed",
            max_poll_records=_FETCH_RECORDS,
            **(security or {}),
        )

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        try:
            await self._assign()
        except BaseException:
            await self._consumer.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._consumer.stop()

    def stop(self) -> None:
        """Make `run` return when the current alerts are done."""
        self._stopping.set()

    async def run(self, handle: Handle) -> None:
        """Read until `stop` is called.

        A record that is not an output is logged and skipped: no program can act on it.

        Args:
            handle: acts on an alert. It gets the same alert twice only if the process dies after
                its effect and before it returned; `Alert.id` is the same then. Its exception ends
                the run, and the next run passes the alert again.

        Raises:
            PositionGone: the next records are gone.
            MemoryUnusable: the memory cannot be written.
        """
        while not self._stopping.is_set():
            try:
                fetched = await self._fetch()
            except OffsetOutOfRangeError as error:
                raise PositionGone(_gone(error.args[0])) from error
            try:
                async with asyncio.TaskGroup() as lanes:
                    for tp, records in fetched.items():
                        lanes.create_task(self._take(tp, records, handle))
            except BaseExceptionGroup as failed:
                raise failed.exceptions[0] from None  # the first; it ended the others
            await self._note_positions(fetched.keys())

    async def _fetch(self) -> Fetched:
        try:
            return cast(Fetched, await self._consumer.getmany(timeout_ms=_POLL_MS))
        except UnicodeDecodeError:
            return await fetch_step_by_step(self._consumer, self._reached, _POLL_MS)

    async def _take(
        self, tp: TopicPartition, records: Sequence[ConsumerRecord], handle: Handle
    ) -> None:
        for record in records:
            if self._stopping.is_set():
                return
            try:
                alert = read_alert(tp.topic, tp.partition, record.offset, record.value)
            except UnreadableAlert as error:
                _log.warning("passed over: %s", error)
                continue
            if self._memory.is_news(alert):
                await handle(alert)
                self._memory.note_done(alert)
        self._note(tp, records[-1].offset + 1)

    def _note(self, tp: TopicPartition, next_offset: int) -> None:
        self._memory.note_position(tp.topic, tp.partition, next_offset)
        self._reached[tp] = next_offset

    async def _note_positions(self, taken: Collection[TopicPartition]) -> None:
        """Store the offsets of partitions that went on without a record: transactions have such.

        Retention may remove them, and then they must not look like alerts that were lost.
        """
        for tp in self._reached.keys() - taken:
            position = await self._consumer.position(tp)
            if position > self._reached[tp]:
                self._note(tp, position)

    async def _assign(self) -> None:
        tps = await self._partitions()
        self._consumer.assign(tps)
        first = await self._consumer.beginning_offsets(tps)
        ends = await self._consumer.end_offsets(tps)
        for tp in tps:
            known = self._memory.next_offset(tp.topic, tp.partition)
            if known is not None and not first[tp] <= known <= ends[tp]:
                raise PositionGone(_gone({tp: known}))
            start = first[tp] if self._start == "earliest" else ends[tp]
            self._reached[tp] = start if known is None else known
            self._consumer.seek(tp, self._reached[tp])

    async def _partitions(self) -> list[TopicPartition]:
        """All partitions of the topics."""
        there = await self._consumer.topics()
        missing = [topic for topic in self._topics if topic not in there]
        if missing:
            raise TopicMissing(f"there is no topic {missing[0]}")
        self._consumer.assign([TopicPartition(topic, 0) for topic in self._topics])
        # Now aiokafka asks for their partitions, and does not say when it knows them.
        for _ in range(_METADATA_LOOKS):
            found = {topic: self._consumer.partitions_for_topic(topic) for topic in self._topics}
            if all(found.values()):
                return [TopicPartition(*tp) for tp in _pairs(found)]
            await asyncio.sleep(_METADATA_PAUSE_S)
        raise TopicMissing(f"no broker tells the partitions of {', '.join(self._topics)}")


def _pairs(partitions: Mapping[str, Collection[int]]) -> list[tuple[str, int]]:
    return [(topic, number) for topic, found in partitions.items() for number in sorted(found)]


def _gone(offsets: Mapping[TopicPartition, int]) -> str:
    where = ", ".join(f"{tp.topic}/{tp.partition}@{at}" for tp, at in offsets.items())
    return (
        f"{where} was to be read next and is not there: alerts were lost to the topic's retention, "
        "or the topic was made anew; remove the memory file to begin again"
    )
