"""Reads who is likely the same person: customers who share a phone, an address or a union id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from redis.asyncio.client import Pipeline

from serving.view.contacts import KINDS
from serving.view.cursor import GroupAfter, group_after, group_cursor
from serving.view.keys import GenerationKeys
from serving.view.lua import WALK_RANK
from serving.view.pinned_read import GenerationReader

MEMBERS_MAX = 20
"""The most customers of a group in an answer."""

_NOTHING = msgspec.msgpack.encode([])
_KIND_OF = {letter: kind for kind, letter in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Group:
    """Customers who share a contact.

    Attributes:
        kind: of the contact, one of `KINDS`.
        size: how many they are.
        customer_ids: at most `MEMBERS_MAX` of them, sorted.
    """

    kind: str
    size: int
    customer_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupPage:
    """Some of the groups.

    Attributes:
        groups: the largest first.
        cursor: for the next page; None after the last.
    """

    groups: tuple[Group, ...]
    cursor: str | None


class SamePersonReader(GenerationReader):
    """Reads who shares a contact."""

    async def page(self, kind: str, *, limit: int = 50, cursor: str | None = None) -> GroupPage:
        """Groups of customers who share a contact of a kind, the largest first.

        Args:
            kind: one of `KINDS`.
            limit: the most groups of a page.
            cursor: of the page before; None for the first page.

        Raises:
            BadCursor: the cursor cannot be used.
            ViewChanging: the view was replaced again and again.
        """
        after = group_after(kind, cursor)
        size, last = ("", "") if after is None else (after.size, after.contact)

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            bounds = (1, "-inf", "+inf", size, last, limit, limit, _NOTHING, _NOTHING)
            pipeline.eval(WALK_RANK, 1, keys.shared(kind), *bounds)

        answer = await self._view.read(ask)
        if answer is None:
            return GroupPage((), None)
        found, end_size, end, is_last = answer
        groups = await self._groups([name.decode() for name in found[::2]])
        following = None if is_last else group_cursor(kind, GroupAfter(int(end_size), end.decode()))
        return GroupPage(groups, following)

    async def of_customer(self, customer_id: str) -> tuple[Group, ...] | None:
        """The groups that a customer is in; None for an unknown or erased one.

        Raises:
            ViewChanging: the view was replaced again and again.
        """

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            pipeline.hmget(keys.customer(customer_id), "partition", "contacts")

        partition, contacts = await self._view.read(ask) or (None, None)
        if partition is None:
            return None
        return await self._groups((contacts or b"").decode().split())

    async def _groups(self, contacts: Sequence[str]) -> tuple[Group, ...]:
        """The groups of contacts; without those that are no group any more."""
        if not contacts:
            return ()

        def ask(pipeline: Pipeline, keys: GenerationKeys) -> None:
            for contact in contacts:
                pipeline.scard(keys.same(contact))
                pipeline.srandmember(keys.same(contact), MEMBERS_MAX)

        answers = await self._view.read_all(ask) or []
        return tuple(
            Group(_KIND_OF[contact[0]], size, tuple(sorted(one.decode() for one in members)))
            for contact, size, members in zip(contacts, answers[::2], answers[1::2], strict=False)
            if size > 1
        )
