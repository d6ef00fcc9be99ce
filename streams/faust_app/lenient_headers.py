"""Records with header names that are no UTF-8 are read like others, as Kafka's own client does.

A producer may write such a name (librdkafka takes any bytes, and brokers do not look at them).
aiokafka's decoder raises at the record, at every start, and nothing behind it could ever be read.
Here the rest of that fetch is decoded by aiokafka's decoder in Python, with U+FFFD for bytes that
are none; all other fetches are decoded as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.structs import TopicPartition
from typing_extensions import override

from streams.faust_app.consumed_record import ConsumedRecord

_FIRST_FORMAT_WITH_HEADERS = 2


def allow_any_header_name() -> None:
    """Have all consumers of this process read records with any header names.

    aiokafka has no setting for it, so its decoder is replaced for the whole process.
    """
    fetcher.MemoryRecords = FetchedRecords
    fetcher.PartitionRecords = PartitionRecords


class FetchedRecords(_MemoryRecordsPy):  # type: ignore[misc]  # a package without types
    """The batches of a fetch, and what it takes to decode one again.

    They are cut apart in Python: aiokafka's compiled code takes the format of a batch from the one
    behind it, and fails where a topic goes over from an older format to a newer one. What is in a
    batch is decoded as ever.

    Attributes:
        fetched: the bytes of all batches.
        taken: how many batches were handed out.
    """

    def __init__(self, fetched: bytes) -> None:
        super().__init__(fetched)
        self.fetched = fetched
        self.taken = 0

    @override
    def next_batch(self) -> Any:
        """The next batch, or None."""
        self.taken += 1
        return super().next_batch()


class PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """The records of a partition in a fetch; decoded leniently from a strange header name on."""

    _records: Any

    @override
    def _consumer_record(self, tp: TopicPartition, record: Any) -> ConsumedRecord:
        """A record for whoever consumes it; nobody here asks for a deserializer."""
        return ConsumedRecord(
            tp.topic,
            tp.partition,
            record.offset,
            record.timestamp,
            record.timestamp_type,
            record.key,
            record.value,
            tuple(record.headers),
        )

    @override
    def _unpack_records(self) -> Iterator[Any]:
        try:
            yield from super()._unpack_records()
        except (UnicodeDecodeError, CorruptRecordException) as error:
            # aiokafka's decoder in Python gives the first one as the cause of the second.
            if not isinstance(error.__cause__ or error, UnicodeDecodeError):
                raise
            # The batch at hand comes again, and what was yielded of it is passed over by offset.
            self._records = _LenientRecords(self._records.fetched, self._records.taken - 1)
            yield from super()._unpack_records()


class _LenientRecords(_MemoryRecordsPy):  # type: ignore[misc]
    """The batches of a fetch, but for the first ones."""

    def __init__(self, fetched: bytes, skipped: int) -> None:
        super().__init__(fetched)
        for _ in range(skipped):
            super().next_batch()

    @override
    def next_batch(self) -> Any:
        """The next batch, or None."""
        content = self._next_slice
        batch = super().next_batch()
        return _LenientBatch(content) if _may_have_headers(content) else batch


def _may_have_headers(batch: memoryview | None) -> bool:
    """Whether its format is new enough; the format stands at the same place in all of them."""
    return batch is not None and batch[_LenientRecords.MAGIC_OFFSET] >= _FIRST_FORMAT_WITH_HEADERS


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """A batch whose header names may be any bytes."""

    _buffer: bytearray

    @override
    def __iter__(self) -> Self:
        """Its records."""
        super().__iter__()
        self._buffer = _LenientBytes(self._buffer)
        return self


class _LenientBytes(bytearray):
    """Bytes of which every part can be decoded."""

    @override
    def __getitem__(self, part: Any) -> Any:
        found = super().__getitem__(part)
        return _LenientBytes(found) if isinstance(found, bytearray) else found

    @override
    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        """The text, with U+FFFD for what is none."""
        return super().decode(encoding, errors)
