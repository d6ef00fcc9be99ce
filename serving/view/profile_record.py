"""Decodes records of `customer-profiles` into what the view stores of them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from scoring.timestamps import parse_rfc3339
from serving.view.axes import AXES, SEPARATOR, cells_of, sums_of
from serving.view.contacts import contacts_text
from serving.view.keys import ONE_OF, RANKS
from serving.view.trend import trend_text

_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


def rank_values(data: dict[str, Any]) -> tuple[str, ...]:
    """A profile's value in each of `RANKS`, as decimal text that Redis reads; empty for none.

    Args:
        data: the profile; it need not be one that Tierstream wrote.
    """
    return (
        _number(data.get("score")),
        _number(data.get("monetary")),
        _instant(data.get("keeps_until")),
        _number(_inside(data, "next_tier", "order_amount_needed")),
        _number(_inside(data, "health", "score")),
        _complaints(data),
        _promised(data.get("promises")),
    )


def _inside(data: dict[str, Any], name: str, inner: str) -> object:
    found = data.get(name)
    return found.get(inner) if isinstance(found, dict) else None


def _complaints(data: dict[str, Any]) -> str:
    kept = isinstance(data.get("satisfaction"), dict)
    found = _inside(data, "satisfaction", "open_complaints") if kept else data.get("open_tickets")
    return _number(found) if found else ""


def _promised(promises: object) -> str:
    stages = promises if isinstance(promises, list) else []
    due = [_instant(stage.get("due_at")) for stage in stages if isinstance(stage, dict)]
    return min((at for at in due if at), key=int, default="")


def _number(value: object) -> str:
    """A number or decimal text as Redis reads it, empty for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    text = value if isinstance(value, str) else repr(value)
    if isinstance(value, float) and math.isfinite(value):
        return text
    return text if _DECIMAL.fullmatch(text) else ""


def _instant(value: object) -> str:
    at_ms = parse_rfc3339(value) if isinstance(value, str) else None
    return "" if at_ms is None else str(at_ms)


_FIELDS_MAX = 500
_TAGS_MAX = 500
_TAG = "tag:"
_CELLS = "cells:"
_PART_MAX_BYTES = 60
"""The most of one part of the stored cells. With a value of more than 64 bytes a hash would take
Redis several times the memory."""

_QUARTER_MS = 15 * 60_000
_DIGITS = (1, 2, 3, 4, 5)
_OWN_FIELDS = frozenset(
    {"partition", "offset", "timestamp_ms", "sums", "rf", "unowned", "contacts"}
)


class Unreadable(ValueError):
    """A record cannot be decoded; it is counted and skipped."""


class _Envelope(msgspec.Struct):
    subject: str
    data: msgspec.Raw


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_data = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class StoredProfile:
    """What is stored of a profile.

    Attributes:
        data: the whole profile, the JSON as it came.
        facets: value of each of `ONE_OF`, empty for none.
        ranks: value of each of `RANKS` as decimal text, empty for none.
        tags: how many tags the customer has.
        sums: what the customer adds to each of `MEASURES`, and the next fall; as text.
        cells: letter and value of the customer's values on `AXES`, as text.
        trend: what its month keeps of it (`serving.view.trend`), as text; empty for nothing.
        contacts: the customer's (`serving.view.contacts`), as text; empty for none.
        fields: names and values in turn: first of the tags (``tag:<name>`` and since when), then
            ``sums``, ``contacts`` and ``cells`` for when they are to be taken away, then of the
            plain fields.
    """

    data: str
    facets: tuple[str, ...]
    ranks: tuple[str, ...]
    tags: int
    sums: str
    cells: str
    trend: str
    contacts: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProfileRecord:
    """The profile of one customer, or its removal.

    Attributes:
        customer_id: whose profile it is.
        offset: of the record in its partition.
        timestamp_ms: when it was written, in milliseconds since 1970.
        profile: what to store; None for a removal.
    """

    customer_id: bytes
    offset: int
    timestamp_ms: int
    profile: StoredProfile | None

    @property
    def removes(self) -> bool:
        """Whether the customer is removed from the view."""
        return self.profile is None

    @property
    def size_bytes(self) -> int:
        """About how many bytes are sent to Redis for it."""
        if self.profile is None:
            return len(self.customer_id)
        kept = self.profile
        return len(self.customer_id) + len(kept.data) + sum(map(len, kept.fields))

    def texts(self) -> list[str]:
        """As an argument of the script."""
        head = [self.customer_id.decode(), str(self.offset), str(self.timestamp_ms)]
        if self.profile is None:
            return [*head, ""]
        kept = self.profile
        counted = (str(kept.tags), kept.sums, kept.cells, kept.trend, kept.contacts)
        return [*head, kept.data, *kept.facets, *kept.ranks, *counted, *kept.fields]


