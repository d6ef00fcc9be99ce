"""A stream of changes, as the bytes of server-sent events."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace

import orjson
from aiokafka import ConsumerRecord

from serving.api.metrics import ApiMeter
from serving.api.sse.changes_consumer import ChangesConsumer, Gap, OffsetsLost
from serving.api.sse.filter import ChangeFilter
from serving.api.sse.position import UNKNOWN_ID, Partition, Position

HEARTBEAT_S = 15.0
RETRY_MS = 3_000
_READ_WAIT_S = 1.0


class ChangeStream:
    """The changes of one stream.

    Args:
        consumer: connected.
        changes: which to send.
        start: where to begin; it advances with the stream.
        meter: receives the metrics.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        consumer: ChangesConsumer,
        changes: ChangeFilter,
        start: Position,
        meter: ApiMeter,
        clock: Callable[[], float],
    ) -> None:
        self._consumer = consumer
        self._changes = changes
        self._position = start
        self._meter = meter
        self._clock = clock
        self._sent_s = clock()
        self._recreated = recreated_topics(start, consumer.id_hashes)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Bytes to send: events, gaps and heartbeats; now and then none, so that the caller runs.

        Raises:
            KafkaError: Kafka cannot be read.
        """
        yield opening(self._encoded())
        if self._recreated:
            yield await self._leave_old_topics(self._recreated)
        self._consumer.read_from(self._position.next_offsets)
        while True:
            try:
                batches = await self._consumer.read(_READ_WAIT_S)
            except OffsetsLost as found:
                yield b"".join(self._gap(gap) for gap in found.gaps)
                continue
            for partition, records in batches:
                yield self._events(partition, records)
            yield self._heartbeat()

    async def _leave_old_topics(self, gaps: Sequence[Gap]) -> bytes:
        """Start from the beginning in topics that were deleted and created again.

        All gaps but the last have the old position as their id, so a client that does not get all
        of them gets them again.
        """
        before = self._encoded()
        first = await self._consumer.beginnings([each.partition for each in gaps])
        self._position.next_offsets |= first
        self._position.id_hashes = self._consumer.id_hashes
        ids = [before] * (len(gaps) - 1) + [self._encoded()]
        return self._noted(
            b"".join(
                gap_event(replace(each, resumed=first[each.partition]), position)
                for each, position in zip(gaps, ids, strict=True)
            )
        )

    def _events(self, partition: Partition, records: Sequence[ConsumerRecord]) -> bytes:
        """The records that pass the filter; the position moves past all of them."""
        found = bytearray()
        sent = Counter[str]()
        for record in records:
            self._position.next_offsets[partition] = record.offset + 1
            kind = self._changes.type_of(record.value)
            if kind is not None:
                found += event(kind, record.value, self._position.encoded())
                sent[partition[0]] += 1
        for topic, count in sent.items():
            self._meter.streamed(topic, count)
        return self._noted(bytes(found))

    def _gap(self, gap: Gap) -> bytes:
        self._position.next_offsets[gap.partition] = gap.resumed
        return self._noted(gap_event(gap, self._encoded()))

    def _heartbeat(self) -> bytes:
        if self._clock() - self._sent_s < HEARTBEAT_S:
            return b""
        return self._noted(heartbeat(self._encoded()))

    def _encoded(self) -> str:
        return self._position.encoded()

    def _noted(self, chunk: bytes) -> bytes:
        if chunk:
            self._sent_s = self._clock()
        return chunk


def recreated_topics(start: Position, id_hashes: Mapping[str, bytes]) -> list[Gap]:
    """A gap for each partition of a topic that has another id now than in the position."""
    return [
        Gap(partition, offset, 0, "made_anew")
        for partition, offset in start.next_offsets.items()
        if _differ(start.id_hashes.get(partition[0], UNKNOWN_ID), id_hashes[partition[0]])
    ]


def _differ(one: bytes, other: bytes) -> bool:
    return UNKNOWN_ID not in (one, other) and one != other


def event(name: str, data: bytes, position: str) -> bytes:
    """An event; a client resumes after the last one that it got whole."""
    lines = b"".join(b"data: %b\n" % line for line in data.splitlines())
    return b"id: %b\nevent: %b\n%b\n" % (position.encode(), name.encode(), lines)


def opening(position: str) -> bytes:
    """The start of a stream; a client that gets nothing else resumes from this position."""
    return b"retry: %d\nid: %b\n\n" % (RETRY_MS, position.encode())


def heartbeat(position: str) -> bytes:
    """A comment that keeps the connection open, with the position reached."""
    return b": alive\nid: %b\n\n" % position.encode()


def gap_event(gap: Gap, position: str) -> bytes:
    """An event that says which offsets are missing, and where reading goes on."""
    topic, partition = gap.partition
    data = {
        "topic": topic,
        "partition": partition,
        "asked_offset": gap.asked,
        "resumed_offset": gap.resumed,
        "reason": gap.reason,
    }
    return event("tierstream.gap", orjson.dumps(data), position)
