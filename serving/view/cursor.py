"""Where a page ended.

The place is not a number of customers but the value and the id of the last one. So what comes after
it stays the same when others come and go, and when the view is made anew: who does not change is
found once.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import NamedTuple

import msgspec

from serving.view.query import Search

_SIZE_MAX = 4_096


class BadCursor(ValueError):
    """The cursor is none of ours, or of a search in another order."""


class Place(NamedTuple):
    """The last customer of a page, or the last one looked at."""

    value: float
    customer_id: bytes


class _Cursor(msgspec.Struct, array_like=True):
    order: str
    descending: bool
    value: float
    customer_id: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Cursor).decode


def cursor_at(search: Search, place: Place) -> str:
    """The cursor that goes on after a place."""
    value, customer_id = place
    raw = _encode(_Cursor(search.order, search.descending, value, customer_id.decode()))
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def place_of(search: Search) -> Place | None:
    """Where the search goes on; None for its beginning.

    Raises:
        BadCursor: see there.
    """
    if search.cursor is None:
        return None
    try:
        if len(search.cursor) > _SIZE_MAX:
            raise ValueError
        padded = search.cursor.encode("ascii") + b"=" * (-len(search.cursor) % 4)
        found = _decode(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not math.isfinite(found.value):
            raise ValueError
        place = Place(found.value, found.customer_id.encode())
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise BadCursor("the cursor is not one that a page of this view came with") from error
    if (found.order, found.descending) != (search.order, search.descending):
        raise BadCursor("the cursor belongs to a search in another order")
    return place
