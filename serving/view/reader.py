"""Reads profiles, searches and distributions from the view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from serving.view.keys import FACETS, GenerationKeys
from serving.view.pinned_read import GenerationReader, ViewChanging
from serving.view.query import Page, Search, falls_by, nearest_to_next_tier
from serving.view.search import Searcher

__all__ = ["ViewChanging", "ViewReader"]

VALUES_MAX = 1_000
"""The most values of a facet in a distribution."""


class ViewReader(GenerationReader):
    """Reads profiles and searches.

    Args:
        redis: a client that returns bytes.
        prefix: what all keys of the view begin with.
    """

    def __init__(self, redis: Redis, prefix: str) -> None:
        super().__init__(redis, prefix)
        self._searcher = Searcher(self._view)

    async def customer(self, customer_id: str) -> dict[str, str] | None:
        """The plain fields of a customer's profile and its tags, as text.

        Returns:
            The hash as it is in Redis; None for an unknown or erased customer.
        """

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            pipeline.hgetall(keys.customer(customer_id))

        fields = await self._view.read(ask)
        return {name.decode(): text.decode() for name, text in fields.items()} if fields else None

    async def profile(self, customer_id: str) -> bytes | None:
        """A customer's whole profile, the JSON as it came; None for an unknown or erased one."""

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            pipeline.get(keys.profile(customer_id))

        found: bytes | None = await self._view.read(ask)
        return found

    async def profiles(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """As `profile`, for several customers at once."""
        if not customer_ids:
            return []

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            pipeline.mget([keys.profile(customer_id) for customer_id in customer_ids])

        return list(await self._view.read(ask) or [None] * len(customer_ids))

    async def search(self, search: Search) -> Page:
        """A page of customers; see `Search`.

        Raises:
            BadCursor: the search has a cursor that cannot be used.
        """
        return await self._searcher.page(search)

    async def about_to_fall(
        self, until_ms: int, *, limit: int = 50, cursor: str | None = None
    ) -> Page:
        """Customers who lose their tier by ``until_ms`` if nothing more happens, soonest first.

        Args:
            until_ms: in milliseconds since 1970.
            limit: the most customers of a page.
            cursor: of the page before.
        """
        return await self.search(replace(falls_by(until_ms), limit=limit, cursor=cursor))

    async def near_next_tier(
        self, most_amount: float, *, limit: int = 50, cursor: str | None = None
    ) -> Page:
        """Customers whom an order of ``most_amount`` today would lift, the nearest first.

        Args:
            most_amount: in the policy's currency.
            limit: the most customers of a page.
            cursor: of the page before.
        """
        near = nearest_to_next_tier(most_amount)
        return await self.search(replace(near, limit=limit, cursor=cursor))

    async def distributions(self) -> dict[str, dict[str, int]]:
        """For each of `FACETS` its values and how many customers have each, the most first.

        Of a facet with more than `VALUES_MAX` values, those that most customers have.
        """

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            for facet in FACETS:
                pipeline.zrevrange(keys.counts(facet), 0, VALUES_MAX - 1, withscores=True)

        answers = await self._view.read_all(ask) or [()] * len(FACETS)
        return {
            facet: {value.decode(): int(count) for value, count in counts}
            for facet, counts in zip(FACETS, answers, strict=True)
        }

    async def count(self, facet: str, value: str) -> int:
        """How many customers have ``value`` in ``facet``, one of `FACETS`."""
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
