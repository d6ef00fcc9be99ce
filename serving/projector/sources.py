"""The topics that the ledgers of changes are made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from redis.asyncio import Redis

from config.settings import Settings
from handlers.outputs import CUSTOMER_PROFILES, DORMANCY_ALERTS, TIER_CHANGES
from serving.projector.decode import Batch, change_chunks, profile_chunks
from serving.projector.metrics import ViewMeter
from serving.view.change_counts import Levels, Moves
from serving.view.change_records import LevelRecord, MoveRecord, read_level, read_move
from serving.view.chunks import Chunk
from serving.view.generation import Applied, Generation, Place
from serving.view.keys import REMOVALS_KEPT_MS
from serving.view.profile_record import ProfileRecord
from streams.kafka.topics import topic_name


class _ChangeStream:
    """What both have in common.

    Args:
        settings: of the deployment.
        redis: a client that returns bytes.
        topic: without the prefix.
        ledger: what the ledger's keys begin with.
    """

    sweeps = False
    removals_kept_ms = None

    def __init__(self, settings: Settings, redis: Redis, topic: str, ledger: str) -> None:
        self.topic = topic_name(settings, topic)
        self.group = f"{settings.app_id}-view-{ledger}"
        self.positions = f"{ledger}:positions"
        self._redis = redis
        self._kept_ms = settings.changes_kept.ms


class MoveStream(_ChangeStream):
    """`tier-changes`, into the moves between tiers.

    Args:
        settings: of the deployment.
        redis: a client that returns bytes.
    """

    def __init__(self, settings: Settings, redis: Redis) -> None:
        super().__init__(settings, redis, TIER_CHANGES, "moves")

    def into(self, generation: Generation) -> Moves:
        """The moves of a generation."""
        return Moves(self._redis, generation, self._kept_ms)

    def read(
        self, batch: Batch, next_offsets: Mapping[int, int], meter: ViewMeter
    ) -> list[Chunk[MoveRecord]]:
        """The moves of a batch, cut up."""
        return change_chunks(batch, next_offsets, read_move, meter)


class LevelStream(_ChangeStream):
    """`dormancy-alerts`, into the levels that customers reached.

    Args:
        settings: of the deployment.
        redis: a client that returns bytes.
    """

    def __init__(self, settings: Settings, redis: Redis) -> None:
        super().__init__(settings, redis, DORMANCY_ALERTS, "levels")

    def into(self, generation: Generation) -> Levels:
        """The levels of a generation."""
        return Levels(self._redis, generation, self._kept_ms)

    def read(
        self, batch: Batch, next_offsets: Mapping[int, int], meter: ViewMeter
    ) -> list[Chunk[LevelRecord]]:
        """The levels of a batch, cut up."""
        return change_chunks(batch, next_offsets, read_level, meter)


R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)


class Target(Protocol[R_contra]):
    """The part of a generation that is made from one topic."""

    async def places(self, partitions: Iterable[int]) -> dict[int, Place | None]:
        """How far it has come in each of ``partitions``; None where it has not begun."""

    async def may_begin(self, partitions: Iterable[int], /) -> bool:
        """Whether all is there that must come before the first record of these partitions."""

    async def begin(self, partition: int, offset: int, now_ms: int) -> None:
        """Note that everything before ``offset`` is known, or gone from the topic."""

    async def apply(self, chunks: Sequence[Chunk[R_contra]], current_ms: int = 0) -> Applied:
        """Apply chunks in order; those of one partition must follow each other without a gap.

        Whatever was applied before is skipped, so an attempt that broke off can be repeated.

        Args:
            chunks: what to apply; a chunk without records only checks the position.
            current_ms: the wall time, if after these chunks nothing is lacking.

        Raises:
            PlaceLost: look again where the view stands, and go on from there.
        """


class Stream(Protocol[R]):
    """A topic whose records are carried into each generation.

    Attributes:
        topic: its full name.
        group: the consumer group that shares its partitions.
        positions: name of the places, after what the keys of a generation begin with.
        sweeps: whether its loop also deletes what interrupted rebuilds left.
    """

    topic: str
    group: str
    positions: str
    sweeps: bool

    @property
    def removals_kept_ms(self) -> int | None:
        """How long Kafka surely keeps the record that takes a customer away, if there are such.

        A view that was behind for longer may have missed one.
        """

    def into(self, generation: Generation) -> Target[R]:
        """Where its records go in a generation."""

    def read(
        self, batch: Batch, next_offsets: Mapping[int, int], meter: ViewMeter
    ) -> list[Chunk[R]]:
        """The records of ``batch``, read and cut up; the unreadable are counted and left out.

        Args:
            batch: records by partition, in order.
            next_offsets: the position of each partition before the batch.
            meter: told about unreadable records.
        """


class Profiles:
    """The profiles of a generation; the levels are told what they have to know about them.

    Args:
        generation: where the profiles go.
        levels: of the same generation.
    """

    def __init__(self, generation: Generation, levels: Levels) -> None:
        self._generation = generation
        self._levels = levels

    async def places(self, partitions: Iterable[int]) -> dict[int, Place | None]:
        """How far the generation has come in each of ``partitions``; None where nowhere."""
        return await self._generation.places(partitions)

    async def may_begin(self, _partitions: Iterable[int], /) -> bool:
        """Nothing has to come before profiles."""
        return True

    async def begin(self, partition: int, offset: int, now_ms: int) -> None:
        """Note that everything before ``offset`` is known, or gone from the topic."""
        await self._generation.begin(partition, offset, now_ms)

    async def apply(self, chunks: Sequence[Chunk[ProfileRecord]], current_ms: int = 0) -> Applied:
        """As `Generation.apply`."""
        # First, because a record that was applied does not come again.
        await self._levels.forget(
            [record.customer_id for chunk in chunks for record in chunk.records if record.removes]
        )
        applied = await self._generation.apply(chunks, current_ms)
        if current_ms:
            await self._levels.note_known([chunk.partition for chunk in chunks], current_ms)
        return applied


class ProfileStream:
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
        self.positions = "positions"
        self._levels = LevelStream(settings, redis)

    def into(self, generation: Generation) -> Profiles:
        """The profiles of a generation."""
        return Profiles(generation, self._levels.into(generation))

    def read(
        self, batch: Batch, next_offsets: Mapping[int, int], meter: ViewMeter
    ) -> list[Chunk[ProfileRecord]]:
        """The profiles of a batch, cut up."""
        return profile_chunks(batch, next_offsets, meter)


STREAMS = 3
"""How many there are."""


def view_streams(settings: Settings, redis: Redis) -> tuple[Stream[Any], ...]:
    """The streams of the view; profiles come first, since the levels ask who is known."""
    return (
        ProfileStream(settings, redis),
        MoveStream(settings, redis),
        LevelStream(settings, redis),
    )
