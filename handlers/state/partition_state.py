"""A partition's own state: clock, policy, owner epoch, and the offsets it has applied."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Annotated, NamedTuple

from msgspec import Struct, field, msgpack, structs

from handlers.control_records import Mode
from handlers.state.format_fields import check_fits, fields_at, since, without_newer
from handlers.state.formats import FIRST, NEWEST, format_of, with_number, without_number
from scoring.policy import Policy
from scoring.timestamps import NEVER_MS


class Source(NamedTuple):
    """Where upstream put a record: each partition of a topic has rising offsets."""

    topic: str
    partition: int
    offset: int
    topic_id: str = ""
    """The first characters of the topic id, which a topic made anew under one name does not share;
    empty if unknown. Each topic id has offsets of its own."""

    @property
    def full_topic(self) -> str:
        """The topic with its topic id; no topic's name has an `@`."""
        return f"{self.topic}@{self.topic_id}" if self.topic_id else self.topic


class Former(Struct, array_like=True, frozen=True):
    """A policy that was in force before one that customers still wait for."""

    offset: int
    """Of the record of the log by which another policy took its place."""
    clock_ms: int
    """The partition's clock at that record: time has come so far for those who wait."""
    policy: Policy


class Round(Struct, array_like=True, frozen=True):
    """Where re-evaluating all customers under a new policy has come to."""

    event_id: str
    """Of the policy's record."""
    at_a_time: int
    after: str | None
    """The customer id up to which all had their turn; None at the beginning."""
    formers: tuple[Former, ...]
    """The policies that those who wait stand under, oldest first."""
    quiet: Annotated[bool, since(3)] = False
    """What follows from the new policy alone is not to be acted on."""

    @property
    def offset(self) -> int:
        """The offset of the policy's record: who was not changed since waits."""
        return self.formers[-1].offset


class Meta(Struct):
    """A partition's own state, beside its customers."""

    epoch: int = 0
    applied: int = -1
    """The last offset of the log whose effects are all durable."""
    app_id: str = ""
    mode: Mode = "live"
    allowed_lateness_ms: int = 0
    policy: Policy | None = None
    newest_ms: int = NEVER_MS
    clock_ms: int = NEVER_MS
    source_offsets: dict[str, int] = field(default_factory=dict, name="positions")
    """The newest offset applied from each source partition, by `topic@topic_id/partition`."""
    profiles_end: int | None = None
    """The offset of the newest profile that an owner wrote, as of this record."""
    format: int = FIRST
    """The format of all records of the partition (`handlers.state.formats`), by the log."""
    rules: Annotated[int, since(2)] = 0
    """The number of the rules under which the policy came in force; 0 if it was not recorded."""
    round: Annotated[Round | None, since(2)] = None
    """Set while customers wait to be re-evaluated under the policy."""
    live_from_ms: Annotated[int | None, since(3)] = None
    """What takes effect before this instant is history, not to be acted on; None: nothing is."""
    quiet: Annotated[bool, since(3)] = False
    """What follows from the policy alone is not to be acted on, also of who comes back to it."""


def is_repeated(source_offsets: dict[str, int], source: Source) -> bool:
    """Whether this record of a source partition, or a later one, was applied; if not, note it.

    Args:
        source_offsets: as in `Meta.source_offsets`.
        source: where the record came from.
    """
    key = _offset_key(source.topic, source.topic_id, source.partition)
    offset = source_offsets.get(key)
    if offset is None:
        offset = _former_offset(source_offsets, source)
    if source.offset <= offset:
        source_offsets[key] = offset
        return True
    source_offsets[key] = source.offset
    return False


@lru_cache(maxsize=4_096)
def _offset_key(topic: str, topic_id: str, partition: int) -> str:
    """The name of a source partition in `Meta.source_offsets`."""
    return f"{Source(topic, partition, 0, topic_id).full_topic}/{partition}"


def _former_offset(source_offsets: dict[str, int], source: Source) -> int:
    """The offset of a source partition that is new with this topic id; -1 for none.

    An offset that was stored without a topic id counts for the first known one. Otherwise the
    former topic is gone, and its offset is forgotten.
    """
    if not source.topic_id:
        return -1
    former = -1
    suffix = f"/{source.partition}"
    for key in [key for key in source_offsets if _is_of(key, source.topic, suffix)]:
        offset = source_offsets.pop(key)
        if "@" not in key:
            former = offset
    return former


def _is_of(key: str, topic: str, suffix: str) -> bool:
    """Whether a key is that of a partition of a topic, with any topic id."""
    return key.endswith(suffix) and key.removesuffix(suffix).partition("@")[0] == topic


_meta_encoder = msgpack.Encoder()
_meta_decoder = msgpack.Decoder(Meta)


def pack_meta(meta: Meta) -> bytes:
    """The state as bytes, in the format of the partition.

    Raises:
        FormatTooOld: it would lose something.
    """
    check_fits(meta, meta.format)
    fields = {encoded: getattr(meta, name) for encoded, name in _packed_fields(meta.format)}
    if meta.format < NEWEST:
        fields = {name: without_newer(value, meta.format) for name, value in fields.items()}
    return with_number(meta.format, _meta_encoder.encode(fields))


@cache
def _packed_fields(number: int) -> tuple[tuple[str, str], ...]:
    """The fields that are packed in a format: their names in the record, and in the struct."""
    kept = set(fields_at(Meta, number)) - {"format"}
    fields = structs.fields(Meta)
    return tuple((each.encode_name, each.name) for each in fields if each.name in kept)


def unpack_meta(packed: bytes) -> Meta:
    """The state from its bytes.

    Raises:
        NewerFormat: a newer release wrote it.
        msgspec.DecodeError: it is no partition's own record.
    """
    meta = _meta_decoder.decode(without_number("the partition's own record", packed))
    meta.format = format_of(packed)
    return meta
