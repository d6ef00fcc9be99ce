"""Where a ledger remembers which of a customer's outputs it has taken.

One hash with all customers would take several times the memory: Redis packs small hashes. And a
digest stands for the customer, so nothing that names one is kept beyond an erasure.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

_BUCKETS = 16_384


class Seen(NamedTuple):
    """The place of a customer.

    Attributes:
        bucket: which of the hashes.
        field: its field there.
    """

    bucket: int
    field: bytes


def seen_of(customer_id: bytes) -> Seen:
    """The place of a customer: 78 bits of a digest, so that no two share one by accident."""
    digest = blake2b(customer_id, digest_size=10).digest()
    return Seen(int.from_bytes(digest[:2]) % _BUCKETS, digest[2:])
