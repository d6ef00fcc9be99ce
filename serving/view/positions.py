"""How far a part of the view has come in the topic it is made from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis


@dataclass(frozen=True, slots=True)
class Place:
    """How far something has come in one partition.

    Attributes:
        next_offset: offset of the first record it lacks.
        current_ms: when it last lacked none, in milliseconds since 1970.
    """

    next_offset: int
    current_ms: int


class Positions:
    """The places in all partitions, kept in a hash; scripts move them together with the data.

    Args:
        redis: a client that returns bytes.
        key: the name of the hash.
    """

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key

    async def places(self, partitions: Iterable[int]) -> dict[int, Place | None]:
        """The place in each of ``partitions``; None where there is none yet."""
        asked = sorted(partitions)
        if not asked:
            return {}
        names = [f"{name}:{partition}" for partition in asked for name in ("next", "current")]
        values = await self._redis.hmget(self._key, names)
        return {
            partition: None if offset is None else Place(int(offset), int(current_ms or 0))
            for partition, offset, current_ms in zip(asked, values[::2], values[1::2], strict=True)
        }

    async def current_since_ms(self) -> int | None:
        """When nothing was lacking, in the partition that is worst; None if it is empty."""
        fields: dict[Any, Any] = await self._redis.hgetall(self._key)
        return min(
            (int(at) for name, at in fields.items() if name.startswith(b"current:")), default=None
        )

    async def begin(self, partition: int, offset: int, now_ms: int) -> None:
        """Note that everything before ``offset`` is known, or gone from the topic."""
        items: list[str | int] = [f"next:{partition}", offset, f"current:{partition}", now_ms]
        await self._redis.hset(self._key, items=items)
