"""Which returns without an order were seen, in sixteen bytes each (`scoring.bounded.seen_ids`)."""

from __future__ import annotations

from scoring.bounded import seen_ids

MAX_RETURNS = 24

_AMOUNT_BITS = 40
"""An amount of at most 10^12 minor units, and the three letters of its currency, fill 64 bits."""


def is_duplicate(returns: bytes, refund_id: str, minor: int, currency: str) -> bool | None:
    """Whether a return was seen: True with this amount and currency, False with others."""
    return seen_ids.is_duplicate(returns, refund_id, _amount(minor, currency))


def remember(returns: bytes, refund_id: str, minor: int, currency: str) -> bytes:
    """The returns with one more; the oldest beyond `MAX_RETURNS` are forgotten."""
    return seen_ids.remember(returns, refund_id, _amount(minor, currency), MAX_RETURNS)


def _amount(minor: int, currency: str) -> int:
    return int.from_bytes(currency.encode(), "big") << _AMOUNT_BITS | minor
