"""Reading the view, also while it is being replaced."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from serving.following import Following, ViewChanging
from serving.keys import FACETS, GenerationKeys

__all__ = ["ViewChanging", "ViewReader"]


class ViewReader:
    """Reads from the generation that is current, all of an answer from the same one.

    Args:
        redis: a client that returns bytes.
        prefix: what all keys of the view begin with.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._view = Following(redis, prefix)

    async def customer(self, customer_id: str) -> dict[str, str] | None:
        """The fields of a customer's profile as text, or None for an unknown or erased one."""

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            pipeline.hgetall(keys.customer(customer_id))

        fields = await self._view.read(ask)
        return {name.decode(): text.decode() for name, text in fields.items()} if fields else None

    async def count(self, facet: str, value: str) -> int:
        """How many customers have ``value`` in ``facet`` (``tier``, ``stage`` or ``segment``)."""
        _check(facet)

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            pipeline.scard(keys.members(facet, value))

        return int(await self._view.read(ask) or 0)

    async def sample(self, facet: str, value: str, limit: int) -> list[str]:
        """Ids of up to ``limit`` customers with ``value`` in ``facet``, in no order."""
        _check(facet)

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            pipeline.srandmember(keys.members(facet, value), limit)

        return [customer_id.decode() for customer_id in await self._view.read(ask) or ()]


def _check(facet: str) -> None:
    if facet not in FACETS:
        raise ValueError(f"{facet} is none of {', '.join(FACETS)}")
