"""A record of `customer-profiles` as what Redis is to hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from serving.keys import FACETS

_FIELDS_MAX = 500


class Unreadable(ValueError):
    """The record is no profile; it is counted and passed over."""


class _Envelope(msgspec.Struct):
    subject: str
    data: msgspec.Raw


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_data = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class ProfileRecord:
    """What one record says about one customer.

    Attributes:
        customer_id: whose profile it is.
        offset: where the record stands in its partition.
        timestamp_ms: when it was written, in milliseconds since 1970.
        facets: value of each of `FACETS`, empty for none; all empty for a removal.
        fields: name and value of each field in turn; empty for a removal.
    """

    customer_id: bytes
    offset: int
    timestamp_ms: int
    facets: tuple[bytes, ...]
    fields: tuple[bytes, ...]

    @property
    def removes(self) -> bool:
        """Whether the customer is to disappear from the view."""
        return not self.fields

    @property
    def size_bytes(self) -> int:
        """What it takes on the way to Redis, about."""
        return len(self.customer_id) + sum(map(len, self.fields)) + sum(map(len, self.facets))


def read_profile(
    key: bytes | None, value: bytes | None, offset: int, timestamp_ms: int
) -> ProfileRecord:
    """Read a record; a null value removes the customer.

    Texts stay as they are, numbers and booleans become JSON, lists and objects too; a null field
    is left out. The field ``profile`` holds the whole ``data`` as it came.

    Raises:
        Unreadable: no key, not the envelope of a profile, or of another customer than the key.
    """
    if not key:
        raise Unreadable("it has no key")
    if value is None:
        return ProfileRecord(key, offset, timestamp_ms, (b"",) * len(FACETS), ())
    try:
        envelope = _decode_envelope(value)
        data = _decode_data(envelope.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable("it is no CloudEvent with an object as its data") from error
    if envelope.subject.encode() != key:
        raise Unreadable("its key is not its subject")
    if len(data) > _FIELDS_MAX:
        raise Unreadable(f"it has more than {_FIELDS_MAX} fields")
    texts = {name: _text(value) for name, value in data.items() if value is not None}
    fields = [part for name, text in texts.items() for part in (name.encode(), text)]
    fields += (b"profile", bytes(envelope.data))
    facets = tuple(texts.get(facet, b"") for facet in FACETS)
    return ProfileRecord(key, offset, timestamp_ms, facets, tuple(fields))


def _text(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else _encode(value)
