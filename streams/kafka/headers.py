"""Keys and headers of the records in Kafka."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from handlers.reasons import ERASED_CUSTOMER, Rejection
from handlers.state.partition_state import Source

Headers = list[tuple[str, bytes]]

META_KEY = b"\x00partition"
"""Key of a partition's own record on the changelog; no customer id has control characters."""

REPLAYED_FROM = "replayed-from"
"""On a dead letter that was sent again, and on what becomes of it: `partition/offset` of the record
of the same input topic that it repeats."""

_SOURCE = "source"
_SOURCE_KEY = "source-key"
_NO_SOURCE_KEY = "source-no-key"
_DETAIL_MAX_CHARS = 500


class Origin(NamedTuple):
    """Where and when upstream put a record, and under which key."""

    source: Source
    timestamp_ms: int
    key: bytes | None


def canonical_headers(origin: Origin, key: bytes, headers: Sequence[tuple[str, bytes]]) -> Headers:
    """The headers of a record of the canonical log: its origin, and CloudEvents attributes.

    A replayed dead letter also keeps the header that names it.
    """
    source, timestamp_ms, original_key = origin
    found: Headers = [
        (
            _SOURCE,
            f"{source.partition}/{source.offset}/{timestamp_ms}/{source.full_topic}".encode(),
        )
    ]
    if original_key is None:
        found.append((_NO_SOURCE_KEY, b""))
    elif original_key != key:
        found.append((_SOURCE_KEY, original_key))
    if headers:
        found += _replay_mark(headers) + _attributes(headers)
    return found


def origin_of(headers: Sequence[tuple[str, bytes]], key: bytes) -> Origin | None:
    """The origin of a record of the canonical log; None if it has none."""
    original_key: bytes | None = key
    source = None
    for name, value in headers:
        if name == _SOURCE:
            partition, offset, timestamp_ms, full_topic = value.decode().split("/", 3)
            topic, _, topic_id = full_topic.partition("@")
            source = Source(topic, int(partition), int(offset), topic_id), int(timestamp_ms)
        elif name == _SOURCE_KEY:
            original_key = value
        elif name == _NO_SOURCE_KEY:
            original_key = None
    return None if source is None else Origin(*source, original_key)


def cloud_event_headers(headers: Sequence[tuple[str, bytes]]) -> Mapping[str, bytes] | None:
    """The attributes of a CloudEvent in binary mode; None for any other record."""
    if not headers or (len(headers) == 1 and headers[0][0] == _SOURCE):
        return None  # as nearly all are
    return dict(_attributes(headers)) or None


def dead_letter_headers(
    origin: Origin | None, rejection: Rejection, headers: Sequence[tuple[str, bytes]]
) -> Headers:
    """The headers of a dead letter: the reason, the source, then the attributes of a CloudEvent.

    A replay that is refused again keeps the header that names what it repeats, so that it is not
    replayed for ever. The attributes are part of the event, like the record's value, so none is
    kept for an erased customer.
    """
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
    found.append(("detail", rejection.detail[:_DETAIL_MAX_CHARS].encode("utf-8", "replace")))
    found += _replay_mark(headers)
    return found if rejection.reason == ERASED_CUSTOMER else found + _attributes(headers)


def dead_letter_value(value: bytes | None, rejection: Rejection) -> bytes | None:
    """The original bytes; None for an erased customer, of whom nothing is kept."""
    return None if rejection.reason == ERASED_CUSTOMER else value


def _replay_mark(headers: Sequence[tuple[str, bytes | None]]) -> Headers:
    return [(name, value) for name, value in headers if name == REPLAYED_FROM and value is not None]


def _attributes(headers: Sequence[tuple[str, bytes | None]]) -> Headers:
    """The attributes of a CloudEvent; headers without a value are left out."""
    return [
        (name, value) for name, value in headers if value is not None and name.startswith("ce_")
    ]
