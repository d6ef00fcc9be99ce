"""What should have come out: the canonical log, once through the pure core, without any crash."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from handlers.customer import Customer, unpack
from handlers.decode import IN_THE_LOG, decode
from handlers.log import is_control
from handlers.outputs import Output
from handlers.partition import Partition, Source
from handlers.reasons import Rejection
from streams.records import cloud_event_headers, origin_of
from streams.topics import CUSTOMER_EVENTS
from tests.simulator.broker import Stored


class Letter(NamedTuple):
    """A dead letter of the engine: which record of the log, where it came from, why."""

    position: int
    source: Source | None
    reason: str


class Put(NamedTuple):
    """An output, and the record of the log after which it was put out."""

    position: int
    output: Output


class Fold:
    """One partition of the log, folded.

    Attributes:
        partition: as it is at the end.
        puts: all outputs, in order.
        letters: all dead letters, in order.
        states: the state of each customer after each record that changed it, by position.
        sources: the positions of upstream's records that are in the log, in the log's order.
    """

    def __init__(self, number: int, log: Iterable[Stored]) -> None:
        self._number = number
        self.partition = Partition()
        self.puts: list[Put] = []
        self.letters: list[Letter] = []
        self.states: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
        self.sources: dict[Source, int] = {}
        for record in log:
            self._take(record)
            self._note(record.offset)

    def state_at(self, customer_id: str, position: int) -> bytes | None:
        """The packed state after a position of the log; None if there was none yet."""
        found = None
        for at, packed in self.states[customer_id]:
            if at > position:
                break
            found = packed
        return found

    def _take(self, record: Stored) -> None:
        partition, key, value = self.partition, record.key, record.value
        if key is None:
            if value is not None and is_control(value):
                partition.control(record.offset, value)
            else:
                event = decode(value)
                assert isinstance(event, Rejection), "no stray record is an event"
                place = Source(CUSTOMER_EVENTS, self._number, record.offset)
                self.letters.append(Letter(record.offset, place, event.reason))
            return
        origin = origin_of(record.headers, key)
        source = None if origin is None else origin.source
        if source is not None:
            if source in self.sources:
                return
            self.sources[source] = record.offset
        event = partition.admit(value, cloud_event_headers(record.headers), IN_THE_LOG)
        if not isinstance(event, Rejection):
            rejection = partition.apply(record.offset, event)
            if rejection is None:
                return
            event = rejection
        self.letters.append(Letter(record.offset, source, event.reason))

    def _note(self, position: int) -> None:
        partition = self.partition
        outbox = partition.context.outbox
        self.puts += [Put(position, output) for output in outbox]
        outbox.clear()
        for customer_id, packed in partition.store.pack_changed(0):
            self.states[customer_id].append((position, packed))


def comparable(packed: bytes) -> Customer:
    """A state without what may differ: who wrote it, and what is remembered for a replay."""
    customer = unpack(packed)
    customer.epoch = 0
    customer.refused = []
    return customer
