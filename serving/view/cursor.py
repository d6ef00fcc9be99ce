"""Where a page ended.

The place is not a number of customers but the value and the id of the last one. So what comes after
it stays the same when others come and go, and when the view is made anew: who does not change is
found once.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import NamedTuple, TypeVar

import msgspec

from serving.view.query import Search

_SIZE_MAX = 4_096
_FOREIGN = "the cursor is not one that a page of this view came with"


class BadCursor(ValueError):
    """The cursor is none of ours, or of a search in another order or of another level."""


class SearchPlace(NamedTuple):
    """The last customer of a page of a search, or the last one looked at."""

    value: float
    customer_id: bytes


class LevelPlace(NamedTuple):
    """The last customer of a page of those who reached a level, or the last one looked at."""

    at_ms: int
    customer_id: bytes


class _SearchCursor(msgspec.Struct, array_like=True):
    order: str
    descending: bool
    value: float
    customer_id: str


class _LevelCursor(msgspec.Struct, array_like=True):
    level: str
    at_ms: int
    customer_id: str


C = TypeVar("C", _SearchCursor, _LevelCursor)

_search_decoder = msgspec.json.Decoder(_SearchCursor)
_level_decoder = msgspec.json.Decoder(_LevelCursor)


def search_cursor(search: Search, place: SearchPlace) -> str:
    """The cursor that goes on after a place."""
    value, customer_id = place
    return _encoded(_SearchCursor(search.order, search.descending, value, customer_id.decode()))


def search_place(search: Search) -> SearchPlace | None:
    """Where a search goes on; None for its beginning.

    Raises:
        BadCursor: see there.
    """
    if search.cursor is None:
        return None
    found = _decoded(search.cursor, _search_decoder)
    if not math.isfinite(found.value):
        raise BadCursor(_FOREIGN)
    if (found.order, found.descending) != (search.order, search.descending):
        raise BadCursor("the cursor belongs to a search in another order")
    return SearchPlace(found.value, found.customer_id.encode())


def level_cursor(level: str, place: LevelPlace) -> str:
    """The cursor that goes on after a place."""
    return _encoded(_LevelCursor(level, place.at_ms, place.customer_id.decode()))


def level_place(level: str, cursor: str | None) -> LevelPlace | None:
    """Where a list of a level goes on; None for its beginning.

    Raises:
        BadCursor: see there.
    """
    if cursor is None:
        return None
    found = _decoded(cursor, _level_decoder)
    if found.level != level:
        raise BadCursor("the cursor belongs to another level")
    return LevelPlace(found.at_ms, found.customer_id.encode())


def _encoded(cursor: msgspec.Struct) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).rstrip(b"=").decode()


def _decoded(cursor: str, decoder: msgspec.json.Decoder[C]) -> C:
    try:
        if len(cursor) > _SIZE_MAX:
            raise ValueError
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found = decoder.decode(base64.b64decode(padded, altchars=b"-_", validate=True))
        found.customer_id.encode()  # a lone surrogate is no id
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise BadCursor(_FOREIGN) from error
    return found
