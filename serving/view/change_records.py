"""Decodes records of `tier-changes` and `dormancy-alerts` into what the view stores of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from handlers.outputs import (
    CUSTOMER_REACTIVATED,
    CUSTOMER_RETURNED,
    DORMANCY_ALERT,
    DORMANCY_WITHDRAWN,
    TIER_CHANGED,
)
from scoring.dormancy import LEVELS
from scoring.timestamps import parse_rfc3339
from serving.view.axes import amount_of
from serving.view.profile_record import Unreadable

_SEQUENCE_MAX = 2**53


class Change(Protocol):
    """The fields of an output's `data` that every change has."""

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


_BUCKETS = 16_384


class SeenKey(NamedTuple):
    """Where the newest sequence of a customer is stored.

    Attributes:
        bucket: number of the hash.
        field: the customer's field there.
    """

    bucket: int
    field: bytes


def seen_key(customer_id: bytes) -> SeenKey:
    """Where a customer's newest sequence is stored: 78 bits of a digest, so no two collide."""
    digest = blake2b(customer_id, digest_size=10).digest()
    return SeenKey(int.from_bytes(digest[:2]) % _BUCKETS, digest[2:])


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT_MAX = 256


class _After(msgspec.Struct):
    monetary: str = ""


class _Moved(msgspec.Struct):
    customer_id: str
    sequence: int
    previous_tier: str
    tier: str
    reason: str
    effective_at: str
    after: _After | None = None


_MOVE_TYPES = frozenset({TIER_CHANGED})
_decode_move = msgspec.json.Decoder(_Moved)
_encode_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class MoveRecord:
    """A customer's move from one tier to another.

    Attributes:
        seen: where the customer's newest sequence is stored.
        offset: of the record in its partition.
        timestamp_ms: when it was written, in milliseconds since 1970.
        sequence: number of this output among those of its customer.
        at_ms: `effective_at`, in milliseconds since 1970.
        move: JSON list of the tier left, the tier reached and the reason.
        spend: the customer's `monetary` after it, in ten-thousandths of the currency.
    """

    seen: SeenKey
    offset: int
    timestamp_ms: int
    sequence: int
    at_ms: int
    move: bytes
    spend: int = 0

    @property
    def size_bytes(self) -> int:
        """About how many bytes are sent to Redis for it."""
        return len(self.move)

    @property
    def day(self) -> date:
        """The date of `effective_at` in UTC."""
        return day_of(self.at_ms)


def read_move(key: bytes | None, value: bytes | None, offset: int, timestamp_ms: int) -> MoveRecord:
    """Decode a record of `tier-changes`.

    Raises:
        Unreadable: it is no tier change, or its key is not its customer.
    """
    moved, at_ms = open_envelope(key, value, _MOVE_TYPES, _decode_move)
    move = _encode_json((moved.previous_tier, moved.tier, moved.reason))
    if len(move) > _TEXT_MAX:
        raise Unreadable("the names of its tiers are too long")
    seen = seen_key(moved.customer_id.encode())
    spend = 0 if moved.after is None else amount_of(moved.after.monetary)
    return MoveRecord(seen, offset, timestamp_ms, moved.sequence, at_ms, move, spend)


def day_of(instant_ms: int) -> date:
    """The date of an instant in UTC."""
    return (_EPOCH + timedelta(milliseconds=instant_ms)).date()


class _Reached(msgspec.Struct):
    customer_id: str
    sequence: int
    level: str
    effective_at: str


_LEVEL_TYPES = frozenset(
    {DORMANCY_ALERT, DORMANCY_WITHDRAWN, CUSTOMER_REACTIVATED, CUSTOMER_RETURNED}
)
_decode_level = msgspec.json.Decoder(_Reached)


@dataclass(frozen=True, slots=True)
class LevelRecord:
    """A level that a customer reached; it replaces the level before.

    Attributes:
        customer_id: who reached it.
        seen: where the customer's newest sequence is stored.
        offset: of the record in its partition.
        timestamp_ms: when it was written, in milliseconds since 1970.
        sequence: number of this output among those of its customer.
        at_ms: `effective_at`, in milliseconds since 1970.
        level: one of `LEVELS`.
    """

    customer_id: bytes
    seen: SeenKey
    offset: int
    timestamp_ms: int
    sequence: int
    at_ms: int
    level: str

    @property
    def size_bytes(self) -> int:
        """About how many bytes are sent to Redis for it."""
        return len(self.customer_id)


def read_level(
    key: bytes | None, value: bytes | None, offset: int, timestamp_ms: int
) -> LevelRecord:
    """Decode a record of `dormancy-alerts`.

    Raises:
        Unreadable: it is no change of level, or its key is not its customer.
    """
    reached, at_ms = open_envelope(key, value, _LEVEL_TYPES, _decode_level)
    if reached.level not in LEVELS:
        raise Unreadable(f"its level is none of {', '.join(LEVELS)}")
    customer_id = reached.customer_id.encode()
    seen = seen_key(customer_id)
    return LevelRecord(
        customer_id, seen, offset, timestamp_ms, reached.sequence, at_ms, reached.level
    )
