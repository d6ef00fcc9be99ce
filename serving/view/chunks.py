"""Records of one partition, cut into pieces that Redis works off without making others wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from serving.view.profile_record import ProfileRecord

_CHUNK_MAX_RECORDS = 200
_CHUNK_MAX_BYTES = 512 * 1024


R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Chunk(Generic[R_co]):
    """Consecutive records of a partition.

    Attributes:
        partition: of the topic they come from.
        before: the position that precedes them.
        after: the position that follows them.
        records: those that count, oldest first.
        coalesced: records left out because a later one of the same customer follows here.
    """

    partition: int
    before: int
    after: int
    records: tuple[R_co, ...]
    coalesced: int = 0


def cut(
    partition: int, before: int, after: int, records: Iterable[ProfileRecord]
) -> Iterator[Chunk[ProfileRecord]]:
    """Chunks from position ``before`` up to ``after``, the last one possibly without a record.

    Of each customer in a chunk only the last record stays.

    Args:
        partition: where the records come from.
        before: the position the view has reached.
        after: the position after the last record read, unreadable ones included.
        records: in the order of their offsets.
    """
    latest: dict[bytes, ProfileRecord] = {}
    seen = size_bytes = 0
    for record in records:
        if seen == _CHUNK_MAX_RECORDS or size_bytes > _CHUNK_MAX_BYTES:
            yield _chunk(partition, before, record.offset, latest, seen)
            before, latest, seen, size_bytes = record.offset, {}, 0, 0
        latest.pop(record.customer_id, None)
        latest[record.customer_id] = record
        seen += 1
        size_bytes += record.size_bytes
    yield _chunk(partition, before, after, latest, seen)


def _chunk(
    partition: int, before: int, after: int, latest: dict[bytes, ProfileRecord], seen: int
) -> Chunk[ProfileRecord]:
    return Chunk(partition, before, after, tuple(latest.values()), seen - len(latest))
