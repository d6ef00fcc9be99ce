"""A batch: what a fetch brought of one partition, handled as one Faust event."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from faust.types import TP


class Record(Protocol):
    """What is used of a consumed record; `aiokafka.ConsumerRecord` has it."""

    @property
    def offset(self) -> int:
        """Its offset in the partition."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since 1970, set by the producer or the broker."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its value; None is a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Its headers, in order; names may repeat."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records of one partition, never empty.

    Offsets may have gaps (compaction, transactions), so ``last_offset`` does not follow from
    ``first_offset`` and the number of records.

    Attributes:
        read_from: where reading came from: no record is between it and ``first_offset``.
        fullness: how much of what a batch may hold it holds, by records or by bytes.
    """

    tp: TP
    records: Sequence[Record]
    first_offset: int
    last_offset: int
    read_from: int
    fullness: float = 1.0

    @classmethod
    def of(
        cls,
        tp: TP,
        records: Sequence[Record],
        read_from: int | None = None,
        fullness: float = 1.0,
    ) -> Batch:
        """The batch of all ``records``, which are in the order of their offsets."""
        first, last = records[0].offset, records[-1].offset
        return cls(tp, records, first, last, first if read_from is None else read_from, fullness)

    def __len__(self) -> int:
        return len(self.records)


def split(
    tp: TP,
    records: Sequence[Record],
    max_records: int,
    max_bytes: int,
    read_from: int | None = None,
) -> Iterator[Batch]:
    """Cut ``records`` into batches within both limits; a larger record is alone in its batch."""
    start, size_bytes = 0, 0
    for index, record in enumerate(records):
        record_bytes = len(record.value or b"") + len(record.key or b"")
        full = index - start >= max_records or size_bytes + record_bytes > max_bytes
        if full and index > start:
            fullness = max((index - start) / max_records, size_bytes / max_bytes)
            yield Batch.of(tp, records[start:index], read_from, fullness)
            read_from = records[index - 1].offset + 1
            start, size_bytes = index, 0
        size_bytes += record_bytes
    if start < len(records):
        fullness = max((len(records) - start) / max_records, size_bytes / max_bytes)
        yield Batch.of(tp, records[start:], read_from, fullness)


class BatchEvent(Protocol):
    """A Faust event whose value is a batch."""

    @property
    def value(self) -> Batch:
        """The batch."""

    def ack(self) -> bool:
        """Mark the batch as done. Batches of a partition are acked in the order they came."""


def batch_events(stream: Any) -> AsyncIterator[BatchEvent]:
    """The batches of an agent's stream; nothing is acked unless `ack` is called."""
    return cast(AsyncIterator[BatchEvent], stream.noack().events())
