"""The generations of the view: which one is current, and how a rebuilt one replaces it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis

from serving.view import lua
from serving.view.generation import Generation, StaleWriter
from serving.view.keys import ViewKeys

_LEASE_MS = 60_000
_SCAN_KEYS = 1_000
_UNLINK_KEYS = 500


class RedisView:
    """A view in Redis.

    Args:
        redis: a client that returns bytes.
        prefix: what all keys of the view begin with, with a hash tag.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self.keys = ViewKeys(prefix)
        self._redis = redis

    async def open(self) -> Generation:
        """The current generation; a new empty one if there is none."""
        number = await self._eval(lua.OPEN_GENERATION, [self.keys.current, self.keys.last])
        return self._generation(number.decode(), self.keys.current)

    async def start_rebuild(self) -> Generation | None:
        """A new generation to fill, or None if another rebuild is under way.

        The lease on it expires a minute after the last write to it.
        """
        keys = [self.keys.rebuilding, self.keys.last, self.keys.discarded]
        number = await self._eval(lua.START_REBUILD, keys, _LEASE_MS)
        if number is None:
            return None
        return self._generation(number.decode(), self.keys.rebuilding, _LEASE_MS)

    async def switch(
        self, generation: Generation, ends: Mapping[tuple[str, int], int], *, force: bool
    ) -> bool:
        """Make ``generation`` the current one for readers and the projector, atomically.

        Args:
            generation: from `start_rebuild`.
            ends: the offset at which each partition ends now, by the `offsets_key` of its topic and
                its number.
            force: switch even if the current generation has a later offset in some partition.

        Returns:
            False, and nothing changed, if the current generation has a later offset.

        Raises:
            StaleWriter: the lease on the generation has expired.
        """
        bounds = [part for (name, number), end in ends.items() for part in (name, number, end)]
        reply = await self._eval(
            lua.SWITCH_GENERATION,
            [self.keys.rebuilding, self.keys.current, self.keys.discarded],
            *(generation.number, self.keys.prefix, int(force), *bounds),
        )
        if reply == lua.MOVED:
            raise StaleWriter(f"the right to fill generation {generation.number} has lapsed")
        return bool(reply == lua.APPLIED)

    async def end_rebuild(self, generation: Generation) -> None:
        """Give up an unfinished generation."""
        await self._eval(lua.END_REBUILD, [self.keys.rebuilding], generation.number)

    async def sweep(self) -> int:
        """Delete discarded generations; returns the number of deleted keys.

        This scans all keys of the database in small steps, so it is done only after a rebuild, or
        if an interrupted one left something behind.
        """
        deleted = 0
        for number in await self.leftovers():
            deleted += await self._unlink_all(self.keys.generation(number).base)
            await self._redis.srem(self.keys.discarded, number)
        return deleted

    async def leftovers(self) -> list[str]:
        """Discarded generations that are neither current nor being filled."""
        discarded: set[Any] = set(await self._redis.smembers(self.keys.discarded))
        discarded -= set(await self._redis.mget(self.keys.current, self.keys.rebuilding))
        return sorted(number.decode() for number in discarded)

    async def _unlink_all(self, base: str) -> int:
        deleted = 0
        batch: list[bytes] = []
        async for key in self._redis.scan_iter(match=f"{base}*", count=_SCAN_KEYS):
            batch.append(key)
            if len(batch) == _UNLINK_KEYS:
                deleted += await self._redis.unlink(*batch)
                batch = []
        if batch:
            deleted += await self._redis.unlink(*batch)
        return deleted

    def _generation(self, number: str, lease_key: str, extend_ms: int = 0) -> Generation:
        keys = self.keys.generation(number)
        return Generation(self._redis, number, keys, lease_key, extend_ms)

    async def _eval(self, script: str, keys: list[str], *arguments: Any) -> Any:
        return await self._redis.eval(script, len(keys), *keys, *arguments)
