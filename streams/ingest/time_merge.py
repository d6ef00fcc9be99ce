"""Merges input partitions by the timestamps of their records, for replays.

In a replay the clock of the log follows event time, so an input that is read ahead of the others
would make their events late. A record is released when every other partition has one to compare
with, or was seen at its end some time after the record came.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from faust.types import TP

from streams.faust_app import Record
from streams.faust_app.batch import BatchEvent

SETTLE_S = 0.4
"""How long after a record's arrival another partition must still be at its end to be passed over.

Producers send in parallel; what was sent a moment earlier may arrive a moment later."""


class _Queue:
    """The batches of one partition that are not released yet."""

    __slots__ = ("at_end_s", "batches", "next_index", "next_offset")

    def __init__(self) -> None:
        self.batches: deque[tuple[BatchEvent, float]] = deque()
        self.next_index = 0
        self.next_offset = 0
        self.at_end_s = float("-inf")

    @property
    def head(self) -> Record:
        batch = self.batches[0][0].value
        return batch.records[self.next_index]

    def pop(self) -> tuple[Record, BatchEvent]:
        event = self.batches[0][0]
        record = self.head
        self.next_index += 1
        if self.next_index == len(event.value.records):
            self.batches.popleft()
            self.next_index = 0
        return record, event


class TimeMerge:
    """Holds batches until their records' turn has come."""

    def __init__(self) -> None:
        self._queues: dict[TP, _Queue] = {}

    @property
    def waiting(self) -> bool:
        """Whether records wait for their turn."""
        return any(queue.batches for queue in self._queues.values())

    def add(self, event: BatchEvent, now_s: float) -> None:
        """Take a batch that arrived at `now_s` (monotonic)."""
        batch = event.value
        queue = self._queues.setdefault(batch.tp, _Queue())
        queue.batches.append((event, now_s))
        queue.next_offset = batch.last_offset + 1

    def drop(self, tp: TP) -> None:
        """Forget a partition from which nothing more is taken, and its records."""
        self._queues.pop(tp, None)

    def note_ends(self, ends: Mapping[TP, int], starts: Mapping[TP, int], checked_s: float) -> None:
        """Note the end offsets of all assigned partitions, asked for at `checked_s` (monotonic).

        `starts` are the next offsets of partitions from which nothing came yet.
        """
        for tp in self._queues.keys() - ends.keys():
            if not self._queues[tp].batches:
                del self._queues[tp]
        for tp, end in ends.items():
            queue = self._queues.get(tp)
            if queue is None:
                queue = self._queues[tp] = _Queue()
                queue.next_offset = starts.get(tp, 0)
            if max(queue.next_offset, starts.get(tp, 0)) >= end:
                queue.at_end_s = checked_s

    def release(self) -> Iterator[tuple[Record, BatchEvent]]:
        """Records whose turn has come, oldest timestamp first."""
        while True:
            filled = [queue for queue in self._queues.values() if queue.batches]
            if not filled:
                return
            first = min(filled, key=_timestamp)
            arrived_s = first.batches[0][1]
            for queue in self._queues.values():
                if not queue.batches and queue.at_end_s < arrived_s + SETTLE_S:
                    return
            yield first.pop()

    def release_all(self) -> Iterator[tuple[Record, BatchEvent]]:
        """Everything, oldest timestamp first, without waiting for anybody."""
        while filled := [queue for queue in self._queues.values() if queue.batches]:
            yield min(filled, key=_timestamp).pop()


def _timestamp(queue: _Queue) -> int:
    return queue.head.timestamp