def read_profile(
    key: bytes | None, value: bytes | None, offset: int, timestamp_ms: int
) -> ProfileRecord:
    """Decode a record; a null value removes the customer.

    Plain fields are strings, stored as they are, and numbers and booleans, stored as JSON. Null
    fields, lists and objects are only in the whole profile, and so are fields with a name that the
    view uses itself.

    Raises:
        Unreadable: the key is no text, the value is no envelope of a profile, or the key is not its
            subject.
    """
    if not key or not _is_text(key):
        raise Unreadable("its key is no text")
    if value is None:
        return ProfileRecord(key, offset, timestamp_ms, None)
    try:
        envelope = _decode_envelope(value)
        data = _decode_data(envelope.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable("it is no CloudEvent with an object as its data") from error
    if envelope.subject.encode() != key:
        raise Unreadable("its key is not its subject")
    tags = _tags(data)
    if len(data) > _FIELDS_MAX or len(tags) > _TAGS_MAX:
        raise Unreadable(f"it has more than {_FIELDS_MAX} fields or {_TAGS_MAX} tags")
    ranks = rank_values(data)
    sums = f"{','.join(map(str, sums_of(data)))}|{_quarter(ranks[RANKS.index('next_fall')])}"
    cells = SEPARATOR.join(f"{AXES[axis]}{value}" for axis, value in cells_of(data))
    plain = _plain(data)
    fields = [part for tag, since in tags.items() for part in (f"{_TAG}{tag}", since)]
    contacts = contacts_text(data)
    fields += ["sums", sums, *(["contacts", contacts] if contacts else []), *_in_parts(cells)]
    fields += [part for field in plain.items() for part in field]
    facets = tuple(plain.get(facet, "") for facet in ONE_OF)
    text = bytes(envelope.data).decode()
    trend = trend_text(data)
    kept = StoredProfile(
        text, facets, ranks, len(tags), sums, cells, trend, contacts, tuple(fields)
    )
    return ProfileRecord(key, offset, timestamp_ms, kept)


def _quarter(next_fall: str) -> str:
    """An instant, down to the quarter of an hour: so there are few, and a date of each is right.

    The offsets of all time zones are whole quarters of an hour.
    """
    return str(int(next_fall) // _QUARTER_MS * _QUARTER_MS) if next_fall else ""


def _in_parts(cells: str) -> list[str]:
    """Names and values of the fields that store the cells: numbered parts of one text."""
    text = cells.encode()
    fields: list[str] = []
    start = 0
    while start < len(text):
        end = start + _PART_MAX_BYTES
        while end < len(text) and text[end] & 0xC0 == 0x80:  # in the middle of a character
            end -= 1
        fields += (f"{_CELLS}{len(fields) // 2}", text[start:end].decode())
        start = end
    return fields


def _is_text(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True


def _plain(data: dict[str, Any]) -> dict[str, str]:
    plain = {}
    if data.get("r") in _DIGITS and data.get("f") in _DIGITS:
        plain["rf"] = f"{int(data['r'])}{int(data['f'])}"
    if data.get("owner", "") is None:
        plain["unowned"] = "true"
    for name, value in data.items():
        if name in _OWN_FIELDS or name.startswith((_TAG, _CELLS)):
            continue
        if isinstance(value, str):
            plain[name] = value
        elif isinstance(value, int | float):
            plain[name] = _encode(value).decode()
    return plain


def _tags(data: dict[str, Any]) -> dict[str, str]:
    """Each tag and since when, as text; what is no tag is passed over."""
    entries = data.get("tags")
    if not isinstance(entries, list):
        return {}
    tags = {}
    for entry in entries:
        if isinstance(entry, dict) and isinstance(tag := entry.get("tag"), str) and tag:
            tags[tag] = str(entry.get("since") or "")
    return tags
