"""Reads timelines and trends of customers from the view."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec
from redis.asyncio.client import Pipeline

from serving.view.cursor import timeline_before, timeline_cursor
from serving.view.keys import GenerationKeys
from serving.view.pinned_read import GenerationReader
from serving.view.trend import Trend, trend_of


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Some of what happened to a customer.

    Attributes:
        entries: JSON of each, the newest first.
        cursor: for the next page; None after the last.
    """

    entries: tuple[bytes, ...]
    cursor: str | None


class _Type(msgspec.Struct):
    type: str


_decode_type = msgspec.json.Decoder(_Type).decode


class TimelineReader(GenerationReader):
    """Reads timelines and trends."""

    async def page(
        self,
        customer_id: str,
        *,
        types: Collection[str] = (),
        without: Collection[str] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> TimelinePage | None:
        """What happened to a customer, the newest first; None for an unknown or erased one.

        Args:
            customer_id: to whom.
            types: only entries of these types; of all if it is empty.
            without: no entries of these types.
            limit: the most entries of a page.
            cursor: of the page before; None for the first page.

        Raises:
            BadCursor: the cursor cannot be used.
            ViewChanging: the view was replaced again and again.
        """
        before = timeline_before(customer_id, cursor)

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            pipeline.exists(keys.profile(customer_id))
            pipeline.lrange(keys.timeline(customer_id), 0, -1)

        is_known, entries = await self._view.read_all(ask) or (0, [])
        if not is_known:
            return None
        found = [
            (sequence, text)
            for sequence, text in map(_split, reversed(entries))
            if (before is None or sequence < before) and _is_asked(text, types, without)
        ]
        kept = found[:limit]
        following = timeline_cursor(customer_id, kept[-1][0]) if len(found) > limit else None
        return TimelinePage(tuple(text for _, text in kept), following)

    async def trend(self, customer_id: str) -> Trend | None:
        """Orders, spend and score by month; None for an unknown or erased customer.

        Raises:
            ViewChanging: the view was replaced again and again.
        """

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            pipeline.exists(keys.profile(customer_id))
            pipeline.hgetall(keys.trend(customer_id))

        is_known, fields = await self._view.read_all(ask) or (0, {})
        return trend_of(fields) if is_known else None

    async def several(self, customer_ids: Sequence[str]) -> list[list[bytes]]:
        """The entries of each of some customers, the newest first."""
        if not customer_ids:
            return []

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            for customer_id in customer_ids:
                pipeline.lrange(keys.timeline(customer_id), 0, -1)

        found = await self._view.read_all(ask) or [[]] * len(customer_ids)
        return [[_split(entry)[1] for entry in reversed(entries)] for entries in found]


def _split(entry: bytes) -> tuple[int, bytes]:
    sequence, _, text = entry.partition(b" ")
    return int(sequence), text


def _is_asked(text: bytes, types: Collection[str], without: Collection[str]) -> bool:
    if not types and not without:
        return True
    kind = _decode_type(text).type
    return (not types or kind in types) and kind not in without
