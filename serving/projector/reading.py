"""From what Kafka delivered to what Redis gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog
from aiokafka import ConsumerRecord, TopicPartition

from serving.projector.meter import ViewMeter
from serving.view.chunks import Chunk, cut
from serving.view.profile_record import ProfileRecord, Unreadable, read_profile

_log = structlog.get_logger(__name__)


def chunks_of(
    batch: Mapping[TopicPartition, Sequence[ConsumerRecord]],
    next_offsets: Mapping[int, int],
    meter: ViewMeter,
) -> list[Chunk[ProfileRecord]]:
    """The records of ``batch``, read and cut up; what is no profile is counted and left out.

    Args:
        batch: records by partition, in order.
        next_offsets: the position of each partition before the batch.
        meter: told about unreadable records.
    """
    chunks: list[Chunk[ProfileRecord]] = []
    for tp, records in batch.items():
        before, after = next_offsets[tp.partition], records[-1].offset + 1
        chunks += cut(tp.partition, before, after, _readable(records, meter))
    return chunks


def _readable(records: Sequence[ConsumerRecord], meter: ViewMeter) -> list[ProfileRecord]:
    readable = []
    for record in records:
        try:
            profile = read_profile(record.key, record.value, record.offset, record.timestamp)
        except Unreadable as reason:
            meter.records("unreadable", 1)
            _log.warning(
                "passing over a record of customer-profiles that is no profile",
                partition=record.partition,
                offset=record.offset,
                reason=str(reason),
            )
        else:
            readable.append(profile)
    return readable
