"""Ids that belong to one person, and how they become one: in all the ways that may go wrong.

Merges name ids of one family only, so that few customers have to be judged together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random

Told = tuple[str, str, dict[str, str]]
"""Type, customer id and further fields of an event."""

_KNOWN_FOR = 6
"""How many families turn up before one becomes one: until then it has a history."""


class Families:
    """Makes families one after another."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._waiting: deque[list[str]] = deque()
        self._count = 0

    def next(self) -> tuple[list[str], list[Told]]:
        """The ids of a new family, and what is told of one known for a while."""
        self._count += 1
        ids = [f"family{self._count}-{letter}" for letter in "abc"]
        self._waiting.append(ids)
        if len(self._waiting) <= _KNOWN_FOR:
            return ids, []
        scene = self._random.choice(_SCENES)
        return ids, scene(*self._waiting.popleft())


def _merge(customer: str, into: str) -> Told:
    return "customer.merged", customer, {"into": into}


def _erase(customer: str) -> Told:
    return "customer.erased", customer, {}


def _plain(one: str, other: str, _: str) -> list[Told]:
    return [_merge(one, other)]


def _chain(one: str, other: str, third: str) -> list[Told]:
    return [_merge(one, other), _merge(other, third)]


def _chain_from_its_end(one: str, other: str, third: str) -> list[Told]:
    return [_merge(other, third), _merge(one, other)]


def _pair(one: str, other: str, _: str) -> list[Told]:
    """Into each other: in two partitions nobody sees it."""
    return [_merge(one, other), _merge(other, one)]


def _circle(one: str, other: str, third: str) -> list[Told]:
    return [_merge(one, other), _merge(other, third), _merge(third, one)]


def _into_itself(one: str, other: str, _: str) -> list[Told]:
    return [_merge(one, one), _merge(other, one), _merge(other, one)]


def _into_stranger(one: str, other: str, third: str) -> list[Told]:
    return [_merge(one, f"{third}-unknown"), _merge(f"{other}-unknown", other)]


def _survivor_goes(one: str, other: str, third: str) -> list[Told]:
    """Whoever comes is too late, or is erased with the other; a third comes too late for sure."""
    return [_merge(one, other), _erase(other), _merge(third, other)]


def _old_id_is_erased(one: str, other: str, third: str) -> list[Told]:
    return [_merge(one, other), _merge(third, other), _erase(one)]


_SCENES: tuple[Callable[[str, str, str], list[Told]], ...] = (
    _plain,
    _plain,
    _chain,
    _chain_from_its_end,
    _pair,
    _circle,
    _into_itself,
    _into_stranger,
    _survivor_goes,
    _old_id_is_erased,
)
