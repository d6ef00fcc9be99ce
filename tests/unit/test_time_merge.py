"""The merge of inputs by time, where a partition is taken out of it."""

from __future__ import annotations

from dataclasses import dataclass

from faust.types import TP

from streams.faust_app import Batch
from streams.ingest.time_merge import TimeMerge

SLOW, QUICK = TP("orders", 0), TP("browse", 0)


@dataclass(frozen=True)
class Read:
    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Event:
    value: Batch

    def ack(self) -> bool:
        raise AssertionError("the merge acks nothing")


def event(tp: TP, *timestamps: int) -> Event:
    return Event(Batch.of(tp, [Read(offset, at) for offset, at in enumerate(timestamps)]))


def released(merge: TimeMerge) -> list[int]:
    return [record.timestamp for record, _ in merge.release()]


def test_a_partition_that_is_dropped_holds_up_nobody() -> None:
    merge = TimeMerge()
    merge.note_ends({SLOW: 9, QUICK: 9}, {}, 0.0)
    merge.add(event(QUICK, 5, 6), 1.0)
    assert released(merge) == [], "the other one may still have something older"
    merge.drop(SLOW)
    assert released(merge) == [5, 6]


def test_a_partition_that_is_dropped_in_mid_release_gives_no_more() -> None:
    merge = TimeMerge()
    merge.add(event(SLOW, 1, 2, 3), 1.0)
    merge.add(event(QUICK, 4, 5), 1.0)
    found = []
    for record, one in merge.release_all():
        found.append(record.timestamp)
        if record.timestamp == 2:
            merge.drop(one.value.tp)
    assert found == [1, 2, 4, 5]
    assert not merge.waiting
