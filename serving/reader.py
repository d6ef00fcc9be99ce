"""Reading the view, also while it is being replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from serving.keys import FACETS, GenerationKeys, ViewKeys

_ATTEMPTS_MAX = 5


class ViewChanging(RuntimeError):
    """The view was replaced several times during one read; nothing that happens by itself."""


class ViewReader:
    """Reads from the generation that is current, all of an answer from the same one.

    The generation is remembered and checked in the same round trip as the read. One that was
    replaced is deleted only after the pointer was moved, so an answer from what is being deleted
    is always noticed, and asked again.

    Args:
        redis: a client that returns bytes.
        prefix: what all keys of the view begin with.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._keys = ViewKeys(prefix)
        self._number: bytes | None = None

    async def customer(self, customer_id: str) -> dict[str, str] | None:
        """The fields of a customer's profile as text, or None for an unknown or erased one."""

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            pipeline.hgetall(keys.customer(customer_id))

        fields = await self._read(ask)
        return {name.decode(): text.decode() for name, text in fields.items()} if fields else None

    async def count(self, facet: str, value: str) -> int:
        """How many customers have ``value`` in ``facet`` (``tier``, ``stage`` or ``segment``)."""
        _check(facet)

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            pipeline.scard(keys.members(facet, value))

        return int(await self._read(ask) or 0)

    async def sample(self, facet: str, value: str, limit: int) -> list[str]:
        """Ids of up to ``limit`` customers with ``value`` in ``facet``, in no order."""
        _check(facet)

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            pipeline.srandmember(keys.members(facet, value), limit)

        return [customer_id.decode() for customer_id in await self._read(ask) or ()]

    async def _read(self, ask: Callable[[Pipeline, GenerationKeys], None]) -> Any:
        for _ in range(_ATTEMPTS_MAX):
            if self._number is None:
                number: Any = await self._redis.get(self._keys.current)
                self._number = number
            if self._number is None:
                return None  # there is no view yet
            asked = self._number
            async with self._redis.pipeline(transaction=False) as pipeline:
                ask(pipeline, self._keys.generation(asked.decode()))
                pipeline.get(self._keys.current)
                answer, self._number = await pipeline.execute()
            if self._number == asked:
                return answer
        raise ViewChanging("the view is being replaced again and again")


def _check(facet: str) -> None:
    if facet not in FACETS:
        raise ValueError(f"{facet} is none of {', '.join(FACETS)}")
