"""Running a script by its digest, also after Redis has forgotten it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError


class Script:
    """A script that takes one key.

    Args:
        redis: a client that returns bytes.
        source: in Lua.
    """

    def __init__(self, redis: Redis, source: str) -> None:
        self._redis = redis
        self._source = source
        self._sha: str | None = None

    async def run(self, key: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        """Run it once for each list of arguments, in order and in one round trip.

        After an error some of the calls may have had their effect.
        """
        try:
            return await self._send(key, calls)
        except NoScriptError:  # Redis was restarted and has forgotten it
            self._sha = None
            return await self._send(key, calls)

    async def _send(self, key: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
        if self._sha is None:
            self._sha = str(await self._redis.script_load(self._source))
        async with self._redis.pipeline(transaction=False) as pipeline:
            for arguments in calls:
                pipeline.evalsha(self._sha, 1, key, *arguments)
            return list(await pipeline.execute())
