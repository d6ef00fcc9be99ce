"""The attributes of a CloudEvent in binary mode: headers whose names begin with `ce_`.

Upstream may send as many as fit a record. Those that are copied to other topics are bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Headers = list[tuple[str, bytes]]

MAX_ATTRIBUTES_BYTES = 16 * 1024
"""What the copied attributes of a record take together, names included."""

_USED_MAX_BYTES = 2_048
"""Longer than any value of these that is right; five of them fit."""
_USED = ("ce_specversion", "ce_id", "ce_type", "ce_subject", "ce_time")
"""What an event is made of (`handlers.decode.cloudevents`); of a name, the last one."""
_OVERHEAD_BYTES = 10


class Copied(NamedTuple):
    """The attributes that are copied, and how many were left out or shortened."""

    attributes: Headers
    left_out: int


def attributes_of(headers: Sequence[tuple[str, bytes | None]]) -> Headers:
    """All attributes, in order; headers without a value are none."""
    return [
        (name, value) for name, value in headers if value is not None and name.startswith("ce_")
    ]


def copied_attributes(headers: Sequence[tuple[str, bytes | None]]) -> Copied:
    """The attributes that are copied, in order: all of them, or what there is room for.

    Those that make the event come first, so that it is the same event for the engine; then the
    others in their order.
    """
    found = attributes_of(headers)
    if _size(found) <= MAX_ATTRIBUTES_BYTES:
        return Copied(found, 0)
    kept = {at: _shortened(found[at]) for at in _last_of_each(found).values()}
    room = MAX_ATTRIBUTES_BYTES - _size(kept.values())
    for at, attribute in enumerate(found):
        size_bytes = _size((attribute,))
        if at not in kept and size_bytes <= room:
            kept[at] = attribute
            room -= size_bytes
    whole = sum(found[at] == attribute for at, attribute in kept.items())
    return Copied([kept[at] for at in sorted(kept)], len(found) - whole)


def _last_of_each(attributes: Headers) -> Mapping[str, int]:
    """Where the last of each attribute stands that an event is made of."""
    return {name: at for at, (name, _) in enumerate(attributes) if name in _USED}


def _shortened(attribute: tuple[str, bytes]) -> tuple[str, bytes]:
    """An attribute that is far too long is still too long, and still UTF-8 if it was."""
    name, value = attribute
    end = _USED_MAX_BYTES
    if len(value) <= end:
        return attribute
    while end > _USED_MAX_BYTES - 4 and value[end] & 0xC0 == 0x80:
        end -= 1
    return name, value[:end]


def _size(attributes: Iterable[tuple[str, bytes]]) -> int:
    return sum(len(name.encode()) + len(value) + _OVERHEAD_BYTES for name, value in attributes)
