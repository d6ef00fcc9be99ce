"""Writes the timelines of customers: what happened to each, as told by all topics of outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic

from redis.asyncio import Redis

from serving.view import lua
from serving.view.change_records import seen_key
from serving.view.changes_writer import ChangesWriter, LevelsWriter
from serving.view.chunks import Chunk
from serving.view.generation import Applied, Generation, StoredOffset, ViewWriter, check
from serving.view.keys import REMOVALS_KEPT_MS, ChangesKeys
from serving.view.timeline_records import PassedRecord, R, Told


class Timelines:
    """Writes the timelines of one generation of the view.

    An entry that comes again changes nothing, so none needs a stored offset. As with levels, an
    erased customer must be removed and must not come back with a record that is read late.

    Args:
        redis: a client that returns bytes.
        generation: to write to.
        kept: how many entries a customer keeps, the newest; 0 keeps no timelines.
    """

    def __init__(self, redis: Redis, generation: Generation, kept: int) -> None:
        self._generation = generation
        self._kept = kept
        self._add = lua.Script(redis, lua.ADD_ENTRIES)
        self._forget = lua.Script(redis, lua.FORGET_TIMELINES)

    async def add(self, chunks: Sequence[Chunk[Told[R]]]) -> None:
        """Add the entries of some records.

        Raises:
            StaleWriter: the generation is no longer the one to write to.
        """
        head = (self._generation.number, self._generation.keys.base, REMOVALS_KEPT_MS, self._kept)
        calls = [[*head, *parts] for chunk in chunks if (parts := _parts(chunk))]
        if calls and self._kept:
            await self._run(self._add, calls)

    async def forget(self, customers: Mapping[bytes, int]) -> None:
        """Let no later record bring back the timelines of customers who are erased.

        The timelines go with the profiles, in one step.

        Args:
            customers: when the record that erases each was written, in milliseconds since 1970.

        Raises:
            StaleWriter: the generation is no longer the one to write to.
        """
        if customers:
            call: list[Any] = [self._generation.number, self._generation.keys.base]
            for customer_id, erased_ms in customers.items():
                call += (*seen_key(customer_id), erased_ms)
            await self._run(self._forget, [call])

    async def _run(self, script: lua.Script, calls: Sequence[Sequence[Any]]) -> None:
        replies = await script.run(self._generation.lease_key, calls)
        check(replies, self._generation.number)


def _parts(chunk: Chunk[Told[R]]) -> list[Any]:
    parts: list[Any] = []
    for told in chunk.records:
        if (entry := told.entry) is not None:
            parts += (chunk.partition, entry.timestamp_ms, *entry.erased)
            parts += (entry.sequence, entry.customer_id, entry.text)
    return parts


class TimelineWriter(Generic[R]):
    """Writes what one topic of outputs adds to timelines, and then all else that is kept of it.

    Args:
        writer: of all else; it stores the offsets.
        timelines: of the same generation.
        levels: of the same generation; they know since when its profiles are complete.
    """

    def __init__(self, writer: ViewWriter[R], timelines: Timelines, levels: LevelsWriter) -> None:
        self._writer = writer
        self._timelines = timelines
        self._levels = levels

    async def stored_offsets(self, partitions: Iterable[int]) -> dict[int, StoredOffset | None]:
        """The stored offset of each of ``partitions``; None where there is none."""
        return await self._writer.stored_offsets(partitions)

    async def may_begin(self, partitions: Iterable[int], /) -> bool:
        """Whether the profiles of these partitions have been complete once."""
        return await self._levels.may_begin(partitions)

    async def begin(self, partition: int, offset: int, now_ms: int) -> None:
        """Store ``offset``: all records before it are applied, or gone from the topic."""
        await self._writer.begin(partition, offset, now_ms)

    async def apply(self, chunks: Sequence[Chunk[Told[R]]], current_ms: int = 0) -> Applied:
        """As `ChangesWriter.apply`."""
        # First, because a record that was applied does not come again.
        await self._timelines.add(chunks)
        return await self._writer.apply([_plain(chunk) for chunk in chunks], current_ms)


def _plain(chunk: Chunk[Told[R]]) -> Chunk[R]:
    records = tuple(told.record for told in chunk.records)
    return Chunk(chunk.partition, chunk.before, chunk.after, records, chunk.coalesced)


class OffsetsWriter(ChangesWriter[PassedRecord]):
    """Stores how far a topic was read of which only the timelines keep something.

    Args:
        redis: a client that returns bytes.
        generation: to write to.
        name: what its keys begin with.
    """

    def __init__(self, redis: Redis, generation: Generation, name: str) -> None:
        keys = ChangesKeys(f"{generation.keys.base}{name}:")
        super().__init__(redis, generation, keys, lua.ADVANCE_OFFSET, 0)

    def _parts(self, record: PassedRecord) -> Sequence[Any]:
        del record
        return ()
