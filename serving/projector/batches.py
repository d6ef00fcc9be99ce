"""Decodes the records of a fetch, and cuts them into chunks for Redis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from aiokafka import ConsumerRecord, TopicPartition

from serving.projector.metrics import ViewMeter
from serving.view.change_records import LevelRecord, MoveRecord
from serving.view.chunks import Chunk, cut, cut_profiles
from serving.view.profile_record import ProfileRecord, Unreadable, read_profile
from serving.view.timeline_records import PassedRecord, Told

R = TypeVar("R")
C = TypeVar("C", Told[MoveRecord], Told[LevelRecord], Told[PassedRecord])

Batch = Mapping[TopicPartition, Sequence[ConsumerRecord]]
"""What a consumer fetched: records by partition, in order."""

Read = Callable[[bytes | None, bytes | None, int, int], R]
"""Reads the key, the value, the offset and the timestamp of a record, or raises `Unreadable`."""


def change_chunks(
    batch: Batch, next_offsets: Mapping[int, int], read: Read[C], meter: ViewMeter
) -> list[Chunk[C]]:
    """The changes of ``batch``, read and cut up; the unreadable are counted and left out.

    Args:
        batch: records by partition, in order.
        next_offsets: for each partition the offset that Redis has reached.
        read: reads a record.
        meter: counts unreadable records.
    """
    chunks: list[Chunk[C]] = []
    for tp, records in batch.items():
        before, after = next_offsets[tp.partition], records[-1].offset + 1
        chunks += cut(tp.partition, before, after, _readable(records, read, meter))
    return chunks


def profile_chunks(
    batch: Batch, next_offsets: Mapping[int, int], meter: ViewMeter
) -> list[Chunk[ProfileRecord]]:
    """As `change_chunks` for profiles; of each customer in a chunk only the last record stays."""
    chunks: list[Chunk[ProfileRecord]] = []
    for tp, records in batch.items():
        before, after = next_offsets[tp.partition], records[-1].offset + 1
        chunks += cut_profiles(tp.partition, before, after, _readable(records, read_profile, meter))
    return chunks


def _readable(records: Sequence[ConsumerRecord], read: Read[R], meter: ViewMeter) -> list[R]:
    readable = []
    for record in records:
        try:
            readable.append(read(record.key, record.value, record.offset, record.timestamp))
        except Unreadable as reason:
            meter.records("unreadable", 1)
            meter.foreign.note(record.topic, record.partition, record.offset, str(reason))
    return readable
