"""A record of `dormancy-alerts` as what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from handlers.outputs import (
    CUSTOMER_REACTIVATED,
    CUSTOMER_RETURNED,
    DORMANCY_ALERT,
    DORMANCY_WITHDRAWN,
)
from scoring.rules import LEVELS
from serving.view.envelope import open_envelope
from serving.view.profile_record import Unreadable
from serving.view.seen import Seen, seen_of


class _Reached(msgspec.Struct):
    customer_id: str
    sequence: int
    level: str
    effective_at: str


_TYPES = frozenset({DORMANCY_ALERT, DORMANCY_WITHDRAWN, CUSTOMER_REACTIVATED, CUSTOMER_RETURNED})
_data = msgspec.json.Decoder(_Reached)


@dataclass(frozen=True, slots=True)
class LevelRecord:
    """A level that a customer reached; whatever level came before is over.

    Attributes:
        customer_id: who reached it.
        seen: where the customer's newest sequence is remembered.
        offset: where the record stands in its partition.
        timestamp_ms: when it was written, in milliseconds since 1970.
        sequence: number of this output among those of its customer.
        at_ms: `effective_at`, in milliseconds since 1970.
        level: one of `LEVELS`.
    """

    customer_id: bytes
    seen: Seen
    offset: int
    timestamp_ms: int
    sequence: int
    at_ms: int
    level: str


def read_level(
    key: bytes | None, value: bytes | None, offset: int, timestamp_ms: int
) -> LevelRecord:
    """Read a record.

    Raises:
        Unreadable: it is no change of level of the customer of its key.
    """
    reached, at_ms = open_envelope(key, value, _TYPES, _data)
    if reached.level not in LEVELS:
        raise Unreadable(f"its level is none of {', '.join(LEVELS)}")
    customer_id = reached.customer_id.encode()
    seen = seen_of(customer_id)
    return LevelRecord(
        customer_id, seen, offset, timestamp_ms, reached.sequence, at_ms, reached.level
    )
