"""Digests: of an event's id, and of a whole JSON object by value."""

from __future__ import annotations

from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec

DIGEST_BYTES = 8

_encoder = msgspec.json.Encoder(order="sorted", decimal_format="number")
_BIGGEST_PLAIN = 10**30
_empty = blake2b(digest_size=DIGEST_BYTES)


def digest_of(content: bytes) -> bytes:
    """Eight bytes in the place of any number of them."""
    digest = _empty.copy()  # takes less time than to make one with its arguments
    digest.update(content)
    return digest.digest()


def id_digest(event_id: str) -> bytes:
    """Eight bytes in the place of an event id."""
    return digest_of(event_id.encode())


def object_digest(document: dict[str, Any], *, normalize: bool) -> bytes:
    """Eight bytes that are the same for equal JSON objects.

    The order of names does not matter, numbers are compared by value (1, 1.0 and 1e0 are equal),
    and `true` is no number.

    Args:
        document: the parsed object.
        normalize: bring equal numbers to one form first. Needed if one has a fraction or an
            exponent, or is large.
    """
    value = _normal(document) if normalize else document
    return digest_of(_encoder.encode(value))


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _normal(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_normal(inner) for inner in value]
    if isinstance(value, Decimal) or (
        type(value) is int and not -_BIGGEST_PLAIN < value < _BIGGEST_PLAIN
    ):
        return _normal_number(Decimal(value))
    return value


def _normal_number(number: Decimal) -> Any:
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
