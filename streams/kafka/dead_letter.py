"""A dead letter as a record of its topic. It always fits, whatever upstream sent.

Of a key and a value of more than 256 KiB together it holds the first 256 KiB, the key first. The
headers `original-size` and `original-sha256` are then those of the whole key followed by the whole
value, and the header `attributes-left-out` says how many attributes of a CloudEvent are not there
as they were. The source offset finds the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from handlers.reasons import ERASED_CUSTOMER, Rejection
from streams.kafka.attributes import Headers, copied_attributes
from streams.kafka.headers import COMPLETE, LeftOut, Origin, Original, left_out_headers, replay_mark

MAX_BYTES = 256 * 1024
"""Of a key and value together."""

_DETAIL_MAX_CHARS = 500


class LetterRecord(NamedTuple):
    """A record for the topic dead-letters."""

    key: bytes | None
    value: bytes | None
    headers: Headers


def dead_letter(
    key: bytes | None,
    value: bytes | None,
    origin: Origin | None,
    rejection: Rejection,
    headers: Sequence[tuple[str, bytes]],
    left_out: LeftOut = COMPLETE,
) -> LetterRecord:
    """The dead letter of a record.

    Args:
        key: of the record, as upstream gave it.
        value: of the record. None of it is kept for an erased customer, nor any attribute: they are
            part of the event.
        origin: where upstream put the record, if that is known.
        rejection: why it cannot be used.
        headers: of the record. A replay that is refused again keeps the one that names what it
            repeats, so that it is not replayed for ever.
        left_out: what `key` and `headers` lack already.
    """
    told = _what_is_wrong(origin, rejection) + replay_mark(headers)
    if rejection.reason == ERASED_CUSTOMER:
        return LetterRecord(*first_bytes(key, None), told)
    attributes, missing = copied_attributes(headers)
    first = first_bytes(key, value)
    original = left_out.original
    if original is None and first != (key, value):
        original = original_of(key, value)
    left_out = LeftOut(original, left_out.attributes + missing)
    return LetterRecord(*first, told + left_out_headers(left_out) + attributes)


def first_bytes(key: bytes | None, value: bytes | None) -> tuple[bytes | None, bytes | None]:
    """The first 256 KiB of a key and a value, the key first."""
    first_key = None if key is None else key[:MAX_BYTES]
    room = MAX_BYTES - len(first_key or b"")
    return first_key, None if value is None else value[:room]


def original_of(key: bytes | None, value: bytes | None) -> Original:
    """Size and digest of a key followed by a value."""
    digest = hashlib.sha256(key or b"")
    digest.update(value or b"")
    return Original(len(key or b"") + len(value or b""), digest.hexdigest())


def with_first_bytes_of_key(origin: Origin, value: bytes | None) -> tuple[Origin, LeftOut]:
    """An origin for the headers of a record of the log, which must fit beside its value."""
    key, _ = first_bytes(origin.key, None)
    if key == origin.key:
        return origin, COMPLETE
    return origin._replace(key=key), LeftOut(original_of(origin.key, value))


def _what_is_wrong(origin: Origin | None, rejection: Rejection) -> Headers:
    found: Headers = [("reason", rejection.reason.encode())]
    if origin is not None:
        source = origin.source
        found += [
            ("source-topic", source.topic.encode()),
            ("source-partition", str(source.partition).encode()),
            ("source-offset", str(source.offset).encode()),
            ("source-timestamp", str(origin.timestamp_ms).encode()),
        ]
    if rejection.event_id is not None:
        found.append(("event-id", rejection.event_id.encode()))
    detail = rejection.detail[:_DETAIL_MAX_CHARS].encode("utf-8", "replace")
    return [*found, ("detail", detail)]
