"""Where a page of customers who reached a level ended: at an instant and an id, as in a search."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

import msgspec

from serving.view.cursor import BadCursor

_SIZE_MAX = 4_096


class Place(NamedTuple):
    """The last customer of a page, or the last one looked at."""

    at_ms: int
    customer_id: bytes


class _Cursor(msgspec.Struct, array_like=True):
    level: str
    at_ms: int
    customer_id: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Cursor).decode


def cursor_at(level: str, place: Place) -> str:
    """The cursor that goes on after a place."""
    raw = _encode(_Cursor(level, place.at_ms, place.customer_id.decode()))
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def place_of(level: str, cursor: str | None) -> Place | None:
    """Where to go on; None for the beginning.

    Raises:
        BadCursor: the cursor is none of ours, or of another level.
    """
    if cursor is None:
        return None
    try:
        if len(cursor) > _SIZE_MAX:
            raise ValueError
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found = _decode(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise BadCursor("the cursor is not one that a page of this view came with") from error
    if found.level != level:
        raise BadCursor("the cursor belongs to another level")
    return Place(found.at_ms, found.customer_id.encode())
