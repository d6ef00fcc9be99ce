"""Keys and headers of the records in Kafka."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from handlers.state.partition_state import Source
from streams.kafka.attributes import Headers, attributes_of, copied_attributes

__all__ = ["Headers"]

META_KEY = b"\x00partition"
"""Key of a partition's own record on the changelog; no customer id has control characters."""

REPLAYED_FROM = "replayed-from"
"""On a dead letter that was sent again, and on what becomes of it: `partition/offset` of the record
of the same input topic that it repeats."""

ORIGINAL_SIZE = "original-size"
"""On what holds only the first bytes of a key and value: how many bytes they had together."""
ORIGINAL_SHA256 = "original-sha256"
"""Beside it: the digest of the whole key followed by the whole value, in hexadecimal digits."""
ATTRIBUTES_LEFT_OUT = "attributes-left-out"
"""How many attributes of a CloudEvent are missing or shortened."""

_SOURCE = "source"
_SOURCE_KEY = "source-key"
_NO_SOURCE_KEY = "source-no-key"
_MARK_MAX_BYTES = 64
_NUMBER_MAX_DIGITS = 20
_PARTITIONS_MAX = 4_096


class Origin(NamedTuple):
    """Where and when upstream put a record, and under which key."""

    source: Source
    timestamp_ms: int
    key: bytes | None


class Original(NamedTuple):
    """Size in bytes and SHA-256 of a key followed by a value."""

    size: int
    sha256: str


class LeftOut(NamedTuple):
    """What a record lacks of what upstream sent.

    Attributes:
        original: of key and value, if one of them is not whole.
        attributes: how many attributes of a CloudEvent are missing or shortened.
    """

    original: Original | None = None
    attributes: int = 0


COMPLETE = LeftOut()


def canonical_headers(
    origin: Origin,
    key: bytes,
    headers: Sequence[tuple[str, bytes]],
    left_out: LeftOut = COMPLETE,
) -> Headers:
    """The headers of a record of the canonical log: its origin, and CloudEvents attributes.

    A replayed dead letter also keeps the header that names it.

    Args:
        origin: of the record.
        key: of the record in the log.
        headers: those that upstream gave it.
        left_out: what `origin` and `headers` lack already.
    """
    (topic, partition, offset, topic_id), timestamp_ms, original_key = origin
    found = source_headers(topic, topic_id, partition, offset, timestamp_ms)
    if original_key is None:
        found.append((_NO_SOURCE_KEY, b""))
    elif original_key != key:
        found.append((_SOURCE_KEY, original_key))
    if headers:
        attributes, missing = copied_attributes(headers)
        if missing:
            left_out = left_out._replace(attributes=left_out.attributes + missing)
        found += replay_mark(headers) + attributes
    return found if left_out is COMPLETE else found + left_out_headers(left_out)


def source_headers(
    topic: str, topic_id: str, partition: int, offset: int, timestamp_ms: int
) -> Headers:
    """All headers of a record whose key stays, and which came without headers."""
    place = f"{partition}/{offset}/{timestamp_ms}/{_full_topic(topic, topic_id)}"
    return [(_SOURCE, place.encode())]


def origin_of(headers: Sequence[tuple[str, bytes]], key: bytes) -> Origin | None:
    """The origin of a record of the canonical log; None if it has none that can be read."""
    original_key: bytes | None = key
    source = None
    for name, value in headers:
        if name == _SOURCE:
            source = _read_source(value)
        elif name == _SOURCE_KEY:
            original_key = value
        elif name == _NO_SOURCE_KEY:
            original_key = None
    return None if source is None else Origin(*source, original_key)


def _read_source(value: bytes | None) -> tuple[Source, int] | None:
    """The source in a header, and the timestamp of its record; None if it is none of ours."""
    try:
        partition, offset, timestamp_ms, full_topic = (value or b"").split(b"/", 3)
        place = _source_partition(partition, full_topic)
    except ValueError:
        return None
    told = timestamp_of(timestamp_ms)
    if place is None or told is None or not _is_number(offset):
        return None
    topic, at, topic_id = place
    return Source(topic, at, int(offset), topic_id), told


@lru_cache(maxsize=_PARTITIONS_MAX)
def _source_partition(partition: bytes, full_topic: bytes) -> tuple[str, int, str] | None:
    """Topic, partition and topic id as a source tells them; None if that is no partition.

    Raises:
        UnicodeDecodeError: the topic is no text.
    """
    topic, _, topic_id = full_topic.decode().partition("@")
    return (topic, int(partition), topic_id) if _is_number(partition) else None


@lru_cache(maxsize=_PARTITIONS_MAX)
def _full_topic(topic: str, topic_id: str) -> str:
    return Source(topic, 0, 0, topic_id).full_topic


def timestamp_of(text: bytes) -> int | None:
    """A timestamp in a header, which may be negative: -1 is that of a record without one."""
    if _is_number(text):
        return int(text)
    digits = text[1:]
    return -int(digits) if text[:1] == b"-" and _is_number(digits) else None


def _is_number(text: bytes) -> bool:
    """Whether it is as we write numbers; anybody may write headers."""
    return text.isdigit() and len(text) < _NUMBER_MAX_DIGITS


def cloud_event_headers(headers: Sequence[tuple[str, bytes]]) -> Mapping[str, bytes] | None:
    """The attributes of a CloudEvent in binary mode; None for any other record."""
    if not headers or (len(headers) == 1 and headers[0][0] == _SOURCE):
        return None  # as nearly all are
    return dict(attributes_of(headers)) or None


def left_out_headers(left_out: LeftOut) -> Headers:
    """The headers that say what is left out; none if nothing is."""
    found: Headers = []
    if left_out.original is not None:
        found = [
            (ORIGINAL_SIZE, str(left_out.original.size).encode()),
            (ORIGINAL_SHA256, left_out.original.sha256.encode()),
        ]
    if left_out.attributes:
        found.append((ATTRIBUTES_LEFT_OUT, str(left_out.attributes).encode()))
    return found


def left_out_of(headers: Sequence[tuple[str, bytes | None]]) -> LeftOut:
    """What the headers of a record of ours say is left out; of each name the first counts."""
    if len(headers) <= 1:
        return COMPLETE  # as nearly all are
    said = {
        name: value.decode("utf-8", "replace")
        for name, value in reversed(headers)
        if value is not None and name in (ORIGINAL_SIZE, ORIGINAL_SHA256, ATTRIBUTES_LEFT_OUT)
    }
    if not said:
        return COMPLETE
    size, sha256 = number(said.get(ORIGINAL_SIZE)), said.get(ORIGINAL_SHA256)
    original = None if size is None or sha256 is None else Original(size, sha256[:64])
    return LeftOut(original, number(said.get(ATTRIBUTES_LEFT_OUT)) or 0)


def number(text: str | None) -> int | None:
    """A number in a header; None for anything else, since anybody may write headers."""
    is_one = text is not None and text.isascii() and _is_number(text.encode())
    return int(text) if text is not None and is_one else None


def replay_mark(headers: Sequence[tuple[str, bytes | None]]) -> Headers:
    """The header that names what a replay repeats, if there is one; the first counts."""
    for name, value in headers:
        if name == REPLAYED_FROM and value is not None:
            return [(name, value)] if len(value) <= _MARK_MAX_BYTES else []
    return []
