"""What both kinds of records have in common."""

from __future__ import annotations

from typing import Protocol, TypeVar

import msgspec

from scoring.timestamps import parse_rfc3339
from serving.view.profile_record import Unreadable

_SEQUENCE_MAX = 2**53


class Change(Protocol):
    """`data` of an output, as far as it is needed."""

    customer_id: str
    sequence: int
    effective_at: str


C = TypeVar("C", bound=Change)


class Envelope(msgspec.Struct):
    """The head of a CloudEvent."""

    type: str
    data: msgspec.Raw


_decode_envelope = msgspec.json.Decoder(Envelope).decode


def open_envelope(
    key: bytes | None, value: bytes | None, types: frozenset[str], data: msgspec.json.Decoder[C]
) -> tuple[C, int]:
    """The data of a record, and its `effective_at` in milliseconds since 1970.

    Raises:
        Unreadable: it is none of ``types``, or not about the customer of the key.
    """
    if not key or value is None:
        raise Unreadable("it has no key or no value")
    try:
        envelope = _decode_envelope(value)
        if envelope.type not in types:
            raise Unreadable(f"its type is none of {', '.join(sorted(types))}")
        change = data.decode(envelope.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable("it is no CloudEvent with the data of its type") from error
    if change.customer_id.encode() != key:
        raise Unreadable("its key is not its customer")
    if not 0 < change.sequence <= _SEQUENCE_MAX:
        raise Unreadable("its sequence is out of range")
    at_ms = parse_rfc3339(change.effective_at)
    if at_ms is None:
        raise Unreadable("its effective_at is no time")
    return change, at_ms
