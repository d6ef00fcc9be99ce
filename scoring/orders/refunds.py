"""The refunds of one order: their sum, and the newest ids with what each one was.

Amounts are in the currency of the order, in units of so many decimals that each id's amount is
kept as it was told. What counts of an amount is rounded half-even to the currency's own decimals.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from scoring.bounded import seen_ids
from scoring.money import Amount, Rate, convert, is_equal, rounded
from scoring.since import since

MAX_REFUND_IDS = 24
_MOST_SUM = 2**62
"""Where a sum of refunds ends: far above any amount of an order."""

_CANCELLED = 2**63
"""Marks the entry of a refund that was cancelled; amounts are far below."""
_NOT_SEEN = _CANCELLED - 1
"""The amount of a refund that was cancelled before it came."""
_IN_BASE = -1


class Refunds(Struct, array_like=True):
    """The refunds of one order. `value` is their sum in the base currency, at most the amount."""

    seen: bytes
    """The newest ids (`scoring.bounded.seen_ids`), those of refunds that were cancelled marked."""
    units: int
    value: int
    decimals: Annotated[int, since(3)] = _IN_BASE
    """The decimals of `units` and of the amounts in `seen`; -1 for those of the base currency."""

    def is_duplicate(self, refund_id: str, amount: Amount, base_digits: int) -> bool | None:
        """Whether a refund was seen: True with the same amount, False with another, None if new."""
        kept = seen_ids.amounts(self.seen).get(seen_ids.digest(refund_id))
        if kept is None or kept & _NOT_SEEN == _NOT_SEEN:
            return None
        scale = self._scale(base_digits)
        return is_equal(Amount(kept & _NOT_SEEN, scale), amount)

    def take(self, refund_id: str, amount: Amount, digits: int, base_digits: int) -> None:
        """Add a refund, unless it was cancelled before it came; the caller sets `value`.

        Args:
            refund_id: not seen before.
            amount: as it was told.
            digits: the decimals of the order's currency.
            base_digits: the decimals of the base currency.
        """
        scale = self._widen(max(amount.scale, digits), base_digits)
        told = amount.units * 10 ** (scale - amount.scale)
        seen = seen_ids.amounts(self.seen)
        key = seen_ids.digest(refund_id)
        if key in seen:
            seen[key] = told | _CANCELLED
        else:
            seen[key] = told
            self.units = min(self.units + _counted(told, scale, digits), _MOST_SUM)
        self.seen = seen_ids.of_amounts(seen, MAX_REFUND_IDS)

    def cancel(self, refund_id: str, digits: int, base_digits: int) -> None:
        """Take a refund back, also one that is still to come; the caller sets `value`."""
        seen = seen_ids.amounts(self.seen)
        key = seen_ids.digest(refund_id)
        told = seen.get(key)
        if told is None:
            seen[key] = _NOT_SEEN | _CANCELLED
        elif told < _CANCELLED:
            seen[key] = told | _CANCELLED
            self.units = max(0, self.units - _counted(told, self._scale(base_digits), digits))
        self.seen = seen_ids.of_amounts(seen, MAX_REFUND_IDS)

    def worth(self, rate: Rate, base_digits: int) -> int:
        """The sum in minor units of the base currency, converted once."""
        return convert(self.units, rate, base_digits - self._scale(base_digits))

    def with_those_of(self, other: Refunds, digits: int, base_digits: int) -> Refunds:
        """The refunds of this order and of its copy in another ledger, each id once.

        Forgotten ids are assumed to be the same in both. A refund is cancelled if it is in either.
        The caller sets `value`.
        """
        scale = max(self._scale(base_digits), other._scale(base_digits))
        self._widen(scale, base_digits)
        other._widen(scale, base_digits)
        own, their = seen_ids.amounts(self.seen), seen_ids.amounts(other.seen)
        both = {key: _joined(own.get(key), their.get(key)) for key in their | own}
        forgotten = max(
            self.units - _sum(own, scale, digits), other.units - _sum(their, scale, digits)
        )
        return Refunds(
            seen_ids.of_amounts(both, MAX_REFUND_IDS),
            min(_sum(both, scale, digits) + forgotten, _MOST_SUM),
            self.value,
            self.decimals,
        )

    def _scale(self, base_digits: int) -> int:
        return base_digits if self.decimals < 0 else self.decimals

    def _widen(self, decimals: int, base_digits: int) -> int:
        """Keep all amounts with at least so many decimals; returns how many."""
        scale = self._scale(base_digits)
        if not self.seen and not self.units:
            scale = decimals
        elif decimals > scale:
            factor = 10 ** (decimals - scale)
            seen = seen_ids.amounts(self.seen)
            for key, amount in seen.items():
                if amount & _NOT_SEEN != _NOT_SEEN:
                    seen[key] = (amount & _NOT_SEEN) * factor | amount & _CANCELLED
            self.seen = seen_ids.of_amounts(seen, MAX_REFUND_IDS)
            self.units = min(self.units * factor, _MOST_SUM)
            scale = decimals
        self.decimals = _IN_BASE if scale == base_digits else scale
        return scale


def _counted(told: int, scale: int, digits: int) -> int:
    """What counts of an amount: rounded to the decimals of the currency, in the same units."""
    if scale <= digits:
        return told
    return rounded(Amount(told, scale), digits) * int(10 ** (scale - digits))


def _sum(seen: dict[bytes, int], scale: int, digits: int) -> int:
    return sum(_counted(told, scale, digits) for told in seen.values() if told < _CANCELLED)


def _joined(own: int | None, their: int | None) -> int:
    """One refund as two ledgers know it: the amount of the first, unless it never came there."""
    found = [entry for entry in (own, their) if entry is not None]
    amount = next((e & _NOT_SEEN for e in found if e & _NOT_SEEN != _NOT_SEEN), _NOT_SEEN)
    return amount | max(entry & _CANCELLED for entry in found)
