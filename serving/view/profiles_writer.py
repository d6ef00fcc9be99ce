"""Writes profiles to the view, and keeps its levels and timelines free of erased customers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from serving.view.changes_writer import LevelsWriter
from serving.view.chunks import Chunk
from serving.view.generation import Applied, Generation, StoredOffset
from serving.view.profile_record import ProfileRecord
from serving.view.timeline_writer import Timelines


class ProfilesWriter:
    """Writes the profiles of a generation, and keeps erased customers out of all else.

    Args:
        generation: where the profiles go.
        levels: writes the levels of the same generation.
        timelines: writes the timelines of the same generation.
    """

    def __init__(self, generation: Generation, levels: LevelsWriter, timelines: Timelines) -> None:
        self._generation = generation
        self._levels = levels
        self._timelines = timelines

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
        erased = {
            record.customer_id: record.timestamp_ms
            for chunk in chunks
            for record in chunk.records
            if record.removes
        }
        await self._levels.forget(erased)
        await self._timelines.forget(erased)
        applied = await self._generation.apply(chunks, current_ms)
        if current_ms:
            await self._levels.note_profiles_complete(
                [chunk.partition for chunk in chunks], current_ms
            )
        return applied
