"""Decodes records of `customer-profiles` into what the view stores of them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from scoring.timestamps import parse_rfc3339
from serving.view.keys import ONE_OF

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
    )


def _inside(data: dict[str, Any], name: str, inner: str) -> object:
    found = data.get(name)
    return found.get(inner) if isinstance(found, dict) else None


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
_OWN_FIELDS = frozenset({"partition", "offset", "timestamp_ms"})


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
        fields: names and values in turn: first of the tags (``tag:<name>`` and since when), then of
            the plain fields.
    """

    data: str
    facets: tuple[str, ...]
    ranks: tuple[str, ...]
    tags: int
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
        return [*head, kept.data, *kept.facets, *kept.ranks, str(kept.tags), *kept.fields]


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
    plain = _plain(data)
    fields = [part for tag, since in tags.items() for part in (f"{_TAG}{tag}", since)]
    fields += [part for field in plain.items() for part in field]
    facets = tuple(plain.get(facet, "") for facet in ONE_OF)
    kept = StoredProfile(
        bytes(envelope.data).decode(), facets, rank_values(data), len(tags), tuple(fields)
    )
    return ProfileRecord(key, offset, timestamp_ms, kept)


def _is_text(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return True


def _plain(data: dict[str, Any]) -> dict[str, str]:
    plain = {}
    for name, value in data.items():
        if name in _OWN_FIELDS or name.startswith(_TAG):
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
