"""The place of a stream, as the id of its events.

An id names the next offset of every partition that the stream reads, so any instance can go on from
it. It is opaque to clients, and bound to the incarnation of each topic where brokers tell it.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby
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
    outputs.TAGS_CHANGED,
    outputs.POINTS_CHANGED,
    outputs.POINTS_REFUSED,
)


Place = tuple[str, int]
"""Topic (without prefix) and partition."""

PLACES_MAX = 1_000
_VERSION = 1
_ENCODED_MAX = 12 * 1024
_CHECK_BYTES = 4
_MARK_BYTES = 4
_VARINT_MAX_BYTES = 9


class BadPosition(ValueError):
    """The id is none of ours; the message is one sentence."""


@dataclass(slots=True)
class Positions:
    """Where a stream stands; it changes as the stream goes on.

    Attributes:
        next_offsets: for each partition that is read the first offset that was not seen.
        marks: for each topic what tells its incarnation, from `mark_of`.
    """

    next_offsets: dict[Place, int]
    marks: Mapping[str, bytes] = field(default_factory=dict)

    def encoded(self) -> str:
        """The id."""
        raw = bytearray([_VERSION])
        for topic, places in groupby(sorted(self.next_offsets), key=lambda place: place[0]):
            raw.append(TOPICS.index(topic))
            raw += self.marks.get(topic, bytes(_MARK_BYTES))
            partitions = [partition for _, partition in places]
            raw += _varint(len(partitions))
            last = -1
            for partition in partitions:
                raw += _varint(partition - last - 1)
                raw += _varint(self.next_offsets[topic, partition])
                last = partition
        raw += crc32(raw).to_bytes(_CHECK_BYTES, "big")
        return urlsafe_b64encode(raw).decode().rstrip("=")


def mark_of(topic_id: str) -> bytes:
    """A short mark of a topic's incarnation; zeros if the brokers tell none."""
    return sha256(topic_id.encode()).digest()[:_MARK_BYTES] if topic_id else bytes(_MARK_BYTES)


def decoded(text: str) -> Positions:
    """Positions from an id.

    Raises:
        BadPosition: it is damaged, or not from here.
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


def _read(raw: Sequence[int], at: int) -> Positions:
    positions = Positions({}, marks := {})
    while at < len(raw):
        topic = TOPICS[raw[at]]
        marks[topic] = bytes(raw[at + 1 : at + 1 + _MARK_BYTES])
        count, at = _read_varint(raw, at + 1 + _MARK_BYTES)
        if len(positions.next_offsets) + count > PLACES_MAX:
            raise ValueError("too many partitions")
        partition = -1
        for _ in range(count):
            gap, at = _read_varint(raw, at)
            partition += gap + 1
            positions.next_offsets[topic, partition], at = _read_varint(raw, at)
    return positions


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
