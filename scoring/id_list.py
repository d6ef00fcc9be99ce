"""Ids in eight bytes each: their digests in one byte string, oldest first.

Two ids of 256 share a digest by chance once in 5 * 10**14 customers.
"""

from __future__ import annotations

from scoring.seen_ids import digest

_BYTES = 8


def holds(ids: bytes, identity: str) -> bool:
    """Whether an id is in the list."""
    return _place(ids, digest(identity)) is not None


def remember(ids: bytes, identity: str, most: int) -> bytes:
    """The list with an id as its newest, once; the oldest beyond `most` are forgotten."""
    found = digest(identity)
    at = _place(ids, found)
    if at is not None:
        ids = ids[:at] + ids[at + _BYTES :]
    return (ids + found)[-most * _BYTES :]


def joined(kept: bytes, other: bytes, most: int) -> bytes:
    """The newest ids of two lists, each once, `kept` as the newer; each keeps at least half."""
    if not other:
        return kept
    ours = _parts(kept)
    known = set(ours)
    theirs = [part for part in _parts(other) if part not in known]
    from_other = min(len(theirs), max(most // 2, most - len(ours)))
    from_kept = min(len(ours), most - from_other)
    return b"".join([*theirs[len(theirs) - from_other :], *ours[len(ours) - from_kept :]])


def _parts(ids: bytes) -> list[bytes]:
    return [ids[at : at + _BYTES] for at in range(0, len(ids), _BYTES)]


def _place(ids: bytes, found: bytes) -> int | None:
    """Where a digest stands in a list; None if it is not there."""
    at = ids.find(found)
    while at != -1:
        if at % _BYTES == 0:
            return at
        at = ids.find(found, at + 1)
    return None
