"""Cursors: where the next page of a list begins.

A cursor is not a count of customers but the value and the id of the last one. So it stays right
when others come and go, and when the view is rebuilt: a customer who does not change is found once.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import Literal, NamedTuple, TypeVar

import msgspec

from serving.view.query import Search

_SIZE_MAX = 4_096
_FOREIGN = "the cursor is not one that a page of this view came with"


class BadCursor(ValueError):
    """The text is no cursor, or that of a search in another order or of another level."""


class SearchAfter(NamedTuple):
    """The customer after whom a search continues: the last of a page, or the last one examined."""

    value: float
    customer_id: bytes


class LevelAfter(NamedTuple):
    """The customer after whom a list of a level continues."""

    at_ms: int
    customer_id: bytes


class GroupAfter(NamedTuple):
    """The group of customers after which a list of groups continues."""

    size: int
    contact: str


class _SearchCursor(msgspec.Struct, array_like=True):
    order: str
    descending: bool
    value: float
    customer_id: str


class _LevelCursor(msgspec.Struct, array_like=True):
    level: str
    at_ms: int
    customer_id: str


class _TimelineCursor(msgspec.Struct, array_like=True):
    kind: Literal["timeline"]
    sequence: int
    customer_id: str


class _GroupCursor(msgspec.Struct, array_like=True):
    kind: str
    size: int
    customer_id: str
    """No customer but a contact, which stands in the same place."""


C = TypeVar("C", _SearchCursor, _LevelCursor, _TimelineCursor, _GroupCursor)

_search_decoder = msgspec.json.Decoder(_SearchCursor)
_level_decoder = msgspec.json.Decoder(_LevelCursor)
_group_decoder = msgspec.json.Decoder(_GroupCursor)
_timeline_decoder = msgspec.json.Decoder(_TimelineCursor)


def search_cursor(search: Search, after: SearchAfter) -> str:
    """The cursor of a search that continues after a customer."""
    value, customer_id = after
    return _encoded(_SearchCursor(search.order, search.descending, value, customer_id.decode()))


def search_after(search: Search) -> SearchAfter | None:
    """After whom a search continues; None for its beginning.

    Raises:
        BadCursor: its cursor cannot be used.
    """
    if search.cursor is None:
        return None
    found = _decoded(search.cursor, _search_decoder)
    if not math.isfinite(found.value):
        raise BadCursor(_FOREIGN)
    if (found.order, found.descending) != (search.order, search.descending):
        raise BadCursor("the cursor belongs to a search in another order")
    return SearchAfter(found.value, found.customer_id.encode())


def level_cursor(level: str, after: LevelAfter) -> str:
    """The cursor of a list of a level that continues after a customer."""
    return _encoded(_LevelCursor(level, after.at_ms, after.customer_id.decode()))


def level_after(level: str, cursor: str | None) -> LevelAfter | None:
    """After whom a list of a level continues; None for its beginning.

    Raises:
        BadCursor: the cursor cannot be used.
    """
    if cursor is None:
        return None
    found = _decoded(cursor, _level_decoder)
    if found.level != level:
        raise BadCursor("the cursor belongs to another level")
    return LevelAfter(found.at_ms, found.customer_id.encode())


def timeline_cursor(customer_id: str, sequence: int) -> str:
    """The cursor of a customer's timeline that continues before an entry."""
    return _encoded(_TimelineCursor("timeline", sequence, customer_id))


def timeline_before(customer_id: str, cursor: str | None) -> int | None:
    """The sequence of the entry before which a timeline continues; None for its beginning.

    Raises:
        BadCursor: the cursor cannot be used.
    """
    if cursor is None:
        return None
    found = _decoded(cursor, _timeline_decoder)
    if found.customer_id != customer_id:
        raise BadCursor("the cursor belongs to another customer")
    return found.sequence


def group_cursor(kind: str, after: GroupAfter) -> str:
    """The cursor of a list of groups that continues after one."""
    return _encoded(_GroupCursor(kind, after.size, after.contact))


def group_after(kind: str, cursor: str | None) -> GroupAfter | None:
    """After which group a list continues; None for its beginning.

    Raises:
        BadCursor: the cursor cannot be used.
    """
    if cursor is None:
        return None
    found = _decoded(cursor, _group_decoder)
    if found.kind != kind:
        raise BadCursor("the cursor belongs to another kind")
    return GroupAfter(found.size, found.customer_id)


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
