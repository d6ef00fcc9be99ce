"""Records of one partition, cut into chunks that Redis applies without making others wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from serving.view.profile_record import ProfileRecord

_CHUNK_MAX_RECORDS = 200
_CHUNK_MAX_BYTES = 512 * 1024


class Numbered(Protocol):
    """A record that knows its offset."""

    @property
    def offset(self) -> int:
        """Its offset in its partition."""

    @property
    def size_bytes(self) -> int:
        """About how many bytes are sent to Redis for it."""


R = TypeVar("R", bound=Numbered)
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Chunk(Generic[R_co]):
    """Consecutive records of a partition.

    Attributes:
        partition: of the topic they come from.
        before: offset that Redis must have reached before this chunk.
        after: offset that Redis has reached after it.
        records: those to apply, oldest first.
        coalesced: records left out because a later one of the same customer is in this chunk.
    """

    partition: int
    before: int
    after: int
    records: tuple[R_co, ...]
    coalesced: int = 0


def cut(partition: int, before: int, after: int, records: Iterable[R]) -> Iterator[Chunk[R]]:
    """Chunks from offset ``before`` up to ``after``; the last one may have no record.

    Args:
        partition: where the records come from.
        before: the offset that the view has reached.
        after: the offset after the last record read, unreadable ones included.
        records: in the order of their offsets.
    """
    gathered: list[R] = []
    size_bytes = 0
    for record in records:
        if len(gathered) == _CHUNK_MAX_RECORDS or size_bytes > _CHUNK_MAX_BYTES:
            yield Chunk(partition, before, record.offset, tuple(gathered))
            before, gathered, size_bytes = record.offset, [], 0
        gathered.append(record)
        size_bytes += record.size_bytes
    yield Chunk(partition, before, after, tuple(gathered))


def cut_profiles(
    partition: int, before: int, after: int, records: Iterable[ProfileRecord]
) -> Iterator[Chunk[ProfileRecord]]:
    """As `cut`; of each customer in a chunk only the last record stays."""
    for chunk in cut(partition, before, after, records):
        newest: dict[bytes, ProfileRecord] = {}
        for record in chunk.records:
            newest.pop(record.customer_id, None)
            newest[record.customer_id] = record
        coalesced = len(chunk.records) - len(newest)
        yield replace(chunk, records=tuple(newest.values()), coalesced=coalesced)
