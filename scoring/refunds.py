"""The refunds of one order."""

from __future__ import annotations

from msgspec import Struct

from scoring import seen_ids

MAX_REFUND_IDS = 24


class Refunds(Struct, array_like=True):
    """The refunds of one order: the newest ids (`scoring.seen_ids`), and the sum of all."""

    seen: bytes
    units: int
    value: int

    def is_duplicate(self, refund_id: str, units: int) -> bool | None:
        """Whether a refund was seen: True with the same amount, False with another, None if new."""
        return seen_ids.is_duplicate(self.seen, refund_id, units)

    def remember(self, refund_id: str, units: int) -> None:
        """Remember a refund, and forget the oldest beyond `MAX_REFUND_IDS`."""
        self.seen = seen_ids.remember(self.seen, refund_id, units, MAX_REFUND_IDS)

    def with_those_of(self, other: Refunds) -> Refunds:
        """The refunds of this order and of its copy in another ledger, each id once.

        Forgotten ids are assumed to be the same in both. The caller sets `value`.
        """
        own, their = seen_ids.amounts(self.seen), seen_ids.amounts(other.seen)
        forgotten = max(self.units - sum(own.values()), other.units - sum(their.values()))
        both = their | own
        return Refunds(
            seen_ids.of_amounts(both, MAX_REFUND_IDS), sum(both.values()) + forgotten, self.value
        )
