"""A consumer group: members, generations, assignments and committed positions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from faust.types import TP

SESSION_TIMEOUT_S = 1.0
REBALANCE_TIMEOUT_S = 1.5
LOOK_S = 0.1


class NotAMember(Exception):
    """The group does not know who asks, or knows it from a former generation."""


class Joined(NamedTuple):
    """What the group answers to a member that joins."""

    generation: int
    tps: frozenset[TP]


class Commit(NamedTuple):
    """A position as the group took it, and where all logs ended then."""

    at_s: float
    tp: TP
    position: int
    member: str
    ends: Mapping[TP, int]


@dataclass
class _Member:
    seen_s: float
    joining: asyncio.Future[Joined] | None = None


@dataclass
class Group:
    """The coordinator. Partitions of one set move together.

    Attributes:
        sets: partitions that are assigned together.
        moves: draws who gets what; two members seldom get what they had, or always.
    """

    loop: asyncio.AbstractEventLoop
    sets: Sequence[frozenset[TP]]
    moves: Random
    sticky: float
    generation: int = 0
    committed: dict[TP, int] = field(default_factory=dict)
    commits: list[Commit] = field(default_factory=list)
    owners: dict[frozenset[TP], str] = field(default_factory=dict)
    _members: dict[str, _Member] = field(default_factory=dict)
    _preparing_since_s: float | None = None

    @property
    def is_stable(self) -> bool:
        """Whether all members have what they were assigned."""
        return self._preparing_since_s is None and bool(self._members)

    def join(self, member: str) -> asyncio.Future[Joined]:
        """Ask for partitions; answered when all members have asked, or were given up."""
        found = self._members.setdefault(member, _Member(self.loop.time()))
        found.seen_s = self.loop.time()
        joining: asyncio.Future[Joined] = self.loop.create_future()
        found.joining = joining
        self._prepare()
        self._complete()
        return joining

    def leave(self, member: str) -> None:
        """Give up membership."""
        if self._members.pop(member, None) is not None:
            self._prepare()
            self._complete()

    def heartbeat(self, member: str, generation: int) -> bool:
        """Say that a member lives; whether it must join again."""
        self._known(member, generation).seen_s = self.loop.time()
        return self._preparing_since_s is not None

    def commit(
        self, member: str, generation: int, positions: Mapping[TP, int], ends: Mapping[TP, int]
    ) -> None:
        """Take positions from a member of this generation."""
        self._known(member, generation)
        for tp, position in positions.items():
            self.committed[tp] = position
            self.commits.append(Commit(self.loop.time(), tp, position, member, ends))

    def look(self) -> None:
        """Give up members that were silent for too long."""
        now_s = self.loop.time()
        since_s = self._preparing_since_s
        late = since_s is not None and now_s - since_s > REBALANCE_TIMEOUT_S
        gone = [
            name
            for name, found in self._members.items()
            if found.joining is None and (late or now_s - found.seen_s > SESSION_TIMEOUT_S)
        ]
        for name in gone:
            del self._members[name]
        if gone:
            self._prepare()
        self._complete()

    def rebalance(self) -> None:
        """Have all members join again, as a change of their subscriptions would."""
        self._prepare()

    def _known(self, member: str, generation: int) -> _Member:
        found = self._members.get(member)
        if found is None or generation != self.generation:
            raise NotAMember(f"{member} of generation {generation} is unknown")
        return found

    def _prepare(self) -> None:
        if self._preparing_since_s is None:
            self._preparing_since_s = self.loop.time()

    def _complete(self) -> None:
        if self._preparing_since_s is None:
            return
        if any(found.joining is None for found in self._members.values()):
            return
        self._preparing_since_s = None
        self.generation += 1
        parts = self._assign(sorted(self._members))
        for name, found in self._members.items():
            assert found.joining is not None
            found.joining.set_result(Joined(self.generation, frozenset().union(*parts[name])))
            found.joining = None
            found.seen_s = self.loop.time()

    def _assign(self, names: list[str]) -> dict[str, list[frozenset[TP]]]:
        parts: dict[str, list[frozenset[TP]]] = {name: [] for name in names}
        if not names:
            return parts
        for tps in self.sets:
            owner = self.owners.get(tps)
            if owner not in parts or self.moves.random() > self.sticky:
                owner = self.moves.choice(names)
            self.owners[tps] = owner
            parts[owner].append(tps)
        return parts
