"""What should have come out: the canonical log, once through the pure core, without any crash."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from handlers.control_records import is_control
from handlers.decode.decode import IN_THE_LOG, decode
from handlers.events import Event
from handlers.merge.forwarding import Forwarded, Transfer
from handlers.merge.routing import Verdict
from handlers.outputs import Output
from handlers.partition import Partition
from handlers.reasons import PROCESSING_FAILED, Rejection
from handlers.state.customer import Customer, unpack
from handlers.state.partition_state import Source
from streams.kafka.forwarded import ForwardedRecord, read_forwarded
from streams.kafka.headers import cloud_event_headers, origin_of
from streams.kafka.topics import CUSTOMER_EVENTS
from tests.simulator.broker import Stored


class Letter(NamedTuple):
    """A dead letter of the engine: which record of the log, where it came from, why."""

    position: int
    source: Source | None
    reason: str
    is_keyless: bool = False


class Accepted(NamedTuple):
    """An event that counts, and for whom."""

    customer_id: str
    event: Event


class Passed(NamedTuple):
    """What goes on to another customer, with the value of the record as it came first."""

    forwarded: Forwarded
    event: bytes | None


class Retirement(NamedTuple):
    """Where a customer was erased by its retention, and whether it came back by that record."""

    position: int
    comes_back: bool


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
        forwarded: the records of the log from which others in this one follow, in its order.
        copies: what came here from others, by the record it follows from, repetitions too.
        passed: what goes on to other customers, by the record it follows from.
        accepted: the events that count here, by position; those told again and without effect too.
        joined: the customers to whom another was joined, by the position of the transfer.
        retirements: of each customer, in order.
        shortest_window_days: of all policies that were in force.
    """

    def __init__(self, number: int, log: Iterable[Stored]) -> None:
        self._number = number
        self.partition = Partition(is_whole=False)
        self.puts: list[Put] = []
        self.letters: list[Letter] = []
        self.states: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
        self.sources: dict[Source, int] = {}
        self.forwarded: dict[Source, int] = {}
        self.copies: dict[Source, list[ForwardedRecord]] = defaultdict(list)
        self.passed: dict[int, Passed] = {}
        self.accepted: dict[int, Accepted] = {}
        self.joined: dict[int, str] = {}
        self.retirements: dict[str, list[Retirement]] = defaultdict(list)
        self.shortest_window_days = 1 << 30
        for record in log:
            self._take(record)
            self._note_failures(record.offset)
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
                assert partition.control(record.offset, value) is None
            else:
                event = decode(value)
                assert isinstance(event, Rejection), "no stray record is an event"
                place = Source(CUSTOMER_EVENTS, self._number, record.offset)
                self.letters.append(Letter(record.offset, place, event.reason, is_keyless=True))
            return
        origin = origin_of(record.headers, key)
        source = None if origin is None else origin.source
        forwarded = read_forwarded(value, record.headers, CUSTOMER_EVENTS)
        if forwarded is not None:
            self.copies[forwarded.source].append(forwarded)
            if forwarded.source in self.forwarded:
                return
            self.forwarded[forwarded.source] = record.offset
        elif source is not None:
            if source in self.sources:
                return
            self.sources[source] = record.offset
        verdict = self._apply(record, None if forwarded is None else forwarded.content)
        if isinstance(verdict, Rejection):
            self.letters.append(Letter(record.offset, source, verdict.reason))
        elif verdict is not None:
            first = value if forwarded is None else forwarded.event
            self.passed[record.offset] = Passed(verdict, first)

    def _apply(self, record: Stored, forwarded: Forwarded | None) -> Verdict:
        partition = self.partition
        if isinstance(forwarded, Transfer):
            verdict = partition.take_transfer(record.offset, forwarded)
            if verdict is None:
                self.joined[record.offset] = forwarded.into
            return verdict
        attributes = cloud_event_headers(record.headers)
        event = partition.admit(record.value, attributes, IN_THE_LOG)
        if isinstance(event, Rejection):
            return event
        verdict = partition.apply(record.offset, event, forwarded)
        if verdict is None:
            customer_id = event.customer_id if forwarded is None else forwarded.into
            self.accepted[record.offset] = Accepted(customer_id, event)
        return verdict

    def _note_failures(self, position: int) -> None:
        """What followed from a record and raised is a dead letter of its own."""
        failures, self.partition.failures = self.partition.failures, []
        place = Source(CUSTOMER_EVENTS, self._number, position)
        for failure in failures:
            if failure.has_letter:
                self.letters.append(Letter(position, place, PROCESSING_FAILED))

    def _note(self, position: int) -> None:
        partition = self.partition
        window_days = partition.rules.window_days
        self.shortest_window_days = min(self.shortest_window_days, window_days)
        outbox = partition.context.outbox
        self.puts += [Put(position, output) for output in outbox]
        outbox.clear()
        for customer_id in partition.store.changed:
            found = _retirement_at(partition.store.get(customer_id), position)
            if found is not None:
                self.retirements[customer_id].append(found)
        for customer_id, packed in partition.store.pack_changed(0, partition.meta.format):
            self.states[customer_id].append((position, packed))


def _retirement_at(customer: Customer | None, position: int) -> Retirement | None:
    """What a record that changed a customer did by its retention; None if nothing."""
    if customer is None:
        return None
    if customer.erased:
        is_new = customer.retired_ms is not None and customer.erased_offset == position
        return Retirement(position, comes_back=False) if is_new else None
    is_new = bool(customer.retired) and customer.retired[-1].since == position
    return Retirement(position, comes_back=True) if is_new else None


def comparable(packed: bytes) -> Customer:
    """A state without what may differ: who wrote it, and what is remembered for a replay."""
    customer = unpack(packed)
    customer.epoch = 0
    customer.refused, customer.away, customer.retired = [], [], []
    return customer
