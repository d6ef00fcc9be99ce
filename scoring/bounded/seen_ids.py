"""Seen ids in sixteen bytes each: a digest of the id, and the amount that came with it.

A list of them is one byte string, oldest first. Of refunds the amount is the refund's, of
redemptions the points.
"""

from __future__ import annotations

from hashlib import blake2b

DIGEST_BYTES = 8
_ENTRY_BYTES = 2 * DIGEST_BYTES


def is_duplicate(seen: bytes, identity: str, amount: int) -> bool | None:
    """Whether an id was seen: True with this amount, False with another one, None if it is new.

    After a merge one id may have been seen with two amounts.
    """
    entry, found = _entry(identity, amount), None
    for at in range(0, len(seen), _ENTRY_BYTES):
        if seen.startswith(entry, at):
            return True
        if seen.startswith(entry[:DIGEST_BYTES], at):
            found = False
    return found


def remember(seen: bytes, identity: str, amount: int, most: int) -> bytes:
    """The seen ids with one more; the oldest beyond `most` are forgotten."""
    return (seen + _entry(identity, amount))[-most * _ENTRY_BYTES :]


def joined(kept: bytes, other: bytes, most: int) -> bytes:
    """The newest ids of two lists, `kept` as the newer; beyond `most` each keeps at least half."""
    ours, theirs = len(kept) // _ENTRY_BYTES, len(other) // _ENTRY_BYTES
    from_other = min(theirs, max(most // 2, most - ours))
    from_kept = min(ours, most - from_other)
    return other[(theirs - from_other) * _ENTRY_BYTES :] + kept[(ours - from_kept) * _ENTRY_BYTES :]


def amounts(seen: bytes) -> dict[bytes, int]:
    """The amount of each seen id, by its digest, oldest first."""
    return {
        seen[at : at + DIGEST_BYTES]: int.from_bytes(
            seen[at + DIGEST_BYTES : at + _ENTRY_BYTES], "big"
        )
        for at in range(0, len(seen), _ENTRY_BYTES)
    }


def of_amounts(found: dict[bytes, int], most: int) -> bytes:
    """Seen ids from amounts by digest; of more than `most` the first are forgotten."""
    seen = b"".join(key + amount.to_bytes(DIGEST_BYTES, "big") for key, amount in found.items())
    return seen[-most * _ENTRY_BYTES :]


def digest(identity: str) -> bytes:
    """Eight bytes that stand for an id or a name of any length."""
    return blake2b(identity.encode(), digest_size=DIGEST_BYTES).digest()


def _entry(identity: str, amount: int) -> bytes:
    return digest(identity) + amount.to_bytes(DIGEST_BYTES, "big")
