"""Writing records whose header names are any bytes, as librdkafka can."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import pytest
from aiokafka.producer import message_accumulator, producer
from aiokafka.record import MemoryRecords
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from streams.faust_app.lenient_headers import PartitionRecords

AS_AIOKAFKA_READS: Mapping[str, Any] = {
    "MemoryRecords": MemoryRecords,
    "PartitionRecords": PartitionRecords.__base__,
}
"""What is in `aiokafka.consumer.fetcher` before ours takes its place."""


class AnyName(str):
    """A header name that is sent as bytes of one's own choice.

    Args:
        sent: the bytes.
    """

    __slots__ = ("_sent",)
    _sent: bytes

    def __new__(cls, sent: bytes) -> AnyName:
        made = super().__new__(cls, sent.decode("utf-8", "replace"))
        made._sent = sent
        return made

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        assert encoding == "utf-8", errors
        return self._sent


Codec = Literal["none", "gzip", "snappy", "lz4", "zstd"]
CODECS: tuple[Codec, ...] = ("none", "gzip", "snappy", "lz4", "zstd")
Written = tuple[bytes, Sequence[tuple[str, bytes | None]]]
_BASE_OFFSET_BYTES = 8
_END_OF_TRANSACTION = struct.Struct(">HH")


class _Builder(_DefaultRecordBatchBuilderPy):  # type: ignore[misc]  # a package without types
    """Makes control batches, too."""

    is_control = False

    def _get_attributes(self, include_compression_type: bool = True) -> int:
        attributes: int = super()._get_attributes(include_compression_type)
        return attributes | (self.CONTROL_MASK if self.is_control else 0)


def batch(
    records: Sequence[Written], base_offset: int, codec: Codec = "none", *, of_producer: int = -1
) -> bytes:
    """A batch of values with headers as a broker keeps it, maybe of a producer's transaction."""
    builder = _builder(codec, of_producer)
    for offset, (value, headers) in enumerate(records):
        builder.append(offset, 1_000 + offset, b"key", value, list(headers))
    return _at(base_offset, builder)


def end_of_transaction(base_offset: int, of_producer: int, *, is_aborted: bool) -> bytes:
    """The control batch that ends a producer's transaction."""
    builder = _builder("none", of_producer)
    builder.is_control = True
    builder.append(0, 1_000, _END_OF_TRANSACTION.pack(0, not is_aborted), bytes(6), [])
    return _at(base_offset, builder)


def _builder(codec: Codec, of_producer: int) -> _Builder:
    return _Builder(2, CODECS.index(codec), of_producer >= 0, of_producer, 0, 0, 1 << 30)


def _at(base_offset: int, builder: _Builder) -> bytes:
    """What brokers do: no checksum covers the offset of the first record."""
    made = bytes(builder.build())
    return base_offset.to_bytes(_BASE_OFFSET_BYTES, "big") + made[_BASE_OFFSET_BYTES:]


@contextmanager
def any_header_names() -> Iterator[None]:
    """Have aiokafka's producers take `AnyName`, which its compiled builder does not."""
    with pytest.MonkeyPatch.context() as patch:
        builder: Any = _DefaultRecordBatchBuilderPy
        for module in (producer, message_accumulator):
            patch.setattr(module, "DefaultRecordBatchBuilder", builder)
        yield
