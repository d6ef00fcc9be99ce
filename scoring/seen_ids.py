"""What was told of an id, remembered in sixteen bytes: a digest of the id, and its amount."""

from __future__ import annotations

from hashlib import blake2b

_ID_BYTES = 8
_MARK_BYTES = 2 * _ID_BYTES


def is_duplicate(marks: bytes, identity: str, amount: int) -> bool | None:
    """Whether an id among the marks was told with the same amount; None if it is not there.

    Two customers who became one may have told an id with an amount each.
    """
    known, found = _mark(identity, amount), None
    for at in range(0, len(marks), _MARK_BYTES):
        if marks.startswith(known, at):
            return True
        if marks.startswith(known[:_ID_BYTES], at):
            found = False
    return found


def remember(marks: bytes, identity: str, amount: int, most: int) -> bytes:
    """The marks with one more; the oldest beyond `most` are forgotten."""
    return (marks + _mark(identity, amount))[-most * _MARK_BYTES :]


def joined(kept: bytes, other: bytes, most: int) -> bytes:
    """The newest marks of two, `kept` as the newer; beyond `most` each keeps at least half."""
    ours, theirs = len(kept) // _MARK_BYTES, len(other) // _MARK_BYTES
    from_other = min(theirs, max(most // 2, most - ours))
    from_kept = min(ours, most - from_other)
    return other[(theirs - from_other) * _MARK_BYTES :] + kept[(ours - from_kept) * _MARK_BYTES :]


def amounts(marks: bytes) -> dict[bytes, int]:
    """The amount of each id among the marks, by its digest, oldest first."""
    return {
        marks[at : at + _ID_BYTES]: int.from_bytes(marks[at + _ID_BYTES : at + _MARK_BYTES], "big")
        for at in range(0, len(marks), _MARK_BYTES)
    }


def of_amounts(found: dict[bytes, int], most: int) -> bytes:
    """The marks of amounts by digest; of more than `most` the first are forgotten."""
    marks = b"".join(key + amount.to_bytes(_ID_BYTES, "big") for key, amount in found.items())
    return marks[-most * _MARK_BYTES :]


def digest(identity: str) -> bytes:
    """Eight bytes that stand for an id or a name, however long it is."""
    return blake2b(identity.encode(), digest_size=_ID_BYTES).digest()


def _mark(identity: str, amount: int) -> bytes:
    return digest(identity) + amount.to_bytes(_ID_BYTES, "big")
