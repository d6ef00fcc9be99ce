"""Digests by which an event told twice is known: of its id, and of its content by value."""

from __future__ import annotations

from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

DIGEST_BYTES = 8

_encoder = msgspec.json.Encoder(order="sorted", decimal_format="number")
_BIGGEST_PLAIN = 10**30
_empty = blake2b(digest_size=DIGEST_BYTES)


def id_digest(event_id: str) -> bytes:
    """Eight bytes that stand for an event id."""
    return blake2b(event_id.encode(), digest_size=DIGEST_BYTES).digest()


def content_digest(document: dict[str, Any], *, has_decimals: bool) -> bytes:
    """Eight bytes that are the same for equal JSON objects.

    The order of names does not matter, numbers are compared by value (1, 1.0 and 1e0 are equal),
    and `true` is no number. `has_decimals` tells that a number was written with a point or an
    exponent, or is large, so that numbers must be brought to one form first.
    """
    value = _canonical(document) if has_decimals else document
    digest = _empty.copy()  # takes less time than to make one with its arguments
    digest.update(_encoder.encode(value))
    return digest.digest()


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _canonical(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_canonical(inner) for inner in value]
    if isinstance(value, Decimal) or (
        type(value) is int and not -_BIGGEST_PLAIN < value < _BIGGEST_PLAIN
    ):
        return _canonical_number(Decimal(value))
    return value


def _canonical_number(number: Decimal) -> Any:
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    significant = text.rstrip("0")
    exponent += len(text) - len(significant)
    significant = significant.lstrip("0")
    if not significant:
        return 0
    if exponent >= 0 and len(significant) + exponent <= 30:
        return (-1 if sign else 1) * int(significant) * 10**exponent
    return {"\x00number": [bool(sign), significant, str(exponent)]}
