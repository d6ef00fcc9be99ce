"""What an event says, so that it is recognised when it comes again.

The content of an event is its type, its time as an instant, its customer, its channel, and the
fields that its type has, by value. Other fields, such as a retry's own time of sending, are none.

Releases before 0.3.0 took the whole object for the content. What they remembered is compared in
their way, and so is everything in a partition of an older format than the third.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from handlers.decode.cloudevents import from_binary
from handlers.decode.digests import digest_of, object_digest
from handlers.decode.json_object import parse
from handlers.decode.lines import Lines
from handlers.reasons import Rejection

BY_FIELDS_SINCE = 3
"""The format from which on events are remembered by their fields."""

_encoder = msgspec.json.Encoder(order="sorted")


class Content(Struct, eq=False):
    """The content of an event that was decoded, and the record it came in."""

    digest: bytes
    """Eight bytes for the fields."""
    record: bytes = b""
    headers: Mapping[str, bytes] | None = None
    """The record's headers, if it is a CloudEvent in binary mode."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Content) and self.digest == other.digest

    __hash__ = None  # type: ignore[assignment]

    def digest_of_object(self) -> bytes:
        """Eight bytes for the whole object, as older formats have them. Takes time."""
        parsed = parse(self.record)
        assert not isinstance(parsed, Rejection)
        fields = parsed.fields
        if self.headers is not None:
            fields = from_binary(fields, self.headers)
        return object_digest(fields, normalize=parsed.has_odd_numbers)


NO_CONTENT = Content(b"")
"""Where nobody asks for it."""


def fields_digest(common: tuple[Any, ...], told: list[tuple[str, Any]]) -> bytes:
    """The digest of an event's fields.

    Args:
        common: its type, customer, time in epoch milliseconds and channel.
        told: names and values of the further fields that are there, in order of declaration.
    """
    return digest_of(_encoder.encode((common, told)))


def by_value(value: Any) -> Any:
    """A field's value as it is compared."""
    return value.lines if type(value) is Lines else value
