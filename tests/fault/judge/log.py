"""The log, read: where each record comes from, and whether it came before."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tests.fault.evidence import LOG_TOPIC, RawRecord
from tests.fault.judge.forwarded import ForwardedRecord, forwarded_in_log
from tests.fault.judge.wire import Origin, Position, Unreadable, origin_in_log
from tests.oracle.log import is_log_control
from tests.oracle.log_records import Place


@dataclass(frozen=True)
class Entry:
    """A record of the log.

    Attributes:
        forwarded: what it passes from one customer to another, if it did not come in as it is.
        is_control: a tick or a policy.
        is_repeated: its source position was in this partition before, or what comes after it in
            its source was, since a worker with a slow clock refused it: that dead letter stands.
            What passes something on is known by the record it follows from.
    """

    partition: int
    record: RawRecord
    origin: Origin | None
    forwarded: ForwardedRecord | None
    is_control: bool
    is_repeated: bool

    @property
    def is_poison(self) -> bool:
        """Whether it has no key, and is no control record either."""
        return self.record.key is None and not self.is_control

    @property
    def is_past_ingest(self) -> bool:
        """Whether somebody else than a worker wrote it."""
        return self.is_poison or (
            self.record.key is not None and self.origin is None and self.forwarded is None
        )

    @property
    def position(self) -> Position:
        """Where it is itself."""
        return Position(LOG_TOPIC, self.partition, self.record.offset)

    def __str__(self) -> str:
        return f"{LOG_TOPIC}/{self.partition}/{self.record.offset}"


class LogReader:
    """Reads the records of each partition in their order.

    Args:
        prefix: of the topics.
        untimely: what a worker refused as from the future.
    """

    def __init__(self, prefix: str, untimely: Collection[Position]) -> None:
        self._prefix = prefix
        self._untimely = untimely
        self._unreadable: list[str] = []
        self._seen: set[tuple[int, Position]] = set()
        self._followed: set[tuple[int, Place]] = set()
        self._newest: dict[tuple[int, Position], int] = {}
        self._topic_ids: dict[str, set[str]] = {}

    def entry(self, partition: int, record: RawRecord) -> Entry:
        """The next record of a partition."""
        origin = forwarded = None
        try:
            if record.key is not None:
                origin = origin_in_log(record, self._prefix)
                forwarded = forwarded_in_log(record)
        except Unreadable as error:
            self._unreadable.append(f"{LOG_TOPIC}/{partition}/{record.offset}: {error}")
        is_control = record.key is None and is_log_control(record.value)
        is_repeated = False
        if forwarded is not None:
            is_repeated = self._is_known_forwarded(partition, forwarded)
        elif origin is not None:
            is_repeated = self._is_known(partition, origin)
        return Entry(partition, record, origin, forwarded, is_control, is_repeated)

    def problems(self) -> Iterator[str]:
        """What was unreadable, and what no log can have."""
        yield from self._unreadable
        for topic, found in self._topic_ids.items():
            if len(found) > 1:
                yield (
                    f"the log has records of {len(found)} topics named {topic}, one made after "
                    "another: a worker must refuse that"
                )

    def _is_known_forwarded(self, partition: int, forwarded: ForwardedRecord) -> bool:
        follows_from = partition, forwarded.arrival.follows_from
        is_known = follows_from in self._followed
        self._followed.add(follows_from)
        return is_known

    def _is_known(self, partition: int, origin: Origin) -> bool:
        position, offset = origin.position, origin.position.offset
        source = partition, position._replace(offset=0)
        newest = self._newest.get(source, -1)
        is_overtaken = position in self._untimely and offset < newest
        is_known = is_overtaken or (partition, position) in self._seen
        self._newest[source] = max(offset, newest)
        self._seen.add((partition, position))
        if origin.topic_id:  # a worker that could not find out leaves it empty
            self._topic_ids.setdefault(position.topic, set()).add(origin.topic_id)
        return is_known
