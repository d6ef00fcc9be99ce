"""A stream of changes, as the bytes to send."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import orjson
from aiokafka import ConsumerRecord

from serving.api.metrics import ApiMeter
from serving.api.sse.consumer import Lost, PlacesLost, Source
from serving.api.sse.filter import Selection
from serving.api.sse.position import BadPosition, Place, Positions

HEARTBEAT_S = 15.0
RETRY_MS = 3_000
_READ_WAIT_S = 1.0


class Changes:
    """The changes of one stream.

    Args:
        source: connected.
        selection: which changes.
        start: where to begin; read on as it is told, so that its id is always right.
        meter: told what was sent.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        source: Source,
        selection: Selection,
        start: Positions,
        meter: ApiMeter,
        clock: Callable[[], float],
    ) -> None:
        self._source = source
        self._selection = selection
        self._positions = start
        self._meter = meter
        self._clock = clock
        self._sent_s = clock()
        self._lost = made_anew(start, source.marks)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Bytes to send: events, gaps, signs of life; now and then nothing, to be looked after.

        Raises:
            KafkaError: Kafka refuses to be read.
        """
        yield opening(self._encoded())
        if self._lost:
            yield await self._leave_old_topics(self._lost)
        self._source.read_from(self._positions.next_offsets)
        while True:
            try:
                batches = await self._source.read(_READ_WAIT_S)
            except PlacesLost as found:
                yield b"".join(self._gap(lost) for lost in found.lost)
                continue
            for place, records in batches:
                yield self._told(place, records)
            yield self._heartbeat()

    async def _leave_old_topics(self, lost: Sequence[Lost]) -> bytes:
        """Positions in a topic that was deleted say nothing about the one of that name now.

        All gaps but the last bear the old position, so who does not get all is told again.
        """
        before = self._encoded()
        first = await self._source.beginnings([each.place for each in lost])
        self._positions.next_offsets |= first
        self._positions.marks = self._source.marks
        ids = [before] * (len(lost) - 1) + [self._encoded()]
        return self._noted(
            b"".join(
                gap(*each.place, each.asked, first[each.place], each.reason, position)
                for each, position in zip(lost, ids, strict=True)
            )
        )

    def _told(self, place: Place, records: Sequence[ConsumerRecord]) -> bytes:
        """The chosen ones of some records; the position moves past all of them."""
        found = bytearray()
        sent = Counter[str]()
        for record in records:
            self._positions.next_offsets[place] = record.offset + 1
            kind = self._selection.type_of(record.value)
            if kind is not None:
                found += event(kind, record.value, self._positions.encoded())
                sent[place[0]] += 1
        for topic, count in sent.items():
            self._meter.streamed(topic, count)
        return self._noted(bytes(found))

    def _gap(self, lost: Lost) -> bytes:
        self._positions.next_offsets[lost.place] = lost.resumed
        told = gap(*lost.place, lost.asked, lost.resumed, lost.reason, self._encoded())
        return self._noted(told)

    def _heartbeat(self) -> bytes:
        if self._clock() - self._sent_s < HEARTBEAT_S:
            return b""
        return self._noted(heartbeat(self._encoded()))

    def _encoded(self) -> str:
        return self._positions.encoded()

    def _noted(self, chunk: bytes) -> bytes:
        if chunk:
            self._sent_s = self._clock()
        return chunk


def made_anew(start: Positions, marks: Mapping[str, bytes]) -> list[Lost]:
    """The places of topics that are another incarnation than where the position is from."""
    unknown = b"\0" * 4
    return [
        Lost(place, offset, 0, "made_anew")
        for place, offset in start.next_offsets.items()
        if unknown not in (marks[place[0]], start.marks.get(place[0], unknown))
        and marks[place[0]] != start.marks[place[0]]
    ]


def resumed(given: Positions, wanted: Sequence[Place]) -> Positions:
    """The part of a position that a selection reads.

    Raises:
        BadPosition: it lacks something.
    """
    if not given.next_offsets.keys() >= set(wanted):
        raise BadPosition("the position belongs to another selection of topics or customers")
    return Positions({place: given.next_offsets[place] for place in wanted}, dict(given.marks))


def event(name: str, data: bytes, position: str) -> bytes:
    """An event; a client that got it whole goes on behind it."""
    lines = b"".join(b"data: %b\n" % line for line in data.splitlines())
    return b"id: %b\nevent: %b\n%b\n" % (position.encode(), name.encode(), lines)


def opening(position: str) -> bytes:
    """What a stream begins with: a client that gets nothing else goes on from there."""
    return b"retry: %d\nid: %b\n\n" % (RETRY_MS, position.encode())


def heartbeat(position: str) -> bytes:
    """A sign of life with the place reached, which no event follows from."""
    return b": alive\nid: %b\n\n" % position.encode()


def gap(topic: str, partition: int, asked: int, resumed: int, reason: str, position: str) -> bytes:
    """Changes that the client will never get, or gets again: the topic has them no longer."""
    data = {
        "topic": topic,
        "partition": partition,
        "asked_offset": asked,
        "resumed_offset": resumed,
        "reason": reason,
    }
    return event("tierstream.gap", orjson.dumps(data), position)
