"""Writes the changes of the view: moves between tiers by day, and who reached which level."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from redis.asyncio import Redis

from serving.view import lua
from serving.view.axes import LOW_LIMIT
from serving.view.change_records import LevelRecord, MoveRecord, seen_key
from serving.view.chunks import Chunk
from serving.view.generation import Applied, Generation, StoredOffset, StoredOffsets, check
from serving.view.keys import REMOVALS_KEPT_MS, ChangesKeys, levels_keys, moves_keys

R = TypeVar("R")


class ChangesWriter(ABC, Generic[R]):
    """Writes the changes of one topic to one generation of the view.

    Args:
        redis: a client that returns bytes.
        generation: to write to.
        keys: the names of the keys to write to.
        script: applies chunks.
        kept_ms: changes older than the newest one by more than this are removed, in milliseconds.
    """

    def __init__(
        self, redis: Redis, generation: Generation, keys: ChangesKeys, script: str, kept_ms: int
    ) -> None:
        self._redis = redis
        self._generation = generation
        self._keys = keys
        self._apply = lua.Script(redis, script)
        self._kept_ms = kept_ms
        self._offsets = StoredOffsets(redis, keys.positions)

    async def stored_offsets(self, partitions: Iterable[int]) -> dict[int, StoredOffset | None]:
        """The stored offset of each of ``partitions``; None where there is none."""
        return await self._offsets.of(partitions)

    async def may_begin(self, _partitions: Iterable[int], /) -> bool:
        """Whether everything that must be written before these partitions is there."""
        return True

    async def begin(self, partition: int, offset: int, now_ms: int) -> None:
        """Store ``offset``: all records before it are applied, or gone from the topic."""
        if offset > 0:
            await self._redis.hset(self._keys.positions, f"gap:{partition}", str(now_ms))
        await self._offsets.begin(partition, offset, now_ms)

    async def apply(self, chunks: Sequence[Chunk[R]], current_ms: int = 0) -> Applied:
        """Apply chunks in order; those of one partition must follow each other without a gap.

        What was applied before is skipped, and so is an output that was delivered twice.

        Args:
            chunks: what to apply; a chunk without records only checks the stored offset.
            current_ms: the wall time, if after these chunks Redis lacks nothing; else 0.

        Raises:
            StaleWriter: read the stored offsets again, and resume from there.
        """
        calls = [self._arguments(chunk, current_ms) for chunk in chunks]
        replies = await self._apply.run(self._generation.lease_key, calls)
        check(replies, self._generation.number)
        return Applied(
            applied=sum(reply[1] for reply in replies), skipped=sum(reply[2] for reply in replies)
        )

    def _arguments(self, chunk: Chunk[R], current_ms: int) -> list[Any]:
        arguments: list[Any] = [self._generation.number, self._keys.base]
        arguments += (self._generation.extend_ms, chunk.partition, chunk.before, chunk.after)
        arguments += (current_ms, self._kept_ms, len(chunk.records), *self._options())
        for record in chunk.records:
            arguments += self._parts(record)
        return arguments

    def _options(self) -> Sequence[Any]:
        """Arguments of the script before the records."""
        return ()

    @abstractmethod
    def _parts(self, record: R) -> Sequence[Any]:
        """Arguments of the script for one record."""


class LevelsWriter(ChangesWriter[LevelRecord]):
    """Writes which customers reached which level, and when, to one generation of the view.

    It stores customer ids, so an erased customer must be removed, and must not come back with a
    record that is read late or again. So the writer of profiles calls `forget` before it removes a
    profile, and `note_profiles_complete` when it lacks none; only then are levels written.

    Args:
        redis: a client that returns bytes.
        generation: to write to.
        kept_ms: levels reached before the newest by more than this are removed, in milliseconds.
    """

    def __init__(self, redis: Redis, generation: Generation, kept_ms: int) -> None:
        keys = levels_keys(generation.keys)
        super().__init__(redis, generation, keys, lua.APPLY_LEVELS, kept_ms)
        self._forget = lua.Script(redis, lua.FORGET_CUSTOMERS)
        self._note_complete = lua.Script(redis, lua.NOTE_PROFILES_COMPLETE)

    async def may_begin(self, partitions: Iterable[int], /) -> bool:
        """Whether the profiles of these partitions have been complete once."""
        names = [f"known:{partition}" for partition in partitions]
        return not names or None not in await self._redis.hmget(self._keys.positions, names)

    async def forget(self, customers: Mapping[bytes, int]) -> None:
        """Remove erased customers, and let no later record bring them back without a new profile.

        Args:
            customers: when the record that erases each was written, in milliseconds since 1970.

        Raises:
            StaleWriter: the generation is no longer the one to write to.
        """
        if customers:
            arguments: list[Any] = [self._generation.number, self._keys.base]
            for customer_id, erased_ms in customers.items():
                arguments += (*seen_key(customer_id), customer_id, erased_ms)
            await self._run(self._forget, arguments)

    async def note_profiles_complete(self, partitions: Collection[int], now_ms: int) -> None:
        """Note that at ``now_ms`` no profile of these partitions was lacking.

        Raises:
            StaleWriter: the generation is no longer the one to write to.
        """
        if partitions:
            arguments = [self._generation.number, self._keys.base, now_ms, *partitions]
            await self._run(self._note_complete, arguments)

    async def _run(self, script: lua.Script, arguments: Sequence[Any]) -> None:
        check(await script.run(self._generation.lease_key, [arguments]), self._generation.number)

    def _options(self) -> Sequence[Any]:
        return (REMOVALS_KEPT_MS, self._generation.keys.customer(""))

    def _parts(self, record: LevelRecord) -> Sequence[Any]:
        return (
            record.offset,
            record.timestamp_ms,
            *record.seen,
            record.sequence,
            record.at_ms,
            record.customer_id,
            record.level,
        )


class MovesWriter(ChangesWriter[MoveRecord]):
    """Counts each move between tiers by day, in one generation of the view.

    Args:
        redis: a client that returns bytes.
        generation: to write to.
        kept_ms: days before the newest by more than this are removed, in milliseconds.
    """

    def __init__(self, redis: Redis, generation: Generation, kept_ms: int) -> None:
        keys = moves_keys(generation.keys)
        super().__init__(redis, generation, keys, lua.APPLY_MOVES, kept_ms)

    def _parts(self, record: MoveRecord) -> Sequence[Any]:
        return (
            record.offset,
            record.timestamp_ms,
            *record.seen,
            record.sequence,
            record.at_ms,
            record.day.isoformat(),
            record.move,
            *divmod(record.spend, LOW_LIMIT),
        )
