"""Merges for a history: of one customer, and of several at once that get in each other's way."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

Event = dict[str, Any]

_MOST_SCENES = 3
_LATE_CIRCLES = 0.4


def with_merges(random: Random, lines: list[bytes]) -> list[bytes]:
    """The records of a history, with some scenes of merges among them."""
    customers = sorted({event["customer_id"] for event in map(_event, lines) if event})
    found = list(lines)
    if len(customers) < 2:
        return found
    for number in range(random.randint(0, _MOST_SCENES)):
        place = random.randint(len(found) // 8, len(found))
        at = next((e["occurred_at"] for e in map(_event, reversed(found[:place])) if e), None)
        if at is None:
            continue
        told = random.choice(_SCENES)(random, customers)
        for step, event in enumerate(told):
            whole = {"event_id": f"scene{number}-{step}", "occurred_at": at} | event
            # What is told at once comes at once, or with others in between.
            place = min(place + random.choice((0, 1, 1, 1, 4)), len(found))
            found.insert(place, json.dumps(whole).encode())
    return _with_late_circle(found)


def _with_late_circle(lines: list[bytes]) -> list[bytes]:
    """In some histories strangers, of whom nothing else is told, are merged in a circle, late."""
    random = Random(b"a late circle" + lines[0])
    if random.random() > _LATE_CIRCLES:
        return lines
    place = random.randint(len(lines) // 2, len(lines))
    at = next((e["occurred_at"] for e in map(_event, reversed(lines[:place])) if e), None)
    late_ms = random.choice((60_000, 3_600_000, 86_400_000))
    if not isinstance(at, int):
        return lines
    names = random.sample(["late0", "late1", "late2"], random.choice((2, 2, 3)))
    circle = [
        {"event_id": f"late{one}", "occurred_at": at - late_ms, **_merge(one, other)}
        for one, other in zip(names, names[1:] + names[:1], strict=True)
    ]
    return [*lines[:place], *(json.dumps(each).encode() for each in circle), *lines[place:]]


def _event(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "occurred_at" in event else None


def _merge(customer_id: str, into: str) -> Event:
    return {"type": "customer.merged", "customer_id": customer_id, "into": into}


def _erase(customer_id: str) -> Event:
    return {"type": "customer.erased", "customer_id": customer_id}


def _plain(random: Random, customers: list[str]) -> list[Event]:
    one, other = random.sample(customers, 2)
    return [_merge(one, other)]


def _told_again(random: Random, customers: list[str]) -> list[Event]:
    """Once more with the same id, and with another."""
    one, other = random.sample(customers, 2)
    again = {"event_id": f"again-{one}", **_merge(one, other)}
    return [again, again, _merge(one, other)]


def _into_stranger(random: Random, customers: list[str]) -> list[Event]:
    """Into somebody of whom nothing was told yet; or nothing is known of who is merged."""
    one, stranger = random.choice(customers), random.choice(("n0", "n1", "n2"))
    return [_merge(*random.sample((one, stranger), 2))]


def _chain(random: Random, customers: list[str]) -> list[Event]:
    names = random.sample([*customers, "n0"], 3)
    merges = [_merge(names[0], names[1]), _merge(names[1], names[2])]
    return random.sample(merges, 2)


def _circle(random: Random, customers: list[str]) -> list[Event]:
    """All at once: in several partitions nobody sees that it is one."""
    names = random.sample([*customers, "n0"], random.choice((2, 2, 3)))
    return [_merge(one, other) for one, other in zip(names, names[1:] + names[:1], strict=True)]


def _into_itself(random: Random, customers: list[str]) -> list[Event]:
    one = random.choice(customers)
    return [_merge(one, one)]


def _survivor_goes(random: Random, customers: list[str]) -> list[Event]:
    """Who is to survive is erased at the same time."""
    one, other = random.sample(customers, 2)
    return random.sample([_merge(one, other), _erase(other)], 2)


def _merged_is_erased(random: Random, customers: list[str]) -> list[Event]:
    """The person wants to be forgotten, and says so under the old id."""
    one, other = random.sample(customers, 2)
    return [_merge(one, other), _erase(one)]


def _back_and_forth(random: Random, customers: list[str]) -> list[Event]:
    """A circle that breaks, and the same merge once more after it."""
    one, other = random.sample(customers, 2)
    return [_merge(one, other), _merge(other, one), _merge(one, other)]


_SCENES: tuple[Callable[[Random, list[str]], list[Event]], ...] = (
    _plain,
    _plain,
    _told_again,
    _into_stranger,
    _chain,
    _circle,
    _circle,
    _into_itself,
    _survivor_goes,
    _merged_is_erased,
    _back_and_forth,
)
