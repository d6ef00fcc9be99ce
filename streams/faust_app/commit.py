"""Which offset of a partition may be committed.

Faust looks for *consecutive* acked offsets. A batch acks only its last one, so Faust would commit
one batch an interval and repeat the rest after every rebalance. Here acks come strictly in the
order of delivery, hence the newest ack + 1 is exact: everything before it is done.
"""

from __future__ import annotations

from collections import deque

from faust.types import TP


class OutOfOrderAck(RuntimeError):
    """A batch was acked before an earlier one of its partition: committing it would lose data."""


class PartitionAcks:
    """The batches of one partition between delivery and commit.

    It stands where Faust keeps its list of acked offsets: Faust's compiled stream iterator appends
    to that list directly, so `append` is the one place that every ack passes.
    """

    __slots__ = (
        "_acked",
        "_fullness",
        "_in_flight",
        "_read_to",
        "full_in_flight",
        "next_offset",
        "read_from",
        "tp",
    )

    def __init__(self, tp: TP, next_offset: int | None = None) -> None:
        self.tp = tp
        self.next_offset = next_offset  # everything before it is acked; None: not yet known
        self.read_from = next_offset  # everything before it was delivered
        self.full_in_flight = 0.0  # how many full batches those in flight would make
        self._in_flight: deque[int] = deque()
        self._fullness: deque[float] = deque()
        self._read_to = 0
        self._acked = False

    @property
    def in_flight(self) -> int:
        """Number of batches delivered and not yet acked."""
        return len(self._in_flight)

    @property
    def done_to(self) -> int | None:
        """The offset up to which nothing is left to do; None as long as it is not known.

        The end of a transaction has an offset and is no record, and nobody gets what was aborted.
        With the last batch in flight such offsets are done as well.
        """
        if self.next_offset is None or self._in_flight:
            return self.next_offset
        return max(self.next_offset, self._read_to)

    def delivered(self, last_offset: int, fullness: float = 1.0) -> None:
        """Note that a batch that ends at ``last_offset`` goes to the agents."""
        self._in_flight.append(last_offset)
        self._fullness.append(fullness)
        self.full_in_flight += fullness
        self.read_from = last_offset + 1

    def note_read(self, offset: int) -> None:
        """Note that all before ``offset`` was read, and every record of it delivered."""
        self._read_to = max(offset, self._read_to)

    def pass_over(self) -> None:
        """Let the offsets that are no records be committed, once what is before them is acked."""
        if self.done_to != self.next_offset:
            self.next_offset = self.done_to
            self._acked = True

    def append(self, last_offset: int) -> None:
        """Note that the batch that ends at ``last_offset`` is acked. The name is Faust's.

        Raises:
            OutOfOrderAck: it is not the oldest in flight.
        """
        oldest = self._in_flight[0] if self._in_flight else None
        if last_offset != oldest:
            raise OutOfOrderAck(
                f"{self.tp.topic}/{self.tp.partition}: ack of the batch up to offset {last_offset}"
                f" while the oldest in flight ends at {oldest}"
            )
        self._in_flight.popleft()
        self.full_in_flight = max(0.0, self.full_in_flight - self._fullness.popleft())
        self.next_offset = last_offset + 1
        self._acked = True

    def stop_at(self, offset: int) -> None:
        """Take everything before this offset for done, and give back what is in flight.

        Raises:
            OutOfOrderAck: a later offset is acked already.
        """
        if self.next_offset is not None and offset < self.next_offset:
            raise OutOfOrderAck(
                f"{self.tp.topic}/{self.tp.partition}: stop at offset {offset} while everything"
                f" up to {self.next_offset} is acked"
            )
        self._in_flight.clear()
        self._fullness.clear()
        self.full_in_flight = 0.0
        self._read_to = offset
        self.next_offset = offset
        self._acked = True

    def take_commit(self) -> int | None:
        """The offset to commit, once; None if nothing was acked since the last call."""
        if not self._acked:
            return None
        self._acked = False
        return self.next_offset


class AcksByPartition(dict[TP, PartitionAcks]):
    """What is acked of each partition; made on first use."""

    def __missing__(self, tp: TP) -> PartitionAcks:
        acks = self[tp] = PartitionAcks(tp)
        return acks
