"""What an episode leaves behind: all that a judge may look at, without any code of the product.

It fits into one file, so a verdict can be repeated when the servers are long gone.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tests.harness.life import ProcessLife

INPUT_TOPICS = ("orders", "browse", "support", "profiles")
LOG_TOPIC = "customer-events"
OUTPUT_TOPICS = ("tier-changes", "dormancy-alerts", "care-reminders", "profile-changes")
PROFILES_TOPIC = "customer-profiles"
LETTERS_TOPIC = "dead-letters"
CHANGELOG = "changelog"
ALL_TOPICS = (
    *INPUT_TOPICS,
    LOG_TOPIC,
    *OUTPUT_TOPICS,
    PROFILES_TOPIC,
    LETTERS_TOPIC,
    CHANGELOG,
)

Header = tuple[str, bytes | None]
Place = tuple[str, int]
"""A short topic name and a partition."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as Kafka has it."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]


@dataclass(frozen=True, slots=True)
class SentRecord:
    """A record that the load wrote.

    Attributes:
        topic: its short name; also `customer-events`, for what was written past ingest.
        partition: where it is; None if Kafka never acknowledged it, so it may be there or not.
        offset: likewise.
        sort: why it was sent: ``good``, ``duplicate`` (same bytes again), ``late``, ``conflict``,
            ``odd`` (looks bad and is good), ``bad``, ``too_large``, ``poison`` (without a key, past
            ingest), ``probe`` or ``tick``.
        reason: the reason that its dead letter must bear; None if it must have none, or if that
            depends on the state.
        at_s: when it was sent, in seconds since the episode began.
    """

    topic: str
    partition: int | None
    offset: int | None
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    sort: str
    reason: str | None
    at_s: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Positions and sizes at one moment. What was committed is read first, then the ends.

    Attributes:
        at_s: when the reading began, in seconds since the episode began.
        committed: the group's positions by short topic name and partition.
        ends: end offsets of all topics, likewise.
        rss_bytes: resident memory by the name of the process.
        lag: records of the inputs and the log that are not committed.
    """

    at_s: float
    committed: Mapping[Place, int]
    ends: Mapping[Place, int]
    rss_bytes: Mapping[str, int]
    lag: int


@dataclass(frozen=True, slots=True)
class FaultSpan:
    """A fault as it was done; `ended_s` is when it was healed."""

    kind: str
    target: str
    began_s: float
    ended_s: float


@dataclass(frozen=True, slots=True)
class ClockJump:
    """The wall clock of a process was set off by so much, from one time to another."""

    name: str
    began_s: float
    ended_s: float
    offset_ms: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything of one episode.

    Attributes:
        seed: replays the episode.
        prefix: of the topics' full names.
        app_id: the application, as in `source` of the outputs.
        partitions: of the log, the outputs and the changelog.
        mode: ``live`` or ``replay``.
        allowed_lateness_ms: as the workers were set up.
        policies: parsed TOML of each policy, in the order in which they were published.
        topics: records by short topic name and partition, oldest first, as at the very end.
        sent: what the load wrote, in order.
        redis: the fields of each customer in the view, by id.
        samples: oldest first.
        faults: in the order of their beginning.
        processes: in the order of their start.
        clock_jumps: in the order of their beginning.
        began_ms: wall time of the beginning, in milliseconds since 1970.
        healed_s: when the last fault was healed.
        drained_s: when nothing was left to do after that; None if it never came to that.
        restored_s: when a single fresh worker had restored everything; None likewise.
    """

    seed: int
    prefix: str
    app_id: str
    partitions: int
    mode: str
    allowed_lateness_ms: int
    policies: Sequence[Mapping[str, Any]]
    topics: Mapping[str, Mapping[int, Sequence[RawRecord]]]
    sent: Sequence[SentRecord]
    redis: Mapping[str, Mapping[str, str]]
    samples: Sequence[Sample]
    faults: Sequence[FaultSpan]
    processes: Sequence[ProcessLife]
    clock_jumps: Sequence[ClockJump]
    began_ms: int
    healed_s: float
    drained_s: float | None
    restored_s: float | None

    def save(self, file: Path) -> None:
        """Write everything to one compressed file."""
        file.write_bytes(gzip.compress(msgspec.msgpack.encode(self), compresslevel=3))

    @classmethod
    def load(cls, file: Path) -> Evidence:
        """Read what `save` wrote."""
        return msgspec.msgpack.decode(gzip.decompress(file.read_bytes()), type=cls)
