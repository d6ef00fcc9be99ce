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
from tests.fault.judge.log import Entry, LogReader
from tests.fault.judge.wire import (
    PARTITION_KEY,
    Origin,
    Position,
    State,
    Unreadable,
    attributes_of,
    headers_of,
    origin_of_letter,
    partition_of,
    state_of,
)
from tests.oracle.log import LogRecord, Story, fold_all
from tests.oracle.log_records import Place


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
        by_source: the entries of the log that come from a position, as they are.
        follows_from: the entries that pass on what is at a partition and offset of the log.
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
    follows_from: dict[Place, list[Entry]] = field(default_factory=dict)
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

    def refusal_of(self, entry: Entry) -> tuple[str, str | None] | None:
        """Why the engine refuses an entry, or what passes on from it, wherever that ends."""
        seen: set[Place] = set()
        while (place := (entry.partition, entry.record.offset)) not in seen:
            seen.add(place)
            passed_on = [e for e in self.follows_from.get(place, []) if not e.is_repeated]
            if place[1] not in self.stories[place[0]].passed or not passed_on:
                break
            entry = passed_on[0]
        return self.refused_by_engine.get((entry.partition, entry.record.offset))

    @cached_property
    def _taken_back(self) -> int:
        """How many merges were accepted first and refused where they came to."""
        return sum(
            entry.forwarded is not None
            and entry.forwarded.arrival.is_transfer
            and (partition, entry.record.offset) in self.refused_by_engine
            for partition, entries in self.log.items()
            for entry in entries
        )

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
            accepted=sum(story.accepted for story in self.stories.values()) - self._taken_back,
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
    _read_stories(case)
    return case


def _read_log(case: Case) -> None:
    case.log = {partition: [] for partition in range(case.evidence.partitions)}
    reader = LogReader(case.evidence.prefix, case.untimely)
    for partition, record in case.records(LOG_TOPIC):
        entry = reader.entry(partition, record)
        case.log.setdefault(partition, []).append(entry)
        if entry.forwarded is not None:
            case.follows_from.setdefault(entry.forwarded.arrival.follows_from, []).append(entry)
        elif entry.origin is not None:
            case.by_source.setdefault(entry.origin.position, []).append(entry)
    case.unreadable += reader.problems()


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


def _has_gone_astray(case: Case, entry: Entry) -> bool:
    """Whether it has come to where nobody can be whom it goes to."""
    if entry.forwarded is None:
        return False
    into = entry.forwarded.arrival.way.into.encode()
    return partition_of(into, case.evidence.partitions) != entry.partition


def _read_stories(case: Case) -> None:
    logs = {
        partition: [
            LogRecord(
                entry.record.offset,
                entry.record.key,
                entry.record.value,
                attributes_of(entry.record.headers),
                None if entry.forwarded is None else entry.forwarded.arrival,
            )
            for entry in entries
            if not (entry.is_repeated or entry.is_poison or _has_gone_astray(case, entry))
        ]
        for partition, entries in case.log.items()
    }
    try:
        case.stories = fold_all(logs, {partition: case.applied(partition) for partition in logs})
    except (ValueError, KeyError, AssertionError) as error:
        case.unreadable.append(f"{LOG_TOPIC} cannot be: {type(error).__name__} {error}")
        case.stories = {partition: Story() for partition in logs}
