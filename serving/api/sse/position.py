"""The position of a stream, encoded as the id of its events.

A position has the next offset of every partition that the stream reads, so any instance can resume
from an id. It is opaque to clients. Where brokers have topic ids it belongs to these topics only,
not to others that are created later under the same names.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from zlib import crc32

from handlers import outputs

TOPICS = (
    outputs.TIER_CHANGES,
    outputs.DORMANCY_ALERTS,
    outputs.CARE_REMINDERS,
    outputs.PROFILE_CHANGES,
)
"""In an order that positions rely on: add at the end only."""

TYPES = (
    outputs.TIER_CHANGED,
    outputs.DORMANCY_ALERT,
    outputs.DORMANCY_WITHDRAWN,
    outputs.CUSTOMER_REACTIVATED,
    outputs.CUSTOMER_RETURNED,
    outputs.BIRTHDAY_UPCOMING,
    outputs.ANNIVERSARY_UPCOMING,
    outputs.HOLIDAY_UPCOMING,
    outputs.CHECKIN_DUE,
    outputs.PROFILE_REFRESH_DUE,
    outputs.POINTS_EXPIRING,
    outputs.SURVEY_DUE,
    outputs.FOLLOWUP_DUE,
    outputs.VISIT_DUE,
    outputs.RETENTION_DUE,
    outputs.TICKET_OVERDUE,
    outputs.TIER_EXPIRING,
    outputs.TAGS_CHANGED,
    outputs.POINTS_CHANGED,
    outputs.POINTS_REFUSED,
    outputs.ATTRIBUTES_REFUSED,
    outputs.OWNER_CHANGED,
)


Partition = tuple[str, int]
"""Topic (without prefix) and partition."""

PARTITIONS_MAX = 1_000
_VERSION = 1
_ENCODED_MAX = 12 * 1024
_CHECK_BYTES = 4
_ID_HASH_BYTES = 4
_VARINT_MAX_BYTES = 9

UNKNOWN_ID = bytes(_ID_HASH_BYTES)
"""In the place of the hash of a topic's id, where the brokers have no ids."""


class BadPosition(ValueError):
    """The id is no position, or not one for this stream; the message is one sentence."""


@dataclass(slots=True)
class Position:
    """How far a stream is; it advances with the stream.

    Attributes:
        next_offsets: for each partition that is read, the next offset.
        id_hashes: for each topic a hash of its id, from `topic_id_hash`.
    """

    next_offsets: dict[Partition, int]
    id_hashes: Mapping[str, bytes] = field(default_factory=dict)

    def encoded(self) -> str:
        """The position as an id."""
        raw = bytearray([_VERSION])
        for topic, found in groupby(sorted(self.next_offsets), key=itemgetter(0)):
            raw.append(TOPICS.index(topic))
            raw += self.id_hashes.get(topic, UNKNOWN_ID)
            partitions = [partition for _, partition in found]
            raw += _varint(len(partitions))
            last = -1
            for partition in partitions:
                raw += _varint(partition - last - 1)
                raw += _varint(self.next_offsets[topic, partition])
                last = partition
        raw += crc32(raw).to_bytes(_CHECK_BYTES, "big")
        return urlsafe_b64encode(raw).decode().rstrip("=")

    def restricted_to(self, partitions: Sequence[Partition]) -> Position:
        """The part of a position that some partitions need.

        Raises:
            BadPosition: it lacks one of them.
        """
        if not self.next_offsets.keys() >= set(partitions):
            raise BadPosition("the position belongs to another selection of topics or customers")
        offsets = {partition: self.next_offsets[partition] for partition in partitions}
        return Position(offsets, dict(self.id_hashes))


def topic_id_hash(topic_id: str) -> bytes:
    """A short hash of a topic's id; `UNKNOWN_ID` if the brokers have none."""
    return sha256(topic_id.encode()).digest()[:_ID_HASH_BYTES] if topic_id else UNKNOWN_ID


def decode_position(text: str) -> Position:
    """The position that an id encodes.

    Raises:
        BadPosition: it is damaged, or encodes none.
    """
    if not text or len(text) > _ENCODED_MAX or not text.isascii():
        raise BadPosition("the position is none of ours")
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise BadPosition("the position is none of ours") from None
    body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
    if len(body) < 1 or crc32(body).to_bytes(_CHECK_BYTES, "big") != check:
        raise BadPosition("the position is damaged or none of ours")
    if body[0] != _VERSION:
        raise BadPosition("the position is of another version")
    try:
        return _read(body, 1)
    except (IndexError, ValueError):
        raise BadPosition("the position is none of ours") from None


def _read(raw: Sequence[int], at: int) -> Position:
    position = Position({}, id_hashes := {})
    while at < len(raw):
        topic = TOPICS[raw[at]]
        id_hashes[topic] = bytes(raw[at + 1 : at + 1 + _ID_HASH_BYTES])
        count, at = _read_varint(raw, at + 1 + _ID_HASH_BYTES)
        if len(position.next_offsets) + count > PARTITIONS_MAX:
            raise ValueError("too many partitions")
        partition = -1
        for _ in range(count):
            gap, at = _read_varint(raw, at)
            partition += gap + 1
            position.next_offsets[topic, partition], at = _read_varint(raw, at)
    return position


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _read_varint(raw: Sequence[int], at: int) -> tuple[int, int]:
    """A number, and where the next one begins."""
    value = shift = 0
    for byte in raw[at : at + _VARINT_MAX_BYTES]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at + shift // 7
    raise ValueError("a number does not end")
