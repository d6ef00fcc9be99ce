"""When customers reached the levels they are at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from redis.asyncio import Redis

from serving.view import lua
from serving.view.change_counts import Ledger
from serving.view.changes_keys import levels_keys
from serving.view.generation import Generation, check
from serving.view.level_record import LevelRecord
from serving.view.script import Script
from serving.view.seen import seen_of
from serving.view.source_topic import REMOVALS_KEPT_MS


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
        self._forget = Script(redis, lua.FORGET)
        self._note_known = Script(redis, lua.NOTE_KNOWN)

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

    async def _tell(self, script: Script, arguments: Sequence[Any]) -> None:
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
