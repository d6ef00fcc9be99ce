"""The topics that the view is made from, and the writer of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from redis.asyncio import Redis

from config.settings import Settings
from handlers.outputs import CUSTOMER_PROFILES, DORMANCY_ALERTS, TIER_CHANGES
from serving.projector.batches import Batch, change_chunks, profile_chunks
from serving.projector.metrics import ViewMeter
from serving.view.change_records import LevelRecord, MoveRecord, read_level, read_move
from serving.view.changes_writer import LevelsWriter, MovesWriter
from serving.view.chunks import Chunk
from serving.view.generation import Applied, Generation, StoredOffset
from serving.view.keys import REMOVALS_KEPT_MS
from serving.view.profile_record import ProfileRecord
from streams.kafka.topics import topic_name


class _ChangesSource:
    """What both topics of changes have in common.

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
        self._kept_ms = settings.changes_kept.ms


class MovesSource(_ChangesSource):
    """`tier-changes`, for the counts of moves between tiers.

    Args:
        settings: of the deployment.
        redis: a client that returns bytes.
    """

    def __init__(self, settings: Settings, redis: Redis) -> None:
        super().__init__(settings, redis, TIER_CHANGES, "moves")

    def writer(self, generation: Generation) -> MovesWriter:
        """Writes the moves of a generation."""
        return MovesWriter(self._redis, generation, self._kept_ms)

    def read(
        self, batch: Batch, next_offsets: Mapping[int, int], meter: ViewMeter
    ) -> list[Chunk[MoveRecord]]:
        """The moves of a batch, cut up."""
        return change_chunks(batch, next_offsets, read_move, meter)


class LevelsSource(_ChangesSource):
    """`dormancy-alerts`, for the customers who reached a level.

    Args:
        settings: of the deployment.
        redis: a client that returns bytes.
    """

    def __init__(self, settings: Settings, redis: Redis) -> None:
        super().__init__(settings, redis, DORMANCY_ALERTS, "levels")

    def writer(self, generation: Generation) -> LevelsWriter:
        """Writes the levels of a generation."""
        return LevelsWriter(self._redis, generation, self._kept_ms)

    def read(
        self, batch: Batch, next_offsets: Mapping[int, int], meter: ViewMeter
    ) -> list[Chunk[LevelRecord]]:
        """The levels of a batch, cut up."""
        return change_chunks(batch, next_offsets, read_level, meter)


R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)


class ViewWriter(Protocol[R_contra]):
    """Writes the part of a generation that comes from one topic."""

    async def stored_offsets(self, partitions: Iterable[int]) -> dict[int, StoredOffset | None]:
        """The stored offset of each of ``partitions``; None where there is none."""

    async def may_begin(self, partitions: Iterable[int], /) -> bool:
        """Whether everything that must be written before these partitions is there."""

    async def begin(self, partition: int, offset: int, now_ms: int) -> None:
        """Store ``offset``: all records before it are applied, or gone from the topic."""

    async def apply(self, chunks: Sequence[Chunk[R_contra]], current_ms: int = 0) -> Applied:
        """Apply chunks in order; those of one partition must follow each other without a gap.

        What was applied before is skipped, so a failed attempt can be repeated.

        Args:
            chunks: what to apply; a chunk without records only checks the stored offset.
            current_ms: the wall time, if after these chunks Redis lacks nothing; else 0.

        Raises:
            StaleWriter: read the stored offsets again, and resume from there.
        """


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


class ProfilesWriter:
    """Writes the profiles of a generation, and keeps erased customers out of its levels.

    Args:
        generation: where the profiles go.
        levels: writes the levels of the same generation.
    """

    def __init__(self, generation: Generation, levels: LevelsWriter) -> None:
        self._generation = generation
        self._levels = levels

    async def stored_offsets(self, partitions: Iterable[int]) -> dict[int, StoredOffset | None]:
        """The stored offset of each of ``partitions``; None where there is none."""
        return await self._generation.stored_offsets(partitions)

    async def may_begin(self, _partitions: Iterable[int], /) -> bool:
        """Nothing must be written before profiles."""
        return True

    async def begin(self, partition: int, offset: int, now_ms: int) -> None:
        """Store ``offset``: all records before it are applied, or gone from the topic."""
        await self._generation.begin(partition, offset, now_ms)

    async def apply(self, chunks: Sequence[Chunk[ProfileRecord]], current_ms: int = 0) -> Applied:
        """As `Generation.apply`."""
        # First, because a record that was applied does not come again.
        await self._levels.forget(
            [record.customer_id for chunk in chunks for record in chunk.records if record.removes]
        )
        applied = await self._generation.apply(chunks, current_ms)
        if current_ms:
            await self._levels.note_profiles_complete(
                [chunk.partition for chunk in chunks], current_ms
            )
        return applied


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
        self._levels = LevelsSource(settings, redis)

    def writer(self, generation: Generation) -> ProfilesWriter:
        """Writes the profiles of a generation."""
        return ProfilesWriter(generation, self._levels.writer(generation))

    def read(
        self, batch: Batch, next_offsets: Mapping[int, int], meter: ViewMeter
    ) -> list[Chunk[ProfileRecord]]:
        """The profiles of a batch, cut up."""
        return profile_chunks(batch, next_offsets, meter)


SOURCES = 3
"""How many topics the view is made from."""


def view_sources(settings: Settings, redis: Redis) -> tuple[Source[Any], ...]:
    """The topics of the view; profiles first, since the levels ask which customers there are."""
    return (
        ProfilesSource(settings, redis),
        MovesSource(settings, redis),
        LevelsSource(settings, redis),
    )
