"""The topics that the view is made from, and the writer of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from redis.asyncio import Redis

from config.settings import Settings
from handlers.outputs import (
    CARE_REMINDERS,
    CUSTOMER_PROFILES,
    DORMANCY_ALERTS,
    PROFILE_CHANGES,
    TIER_CHANGES,
)
from serving.projector.batches import Batch, change_chunks, profile_chunks
from serving.projector.metrics import ViewMeter
from serving.view.change_records import LevelRecord, MoveRecord, read_level, read_move
from serving.view.changes_writer import LevelsWriter, MovesWriter
from serving.view.chunks import Chunk, Numbered
from serving.view.generation import Generation, ViewWriter
from serving.view.keys import REMOVALS_KEPT_MS
from serving.view.profile_record import ProfileRecord
from serving.view.profiles_writer import ProfilesWriter
from serving.view.timeline_records import PassedRecord, Told, read_passed, told
from serving.view.timeline_writer import OffsetsWriter, Timelines, TimelineWriter
from streams.kafka.topics import topic_name

K = TypeVar("K", bound=Numbered)


class _OutputsSource:
    """What all topics of outputs have in common.

    Args:
        settings: of the deployment.
        redis: a client that returns bytes.
        topic: without the prefix.
        name: what the keys of its part of the view begin with.
    """

    sweeps = False
    removals_kept_ms = None

    def __init__(self, settings: Settings, redis: Redis, topic: str, name: str) -> None:
        self.topic = topic_name(settings, topic)
        self.group = f"{settings.app_id}-view-{name}"
        self.offsets_key = f"{name}:positions"
        self._redis = redis
        self._name = name
        self._kept_ms = settings.changes_kept.ms
        self._entries = settings.timeline_entries

    def _with_timeline(self, writer: ViewWriter[K], generation: Generation) -> TimelineWriter[K]:
        timelines = Timelines(self._redis, generation, self._entries)
        levels = LevelsWriter(self._redis, generation, self._kept_ms)
        return TimelineWriter(writer, timelines, levels)


class MovesSource(_OutputsSource):
    """`tier-changes`, for the counts of moves between tiers and for timelines.

    Args:
        settings: of the deployment.
        redis: a client that returns bytes.
    """

    def __init__(self, settings: Settings, redis: Redis) -> None:
        super().__init__(settings, redis, TIER_CHANGES, "moves")

    def writer(self, generation: Generation) -> TimelineWriter[MoveRecord]:
        """Writes the moves of a generation."""
        moves = MovesWriter(self._redis, generation, self._kept_ms)
        return self._with_timeline(moves, generation)

    def read(
        self, batch: Batch, next_offsets: Mapping[int, int], meter: ViewMeter
    ) -> list[Chunk[Told[MoveRecord]]]:
        """The moves of a batch, cut up."""
        return change_chunks(batch, next_offsets, told(read_move), meter)


class LevelsSource(_OutputsSource):
    """`dormancy-alerts`, for the customers who reached a level and for timelines.

    Args:
        settings: of the deployment.
        redis: a client that returns bytes.
    """

    def __init__(self, settings: Settings, redis: Redis) -> None:
        super().__init__(settings, redis, DORMANCY_ALERTS, "levels")

    def writer(self, generation: Generation) -> TimelineWriter[LevelRecord]:
        """Writes the levels of a generation."""
        levels = LevelsWriter(self._redis, generation, self._kept_ms)
        return self._with_timeline(levels, generation)

    def read(
        self, batch: Batch, next_offsets: Mapping[int, int], meter: ViewMeter
    ) -> list[Chunk[Told[LevelRecord]]]:
        """The levels of a batch, cut up."""
        return change_chunks(batch, next_offsets, told(read_level), meter)


class TimelineSource(_OutputsSource):
    """A topic of which only timelines keep something.

    Args:
        settings: of the deployment.
        redis: a client that returns bytes.
        topic: without the prefix.
        name: what its keys begin with.
    """

    def writer(self, generation: Generation) -> TimelineWriter[PassedRecord]:
        """Writes what the topic adds to the timelines of a generation."""
        offsets = OffsetsWriter(self._redis, generation, self._name)
        return self._with_timeline(offsets, generation)

    def read(
        self, batch: Batch, next_offsets: Mapping[int, int], meter: ViewMeter
    ) -> list[Chunk[Told[PassedRecord]]]:
        """The outputs of a batch, cut up."""
        return change_chunks(batch, next_offsets, told(read_passed), meter)


R = TypeVar("R")


class Source(Protocol[R]):
    """A topic whose records go into each generation.

    Attributes:
        topic: its full name.
        group: the consumer group that shares its partitions.
        offsets_key: name of the hash with its stored offsets, after the generation's own prefix.
        sweeps: whether its loop also deletes what interrupted rebuilds left.
    """

    topic: str
    group: str
    offsets_key: str
    sweeps: bool

    @property
    def removals_kept_ms(self) -> int | None:
        """How long Kafka surely keeps the record of an erasure; None if the topic has none.

        A view that was behind for longer may have missed one.
        """

    def writer(self, generation: Generation) -> ViewWriter[R]:
        """Writes its records to a generation."""

    def read(
        self, batch: Batch, next_offsets: Mapping[int, int], meter: ViewMeter
    ) -> list[Chunk[R]]:
        """The records of ``batch``, read and cut up; the unreadable are counted and left out.

        Args:
            batch: records by partition, in order.
            next_offsets: for each partition the offset that Redis has reached.
            meter: counts unreadable records.
        """


class ProfilesSource:
    """The topic of profiles.

    Args:
        settings: of the deployment.
        redis: a client that returns bytes.
    """

    sweeps = True
    removals_kept_ms = REMOVALS_KEPT_MS

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self.topic = topic_name(settings, CUSTOMER_PROFILES)
        self.group = f"{settings.app_id}-view"
        self.offsets_key = "positions"
        self._redis = redis
        self._kept_ms = settings.changes_kept.ms
        self._entries = settings.timeline_entries

    def writer(self, generation: Generation) -> ProfilesWriter:
        """Writes the profiles of a generation."""
        levels = LevelsWriter(self._redis, generation, self._kept_ms)
        timelines = Timelines(self._redis, generation, self._entries)
        return ProfilesWriter(generation, levels, timelines)

    def read(
        self, batch: Batch, next_offsets: Mapping[int, int], meter: ViewMeter
    ) -> list[Chunk[ProfileRecord]]:
        """The profiles of a batch, cut up."""
        return profile_chunks(batch, next_offsets, meter)


SOURCES = 5
"""How many topics the view is made from."""


def view_sources(settings: Settings, redis: Redis) -> tuple[Source[Any], ...]:
    """The topics of the view; profiles first: all others ask which customers there are."""
    return (
        ProfilesSource(settings, redis),
        MovesSource(settings, redis),
        LevelsSource(settings, redis),
        TimelineSource(settings, redis, CARE_REMINDERS, "reminders"),
        TimelineSource(settings, redis, PROFILE_CHANGES, "profile-changes"),
    )
