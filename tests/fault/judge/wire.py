"""How records look on the wire, read by a reader of our own: keys, headers, packed states.

What is read here is documented in docs/architecture.md; nothing is taken from the product's code.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import msgspec

from tests.fault.evidence import Header, RawRecord
from tests.oracle.records import (
    NotJsonError,
    from_binary,
    native_fields,
    parse_object,
    readable_event_id,
)

_TOPICS = {
    **dict.fromkeys(("order",), "orders"),
    **dict.fromkeys(("page", "product", "link", "cart", "checkout"), "browse"),
    **dict.fromkeys(("ticket", "survey", "followup"), "support"),
    **dict.fromkeys(("profile", "consent", "customer", "activity", "points", "tier"), "profiles"),
}
"""The input topic of each type, by what stands before the point."""

PARTITION_KEY = b"\x00partition"
"""Key of a partition's own record on the changelog."""

_MOVED = 25
"""Where a customer's state says into whom the customer was merged."""

_LETTER_BYTES = 256 * 1024
_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


class Position(NamedTuple):
    """Where upstream put a record, by the topic's short name."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class Origin(NamedTuple):
    """What a record of the log, or a dead letter, says of where it comes from.

    `topic_id` tells apart topics of one name, one made after the other was deleted; it is empty
    where the record does not say.
    """

    position: Position
    timestamp_ms: int
    key: bytes | None
    topic_id: str


class Unreadable(ValueError):
    """A record is not as the documentation says; the message is one clause."""


def murmur2(data: bytes) -> int:
    """Murmur2 as Kafka has it, 32 bits without a sign."""
    length = len(data)
    mixed = (_SEED ^ length) & _MASK
    whole = length - length % 4
    for at in range(0, whole, 4):
        word = (int.from_bytes(data[at : at + 4], "little") * _M) & _MASK
        word = ((word ^ (word >> 24)) * _M) & _MASK
        mixed = ((mixed * _M) & _MASK) ^ word
    rest = data[whole:]
    if rest:
        mixed = ((mixed ^ int.from_bytes(rest, "little")) * _M) & _MASK
    mixed = ((mixed ^ (mixed >> 13)) * _M) & _MASK
    return mixed ^ (mixed >> 15)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's own producers choose."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def headers_of(record: RawRecord) -> dict[str, bytes]:
    """The headers that have a value, by name; the first of a name counts."""
    found: dict[str, bytes] = {}
    for name, value in record.headers:
        if value is not None:
            found.setdefault(name, value)
    return found


def attributes_of(headers: tuple[Header, ...]) -> dict[str, bytes]:
    """The attributes of a CloudEvent in binary mode; the last of a name counts."""
    return {name: value for name, value in headers if value is not None and name.startswith("ce_")}


def origin_in_log(record: RawRecord, prefix: str) -> Origin | None:
    """Where a record of the log comes from; None if it does not say.

    Raises:
        Unreadable: its headers are not as documented.
    """
    headers = headers_of(record)
    source = headers.get("source")
    if source is None:
        return None
    try:
        partition, offset, timestamp, topic = source.decode().split("/", 3)
        name, topic_id = _named(topic, prefix)
        position = Position(name, int(partition), int(offset))
        timestamp_ms = int(timestamp)
    except ValueError as error:
        raise Unreadable(f"its header source is {source!r}") from error
    key = None if "source-no-key" in headers else headers.get("source-key", record.key)
    return Origin(position, timestamp_ms, key, topic_id)


def origin_of_letter(record: RawRecord, prefix: str) -> Origin | None:
    """Where a dead letter was; None if it does not say.

    Raises:
        Unreadable: its headers are not as documented.
    """
    headers = headers_of(record)
    if "source-topic" not in headers:
        return None
    try:
        name, topic_id = _named(headers["source-topic"].decode(), prefix)
        partition, offset = int(headers["source-partition"]), int(headers["source-offset"])
        timestamp_ms = int(headers["source-timestamp"])
        return Origin(Position(name, partition, offset), timestamp_ms, record.key, topic_id)
    except (KeyError, ValueError) as error:
        raise Unreadable("its headers do not say where it was") from error


def first_bytes(key: bytes | None, value: bytes | None) -> tuple[bytes | None, bytes | None]:
    """What a dead letter holds of a record: its first bytes, the key first."""
    first = None if key is None else key[:_LETTER_BYTES]
    room = _LETTER_BYTES - len(first or b"")
    return first, None if value is None else value[:room]


def original_said(key: bytes | None, value: bytes | None) -> tuple[bytes | None, bytes | None]:
    """What a dead letter says of the size and the digest of a record that it does not hold."""
    whole = (key or b"") + (value or b"")
    if len(whole) <= _LETTER_BYTES:
        return None, None
    return str(len(whole)).encode(), hashlib.sha256(whole).hexdigest().encode()


def _named(topic: str, prefix: str) -> tuple[str, str]:
    """The short name and the topic id in the full name of a source."""
    name, _, topic_id = topic.partition("@")
    return name.removeprefix(prefix), topic_id


def customer_in(value: bytes | None, attributes: dict[str, bytes]) -> str | None:
    """The customer id that an event names; None if none can be read."""
    parsed = _object_in(value, attributes)
    found = None if parsed is None else native_fields(parsed).get("customer_id")
    return found if isinstance(found, str) else None


def event_id_in(value: bytes | None, attributes: dict[str, bytes]) -> str | None:
    """The event id that a dead letter of this record must name."""
    parsed = _object_in(value, attributes)
    return None if parsed is None else readable_event_id(parsed)


def topic_in(value: bytes | None, attributes: dict[str, bytes]) -> str | None:
    """The input topic to which the type of this record belongs."""
    found = type_in(value, attributes)
    return None if found is None else _TOPICS.get(found.partition(".")[0])


def type_in(value: bytes | None, attributes: dict[str, bytes]) -> str | None:
    """The type that this record names."""
    parsed = _object_in(value, attributes)
    found = None if parsed is None else native_fields(parsed).get("type")
    return found if isinstance(found, str) else None


def _object_in(value: bytes | None, attributes: dict[str, bytes]) -> dict[str, Any] | None:
    try:
        parsed = parse_object(value or b"")
        return from_binary(parsed, attributes) if "ce_specversion" in attributes else parsed
    except NotJsonError:
        return None


class State(NamedTuple):
    """What a record of the changelog says; all but the first two are None for a partition's own."""

    epoch: int
    applied: int
    tier: str | None = None
    stage: str | None = None
    erased: bool | None = None
    customer_id: str | None = None
    sequence: int | None = None
    newest_ms: int | None = None
    level: int | None = None
    merged_into: str | None = None


def state_of(record: RawRecord) -> State:
    """A record of the changelog.

    Raises:
        Unreadable: it is none.
    """
    if record.value is None:
        raise Unreadable("it has no value")
    try:
        packed: Any = msgspec.msgpack.decode(record.value[_number_length(record.value) :])
    except msgspec.DecodeError as error:
        raise Unreadable("it is no msgpack") from error
    if record.key == PARTITION_KEY:
        if not isinstance(packed, dict) or not {"epoch", "applied"} <= packed.keys():
            raise Unreadable("it is no partition's own record")
        return State(packed["epoch"], packed["applied"])
    if not isinstance(packed, list) or len(packed) <= _MOVED:
        raise Unreadable("it is no customer")
    epoch, applied, _, tier, stage, erased, customer_id, sequence, newest_ms, level = packed[:10]
    moved = packed[_MOVED]
    into = None if moved is None else moved[0]
    return State(epoch, applied, tier, stage, erased, customer_id, sequence, newest_ms, level, into)


def _number_length(value: bytes) -> int:
    """The length of the number of the format before a packed record: one byte, or none."""
    return 1 if len(value) > 1 and value[0] < 0x80 <= value[1] else 0
