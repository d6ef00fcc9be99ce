"""From the records that Kafka delivered to chunks for Redis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import structlog
from aiokafka import ConsumerRecord, TopicPartition

from serving.projector.metrics import ViewMeter
from serving.view.chunks import Chunk, cut
from serving.view.profile_record import ProfileRecord, Unreadable, read_profile

R = TypeVar("R")

Read = Callable[[bytes | None, bytes | None, int, int], R]
"""Reads the key, the value, the offset and the timestamp of a record, or raises `Unreadable`."""

_CHUNK_MAX_RECORDS = 200

_log = structlog.get_logger(__name__)


def change_chunks(
    batch: Mapping[TopicPartition, Sequence[ConsumerRecord]],
    next_offsets: Mapping[int, int],
    read: Read[R],
    meter: ViewMeter,
) -> list[Chunk[R]]:
    """The records of ``batch``, read and cut up; the unreadable are counted and left out.

    Args:
        batch: records by partition, in order.
        next_offsets: the position of each partition before the batch.
        read: reads a record.
        meter: told about unreadable records.
    """
    chunks: list[Chunk[R]] = []
    for tp, records in batch.items():
        before = next_offsets[tp.partition]
        for first in range(0, len(records), _CHUNK_MAX_RECORDS):
            part = records[first : first + _CHUNK_MAX_RECORDS]
            after = part[-1].offset + 1
            chunks.append(Chunk(tp.partition, before, after, tuple(_readable(part, read, meter))))
            before = after
    return chunks


def profile_chunks(
    batch: Mapping[TopicPartition, Sequence[ConsumerRecord]],
    next_offsets: Mapping[int, int],
    meter: ViewMeter,
) -> list[Chunk[ProfileRecord]]:
    """The profiles of ``batch``, read and cut up; the unreadable are counted and left out.

    Args:
        batch: records by partition, in order.
        next_offsets: the position of each partition before the batch.
        meter: told about unreadable records.
    """
    chunks: list[Chunk[ProfileRecord]] = []
    for tp, records in batch.items():
        before, after = next_offsets[tp.partition], records[-1].offset + 1
        chunks += cut(tp.partition, before, after, _readable(records, read_profile, meter))
    return chunks


def _readable(records: Sequence[ConsumerRecord], read: Read[R], meter: ViewMeter) -> list[R]:
    readable = []
    for record in records:
        try:
            readable.append(read(record.key, record.value, record.offset, record.timestamp))
        except Unreadable as reason:
            meter.records("unreadable", 1)
            _log.warning(
                "passing over an unreadable record",
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                reason=str(reason),
            )
    return readable
