"""Decodes records of all four topics of outputs into entries of the timelines of customers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from handlers.outputs import TAGS_CHANGED
from handlers.outputs.types import CHANGE_TYPES
from serving.view.change_records import SeenKey, open_envelope, seen_key
from serving.view.chunks import Numbered

TYPES = tuple(name for name in CHANGE_TYPES if name != TAGS_CHANGED)
"""Types that timelines have. Tags are left out: they change often, and the profile has them with
the instants since when they hold."""

_LEFT_OUT = frozenset(
    {
        "customer_id",
        "backfill",
        "policy_version",
        "marketing_consent",
        "consented_channels",
        "audience",
        "not_before",
        "late",
        "before",
        "next_tier",
        "open_tickets",
        "followups",
    }
)
"""What entries do without: what says nothing of the customer then, and lists of unknown length."""

_LISTS = frozenset({"caused_by", "crossed", "withdraws", "refused"})
_ENTRY_MAX_BYTES = 2_048
"""A longer entry goes without its lists."""

_encode = msgspec.json.Encoder().encode


class _Head(msgspec.Struct):
    type: str


class _Data(msgspec.Struct):
    customer_id: str
    sequence: int
    effective_at: str


class _Fields(msgspec.Struct):
    data: dict[str, Any]


_ALL_TYPES = frozenset(CHANGE_TYPES)
_decode_type = msgspec.json.Decoder(_Head).decode
_decode_fields = msgspec.json.Decoder(_Fields).decode
_data = msgspec.json.Decoder(_Data)


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened to a customer.

    Attributes:
        customer_id: to whom.
        erased: where it is noted when the customer was erased.
        timestamp_ms: when the record was written, in milliseconds since 1970.
        sequence: number of this output among those of its customer.
        text: JSON of its type and of the fields of its `data` that have a value.
    """

    customer_id: str
    erased: SeenKey
    timestamp_ms: int
    sequence: int
    text: bytes


def read_entry(key: bytes | None, value: bytes | None, timestamp_ms: int) -> Entry | None:
    """Decode a record of a topic of outputs; None for one that timelines leave out.

    Raises:
        Unreadable: it is no output, or its key is not its customer.
    """
    data, _ = open_envelope(key, value, _ALL_TYPES, _data)
    assert value is not None
    kind = _decode_type(value).type
    if kind not in TYPES:
        return None
    told = _decode_fields(value).data
    fields = {
        name: found
        for name, found in told.items()
        if name not in _LEFT_OUT and found is not None and found != []
    }
    text = _encode({"type": kind, **fields})
    if len(text) > _ENTRY_MAX_BYTES:
        text = _encode({"type": kind, **{n: v for n, v in fields.items() if n not in _LISTS}})
    seen = seen_key(data.customer_id.encode())
    return Entry(data.customer_id, seen, timestamp_ms, data.sequence, text)


@dataclass(frozen=True, slots=True)
class PassedRecord:
    """A record of which only the timeline keeps something.

    Attributes:
        offset: of the record in its partition.
    """

    offset: int

    @property
    def size_bytes(self) -> int:
        """Nothing is sent to Redis for it."""
        return 0


R = TypeVar("R", bound=Numbered)


@dataclass(frozen=True, slots=True)
class Told(Generic[R]):
    """A record of outputs, with what it adds to the timeline of its customer.

    Attributes:
        record: what the view keeps of it beside the timelines.
        entry: None for what timelines leave out.
    """

    record: R
    entry: Entry | None

    @property
    def offset(self) -> int:
        """Its offset in its partition."""
        return self.record.offset

    @property
    def size_bytes(self) -> int:
        """About how many bytes are sent to Redis for it."""
        return self.record.size_bytes + (len(self.entry.text) if self.entry else 0)


Read = Callable[[bytes | None, bytes | None, int, int], R]


def told(read: Read[R]) -> Callable[[bytes | None, bytes | None, int, int], Told[R]]:
    """Reads a record by ``read``, and what it adds to the timeline of its customer."""

    def read_both(
        key: bytes | None, value: bytes | None, offset: int, timestamp_ms: int
    ) -> Told[R]:
        record = read(key, value, offset, timestamp_ms)
        return Told(record, read_entry(key, value, timestamp_ms))

    return read_both


def read_passed(
    _key: bytes | None, _value: bytes | None, offset: int, _timestamp_ms: int
) -> PassedRecord:
    """Of a record that only the timeline keeps, the offset."""
    return PassedRecord(offset)
