"""What both ledgers of changes have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Generic, TypeVar

from redis.asyncio import Redis

from serving.view import lua
from serving.view.change_records import LevelRecord, MoveRecord, seen_of
from serving.view.chunks import Chunk
from serving.view.generation import Applied, Generation, Place, Positions, check
from serving.view.keys import REMOVALS_KEPT_MS, LedgerKeys, levels_keys, moves_keys

R = TypeVar("R")


class Ledger(ABC, Generic[R]):
    """A ledger of changes in one generation of the view.

    Args:
        redis: a client that returns bytes.
        generation: to write to.
        keys: the names of the ledger's keys there.
        script: applies chunks.
        kept_ms: how far back from the newest change it goes, in milliseconds.
    """

    def __init__(
        self, redis: Redis, generation: Generation, keys: LedgerKeys, script: str, kept_ms: int
    ) -> None:
        self._redis = redis
        self._generation = generation
        self._keys = keys
        self._apply = lua.Script(redis, script)
        self._kept_ms = kept_ms
        self._positions = Positions(redis, keys.positions)

    async def places(self, partitions: Iterable[int]) -> dict[int, Place | None]:
        """How far it has come in each of ``partitions``; None where it has not begun."""
        return await self._positions.places(partitions)

    async def may_begin(self, _partitions: Iterable[int], /) -> bool:
        """Whether all is there that must come before the first record of these partitions."""
        return True

    async def begin(self, partition: int, offset: int, now_ms: int) -> None:
        """Note that everything before ``offset`` is known, or gone from the topic."""
        if offset > 0:
            await self._redis.hset(self._keys.positions, f"gap:{partition}", str(now_ms))
        await self._positions.begin(partition, offset, now_ms)

    async def apply(self, chunks: Sequence[Chunk[R]], current_ms: int = 0) -> Applied:
        """Apply chunks in order; those of one partition must follow each other without a gap.

        What was applied before is skipped, and so is an output that was delivered twice.

        Args:
            chunks: what to apply; a chunk without records only checks the position.
            current_ms: the wall time, if after these chunks nothing is lacking.

        Raises:
            PlaceLost: look again where the ledger stands, and go on from there.
        """
        calls = [self._arguments(chunk, current_ms) for chunk in chunks]
        replies = await self._apply.run(self._generation.right_key, calls)
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
        """What the script wants to know before the records."""
        return ()

    @abstractmethod
    def _parts(self, record: R) -> Sequence[Any]:
        """What the script wants to know of a record."""


class Levels(Ledger[LevelRecord]):
    """Customers by when they reached their level, in one generation of the view.

    It holds ids, so who is erased has to go, and must not come back with a record that is read
    late or again. Whoever writes profiles tells it: who was taken away, before the profile goes,
    and until when the profiles are whole, which it waits for before it begins.

    Args:
        redis: a client that returns bytes.
        generation: to write to.
        kept_ms: how far back from the newest change of a level it goes, in milliseconds.
    """

    def __init__(self, redis: Redis, generation: Generation, kept_ms: int) -> None:
        keys = levels_keys(generation.keys)
        super().__init__(redis, generation, keys, lua.APPLY_LEVELS, kept_ms)
        self._forget = lua.Script(redis, lua.FORGET_CUSTOMERS)
        self._note_known = lua.Script(redis, lua.NOTE_PROFILES_COMPLETE)

    async def may_begin(self, partitions: Iterable[int], /) -> bool:
        """Whether the profiles of these partitions have been whole."""
        names = [f"known:{partition}" for partition in partitions]
        return not names or None not in await self._redis.hmget(self._keys.positions, names)

    async def forget(self, customers: Collection[bytes]) -> None:
        """Take customers away for good.

        Raises:
            PlaceLost: the generation is not the one to write to any more.
        """
        if customers:
            arguments: list[Any] = [self._generation.number, self._keys.base]
            for customer_id in customers:
                arguments += (*seen_of(customer_id), customer_id)
            await self._tell(self._forget, arguments)

    async def note_known(self, partitions: Collection[int], now_ms: int) -> None:
        """Note that no profile of these partitions was lacking at ``now_ms``.

        Raises:
            PlaceLost: the generation is not the one to write to any more.
        """
        if partitions:
            arguments = [self._generation.number, self._keys.base, now_ms, *partitions]
            await self._tell(self._note_known, arguments)

    async def _tell(self, script: lua.Script, arguments: Sequence[Any]) -> None:
        check(await script.run(self._generation.right_key, [arguments]), self._generation.number)

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


class Moves(Ledger[MoveRecord]):
    """How often each move was made on each day, in one generation of the view.

    Args:
        redis: a client that returns bytes.
        generation: to write to.
        kept_ms: how far back from the newest move it goes, in milliseconds.
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
        )
