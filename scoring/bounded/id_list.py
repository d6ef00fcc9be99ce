"""Ids in eight bytes each: their digests in one byte string, oldest first.

Two ids of 256 share a digest by chance once in 5 * 10**14 customers.
"""

from __future__ import annotations

from scoring.bounded.seen_ids import digest

_BYTES = 8


def holds(ids: bytes, identity: str) -> bool:
    """Whether an id is in the list."""
    found = digest(identity)
    at = ids.find(found)
    while at != -1 and at % _BYTES:
        at = ids.find(found, at + 1)
    return at != -1


def remember(ids: bytes, identity: str, most: int) -> bytes:
    """The list with an id as its newest; the oldest beyond `most` are forgotten."""
    return (ids + digest(identity))[-most * _BYTES :]


def joined(kept: bytes, other: bytes, most: int) -> bytes:
    """The newest ids of two lists, `kept` as the newer; beyond `most` each keeps at least half."""
    ours, theirs = len(kept) // _BYTES, len(other) // _BYTES
    from_other = min(theirs, max(most // 2, most - ours))
    from_kept = min(ours, most - from_other)
    return other[(theirs - from_other) * _BYTES :] + kept[(ours - from_kept) * _BYTES :]
