"""A record of `tier-changes` as what is counted of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import msgspec

from handlers.outputs import TIER_CHANGED
from serving.view.envelope import open_envelope
from serving.view.profile_record import Unreadable
from serving.view.seen import Seen, seen_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT_MAX = 256


class _Moved(msgspec.Struct):
    customer_id: str
    sequence: int
    previous_tier: str
    tier: str
    reason: str
    effective_at: str


_TYPES = frozenset({TIER_CHANGED})
_data = msgspec.json.Decoder(_Moved)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class MoveRecord:
    """A move from a tier to another.

    Attributes:
        seen: where the customer's newest sequence is remembered.
        offset: where the record stands in its partition.
        timestamp_ms: when it was written, in milliseconds since 1970.
        sequence: number of this output among those of its customer.
        at_ms: `effective_at`, in milliseconds since 1970.
        move: JSON list of the tier left, the tier reached and the reason.
    """

    seen: Seen
    offset: int
    timestamp_ms: int
    sequence: int
    at_ms: int
    move: bytes

    @property
    def day(self) -> date:
        """The date of `effective_at` in UTC."""
        return day_of(self.at_ms)


def read_move(key: bytes | None, value: bytes | None, offset: int, timestamp_ms: int) -> MoveRecord:
    """Read a record.

    Raises:
        Unreadable: it is no tier change of the customer of its key.
    """
    moved, at_ms = open_envelope(key, value, _TYPES, _data)
    move = _encode((moved.previous_tier, moved.tier, moved.reason))
    if len(move) > _TEXT_MAX:
        raise Unreadable("the names of its tiers are too long")
    seen = seen_of(moved.customer_id.encode())
    return MoveRecord(seen, offset, timestamp_ms, moved.sequence, at_ms, move)


def day_of(instant_ms: int) -> date:
    """The date of an instant in UTC."""
    return (_EPOCH + timedelta(milliseconds=instant_ms)).date()
