"""The holdout group: a share of customers, chosen by a hash that never changes.

The first eight bytes of SHA-256 over the UTF-8 text `salt:customer_id`, as a big-endian integer,
are below share * 2^64. Anybody can compute it; another salt chooses other customers.
"""

from __future__ import annotations

from fractions import Fraction
from hashlib import sha256
from math import ceil
from typing import NamedTuple

from scoring.policy import Holdout

_BYTES = 8


class HoldoutRule(NamedTuple):
    """The section `[holdout]`, compiled: hashes below `bound` are held out."""

    bound: int
    salt: str

    def holds_out(self, customer_id: str) -> bool:
        """Whether a customer is in the holdout group."""
        digest = sha256(f"{self.salt}:{customer_id}".encode()).digest()
        return int.from_bytes(digest[:_BYTES], "big") < self.bound


def holdout_rule(declared: Holdout) -> HoldoutRule:
    """The rule of a share. Its bound is exact: the ceiling of share * 2^64."""
    return HoldoutRule(ceil(Fraction(declared.share) * 2 ** (8 * _BYTES)), declared.salt)
