"""`customer-profiles`, into the profiles of a generation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aiokafka import ConsumerRecord, TopicPartition
from redis.asyncio import Redis

from config.environment import Settings
from serving.projector.meter import ViewMeter
from serving.projector.reading import chunks_of
from serving.projector.sources import LevelStream
from serving.view.chunks import Chunk
from serving.view.generation import Applied, Generation
from serving.view.levels import Levels
from serving.view.positions import Place
from serving.view.profile_record import ProfileRecord
from serving.view.source_topic import REMOVALS_KEPT_MS, profiles_topic, view_group


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
        self.topic = profiles_topic(settings)
        self.group = view_group(settings)
        self.positions = "positions"
        self._levels = LevelStream(settings, redis)

    def into(self, generation: Generation) -> Profiles:
        """The profiles of a generation."""
        return Profiles(generation, self._levels.into(generation))

    def read(
        self,
        batch: Mapping[TopicPartition, Sequence[ConsumerRecord]],
        next_offsets: Mapping[int, int],
        meter: ViewMeter,
    ) -> list[Chunk[ProfileRecord]]:
        """The profiles of a batch, cut up."""
        return chunks_of(batch, next_offsets, meter)
