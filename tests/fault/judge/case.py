"""The evidence, read: log entries, dead letters, states, and what the oracle makes of the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from tests.fault.evidence import (
    CHANGELOG,
    INPUT_TOPICS,
    LETTERS_TOPIC,
    LOG_TOPIC,
    Evidence,
    RawRecord,
)
from tests.fault.judge.wire import (
    PARTITION_KEY,
    Origin,
    Position,
    State,
    Unreadable,
    attributes_of,
    headers_of,
    origin_in_log,
    origin_of_letter,
    state_of,
)
from tests.oracle.log import LogRecord, Story, fold, is_log_control


@dataclass(frozen=True)
class Entry:
    """A record of the log.

    Attributes:
        is_control: a tick or a policy.
        is_repeated: its source position was in this partition before, or what comes after it in
            its source was, since a worker with a slow clock refused it: that dead letter stands.
    """

    partition: int
    record: RawRecord
    origin: Origin | None
    is_control: bool
    is_repeated: bool

    @property
    def is_poison(self) -> bool:
        """Whether it has no key, and is no control record either."""
        return self.record.key is None and not self.is_control

    @property
    def is_past_ingest(self) -> bool:
        """Whether somebody else than a worker wrote it."""
        return self.is_poison or (self.record.key is not None and self.origin is None)

    @property
    def position(self) -> Position:
        """Where it is itself."""
        return Position(LOG_TOPIC, self.partition, self.record.offset)

    def __str__(self) -> str:
        return f"{LOG_TOPIC}/{self.partition}/{self.record.offset}"


@dataclass(frozen=True)
class Letter:
    """A dead letter."""

    partition: int
    record: RawRecord
    origin: Origin | None

    @cached_property
    def said(self) -> dict[str, bytes]:
        """Its headers by name."""
        return headers_of(self.record)

    @property
    def about(self) -> object:
        """What tells it from letters about other records."""
        if self.origin is not None:
            return self.origin.position
        return self.partition, self.record.key, self.record.value

    @property
    def reason(self) -> str:
        """Its reason; empty if it has none."""
        return self.said.get("reason", b"").decode("utf-8", "replace")

    def __str__(self) -> str:
        return f"{LETTERS_TOPIC}/{self.partition}/{self.record.offset}"


@dataclass(frozen=True)
class Written:
    """A record of the changelog, read."""

    offset: int
    key: bytes
    state: State


@dataclass
class Case:
    """What all checks look at.

    Attributes:
        unreadable: sentences about records that are not as documented.
        inputs: each record of the input topics.
        log: each partition of the log.
        by_source: the entries of the log that come from a position.
        letters: the dead letters, in the order of their offsets by partition.
        written: each partition of the changelog.
        kept: for each partition of the changelog and key, what a restore keeps.
        stories: what the oracle makes of each partition of the log.
    """

    evidence: Evidence
    unreadable: list[str] = field(default_factory=list)
    inputs: dict[Position, RawRecord] = field(default_factory=dict)
    log: dict[int, list[Entry]] = field(default_factory=dict)
    by_source: dict[Position, list[Entry]] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    written: dict[int, list[Written]] = field(default_factory=dict)
    kept: dict[int, dict[bytes, Written]] = field(default_factory=dict)
    stories: dict[int, Story] = field(default_factory=dict)

    def records(self, topic: str) -> Iterator[tuple[int, RawRecord]]:
        """The records of a topic with their partitions."""
        for partition, records in sorted(self.evidence.topics.get(topic, {}).items()):
            for record in records:
                yield partition, record

    def applied(self, partition: int) -> int:
        """The last position of the log whose effects are durable, as a restore sees it."""
        own = self.kept.get(partition, {}).get(PARTITION_KEY)
        return -1 if own is None else own.state.applied

    @cached_property
    def past_ingest(self) -> dict[Position, Entry]:
        """What somebody wrote into the log, by where it is."""
        return {
            entry.position: entry
            for entries in self.log.values()
            for entry in entries
            if entry.is_past_ingest
        }

    @cached_property
    def letters_by_source(self) -> dict[Position, list[Letter]]:
        """The dead letters of each position."""
        found: dict[Position, list[Letter]] = {}
        for letter in self.letters:
            if letter.origin is not None:
                found.setdefault(letter.origin.position, []).append(letter)
        return found

    @cached_property
    def untimely(self) -> set[Position]:
        """What a worker refused as from the future: the next to take it may find it right."""
        return {
            letter.origin.position
            for letter in self.letters
            if letter.origin is not None and letter.reason == "from_the_future"
        }

    @cached_property
    def _taken_after_all(self) -> set[Position]:
        """What is untimely by its dead letter, and in the log with all its effects."""
        return {
            position
            for position in self.untimely
            if any(not entry.is_repeated for entry in self.by_source.get(position, []))
        }

    @cached_property
    def refused_by_engine(self) -> dict[tuple[int, int], tuple[str, str | None]]:
        """Reason and event id of what the engine refuses, by partition and offset of the log."""
        return {
            (partition, letter["line"]): (letter["reason"], letter["event_id"])
            for partition, story in self.stories.items()
            for letter in story.dead_letters
        }

    @cached_property
    def counts(self) -> Counter[str]:
        """How many records went in, and what became of them."""
        distinct = {
            letter.about
            for letter in self.letters
            if letter.origin is None or letter.origin.position not in self._taken_after_all
        }
        return Counter(
            records_in=len(self.inputs) + len(self.past_ingest),
            accepted=sum(story.accepted for story in self.stories.values()),
            duplicates=sum(story.duplicates for story in self.stories.values()),
            dead_letters=len(distinct),
        )


def read_case(evidence: Evidence) -> Case:
    """Read everything, and fold the log with the oracle."""
    case = Case(evidence)
    for topic in INPUT_TOPICS:
        for partition, record in case.records(topic):
            case.inputs[Position(topic, partition, record.offset)] = record
    _read_letters(case)
    _read_log(case)
    _read_changelog(case)
    for partition, entries in case.log.items():
        case.stories[partition] = _story(case, partition, entries)
    return case


def _read_log(case: Case) -> None:
    for partition in range(case.evidence.partitions):
        case.log[partition] = []
    seen: set[tuple[int, Position]] = set()
    newest: dict[tuple[int, Position], int] = {}
    incarnations: dict[str, set[str]] = {}
    for partition, record in case.records(LOG_TOPIC):
        origin = None
        try:
            if record.key is not None:
                origin = origin_in_log(record, case.evidence.prefix)
        except Unreadable as error:
            case.unreadable.append(f"{LOG_TOPIC}/{partition}/{record.offset}: {error}")
        is_control = record.key is None and is_log_control(record.value)
        is_repeated = False
        if origin is not None:
            source, offset = (partition, origin.position._replace(offset=0)), origin.position.offset
            is_overtaken = origin.position in case.untimely and offset < newest.get(source, -1)
            is_repeated = is_overtaken or (partition, origin.position) in seen
            newest[source] = max(offset, newest.get(source, -1))
        entry = Entry(partition, record, origin, is_control, is_repeated)
        case.log.setdefault(partition, []).append(entry)
        if origin is not None:
            seen.add((partition, origin.position))
            case.by_source.setdefault(origin.position, []).append(entry)
            if origin.incarnation:  # a worker that could not find out leaves it empty
                incarnations.setdefault(origin.position.topic, set()).add(origin.incarnation)
    for topic, found in incarnations.items():
        if len(found) > 1:
            case.unreadable.append(
                f"the log has records of {len(found)} topics named {topic}, one made after "
                "another: a worker must refuse that"
            )


def _read_letters(case: Case) -> None:
    for partition, record in case.records(LETTERS_TOPIC):
        origin = None
        try:
            origin = origin_of_letter(record, case.evidence.prefix)
        except Unreadable as error:
            case.unreadable.append(f"{LETTERS_TOPIC}/{partition}/{record.offset}: {error}")
        case.letters.append(Letter(partition, record, origin))


def _read_changelog(case: Case) -> None:
    for partition, record in case.records(CHANGELOG):
        if record.key is None:
            case.unreadable.append(f"{CHANGELOG}/{partition}/{record.offset}: it has no key")
            continue
        try:
            written = Written(record.offset, record.key, state_of(record))
        except Unreadable as error:
            case.unreadable.append(f"{CHANGELOG}/{partition}/{record.offset}: {error}")
            continue
        case.written.setdefault(partition, []).append(written)
        kept = case.kept.setdefault(partition, {})
        known = kept.get(record.key)
        if known is None or standing_of(written) >= standing_of(known):
            kept[record.key] = written


def standing_of(written: Written) -> tuple[int, int]:
    """By what a restore chooses among the records of a key."""
    return written.state.epoch, written.state.applied


def _story(case: Case, partition: int, entries: list[Entry]) -> Story:
    records = [
        LogRecord(
            entry.record.offset,
            entry.record.key,
            entry.record.value,
            attributes_of(entry.record.headers),
        )
        for entry in entries
        if not entry.is_repeated and not entry.is_poison
    ]
    try:
        return fold(records, case.applied(partition))
    except ValueError as error:
        case.unreadable.append(f"{LOG_TOPIC}/{partition}: {error}")
        return Story()
