"""Several partitions of one log in memory: what passes between them arrives some time later."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from msgspec import Raw
from msgspec.structs import replace

from handlers.control_records import is_control
from handlers.decode.decode import IN_THE_LOG
from handlers.merge.forwarding import (
    Forwarded,
    ForwardedEvent,
    Hop,
    Route,
    Transfer,
    encode_forwarded,
)
from handlers.merge.routing import Verdict
from handlers.outputs import Output
from handlers.partition import Partition
from handlers.reasons import Rejection
from tests.oracle.forwarded import Hop as OracleHop
from tests.oracle.forwarded import Way
from tests.oracle.log import Arrival, LogRecord


@dataclass
class Member:
    """One partition: its state, its log as the oracle reads it and as a dump has it."""

    partition: Partition = field(default_factory=lambda: Partition(is_whole=False))
    records: list[LogRecord] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    outputs: list[tuple[int, Output]] = field(default_factory=list)
    letters: list[dict[str, Any]] = field(default_factory=list)
    passed: dict[int, Forwarded] = field(default_factory=dict)


@dataclass(frozen=True)
class _Envelope:
    """What passes on, the value of the event's record, and the record it follows from."""

    forwarded: Forwarded
    event: bytes
    follows_from: tuple[int, int]


class Partitions:
    """Partitions by number; each customer belongs to one of them."""

    def __init__(self, random: Random, count: int) -> None:
        self._random = random
        self.members = [Member() for _ in range(count)]
        # One queue from each partition to each other: order is kept on each way.
        self._queues: dict[tuple[int, int], deque[_Envelope]] = defaultdict(deque)

    def home_of(self, customer_id: str) -> int:
        """The partition of a customer."""
        return sum(customer_id.encode()) % len(self.members)

    def feed(self, lines: Sequence[bytes], arrival_rate: float) -> None:
        """Take records, while what they pass on arrives now and then, and all of it in the end."""
        for line in lines:
            self.take(line)
            while self._random.random() < arrival_rate and self._deliver():
                pass
        self.arrive()

    def take(self, line: bytes) -> None:
        """Take an event into its partition, or a tick or a policy into all."""
        numbers = range(len(self.members)) if is_control(line) else [self._home_of_line(line)]
        for number in numbers:
            self._take(number, line)

    def arrive(self) -> None:
        """Let all that is still on its way arrive."""
        while self._deliver():
            pass

    def _home_of_line(self, line: bytes) -> int:
        return self.home_of(json.loads(line)["customer_id"])

    def _deliver(self) -> bool:
        waiting = [way for way, queue in sorted(self._queues.items()) if queue]
        if not waiting:
            return False
        source, target = self._random.choice(waiting)
        self._take(target, b"", self._queues[source, target].popleft())
        return True

    def _take(self, number: int, line: bytes, envelope: _Envelope | None = None) -> None:
        member = self.members[number]
        offset = len(member.records)
        if envelope is None and is_control(line):
            member.records.append(LogRecord(offset, None, line))
            member.lines.append(line)
            member.partition.control(offset, line)
        elif envelope is None:
            key = json.loads(line)["customer_id"].encode()
            member.records.append(LogRecord(offset, key, line))
            member.lines.append(line)
            self._settle(number, offset, line, _apply(member, offset, line, None))
        else:
            forwarded, event = envelope.forwarded, envelope.event
            is_transfer = isinstance(forwarded, Transfer)
            arrival = Arrival(envelope.follows_from, way_of(forwarded), is_transfer)
            key, value = forwarded.into.encode(), None if is_transfer else event
            member.records.append(LogRecord(offset, key, value, arrival=arrival))
            member.lines.append(encode_forwarded(replace(forwarded, event=Raw(event))))
            self._settle(number, offset, event, _apply(member, offset, event, forwarded))
        outbox = member.partition.context.outbox
        member.outputs += [(offset, output) for output in outbox]
        outbox.clear()

    def _settle(self, number: int, offset: int, event: bytes, verdict: Verdict) -> None:
        member = self.members[number]
        if isinstance(verdict, Rejection):
            letter = {"reason": verdict.reason, "event_id": verdict.event_id, "line": offset}
            member.letters.append(letter)
        elif verdict is not None:
            member.passed[offset] = verdict
            envelope = _Envelope(verdict, event, (number, offset))
            self._queues[number, self.home_of(verdict.into)].append(envelope)


def _apply(member: Member, offset: int, event: bytes, forwarded: Forwarded | None) -> Verdict:
    partition = member.partition
    if isinstance(forwarded, Transfer):
        return partition.take_transfer(offset, forwarded)
    admitted = partition.admit(event, None, IN_THE_LOG)
    if isinstance(admitted, Rejection):
        return admitted
    assert forwarded is None or isinstance(forwarded, ForwardedEvent)
    return partition.apply(offset, admitted, forwarded)


def way_of(route: Route) -> Way:
    """A way as the oracle has it."""

    def hop(given: Hop) -> OracleHop:
        return OracleHop(given.customer_id, given.number)

    back = None if route.back is None else hop(route.back)
    return Way(route.into, tuple(hop(each) for each in route.via), back)
