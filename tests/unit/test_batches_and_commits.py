"""How fetched records become batches, and acks become positions."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from streams.faust_app.batch import Batch, split
from streams.faust_app.commit import AcksByPartition, OutOfOrderAck, PartitionAcks

HERE = TP("events", 3)


@dataclass(frozen=True)
class Fetched:
    offset: int
    value: bytes | None
    key: bytes | None = None
    timestamp: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


@given(
    sizes=st.lists(st.integers(0, 40), max_size=60),
    max_records=st.integers(1, 10),
    max_bytes=st.integers(1, 100),
)
def test_batches_hold_every_record_once_in_order_and_within_the_bounds(
    sizes: list[int], max_records: int, max_bytes: int
) -> None:
    records = [Fetched(offset * 3, b"x" * size) for offset, size in enumerate(sizes)]
    batches = list(split(HERE, records, max_records, max_bytes))
    assert [record for batch in batches for record in batch.records] == records
    for batch in batches:
        assert 1 <= len(batch) <= max_records
        assert sum(len(r.value or b"") for r in batch.records) <= max_bytes or len(batch) == 1
        assert (batch.first_offset, batch.last_offset) == (
            batch.records[0].offset,
            batch.records[-1].offset,
        )


@given(steps=st.lists(st.sampled_from(["deliver", "ack", "commit"]), max_size=60))
def test_the_position_is_always_the_one_behind_the_newest_ack(steps: list[str]) -> None:
    acks = AcksByPartition()[HERE]
    delivered = acked = 0  # batches; the one with number n ends at offset 7 n
    committed: int | None = None
    for step in steps:
        if step == "deliver":
            delivered += 1
            acks.delivered(7 * delivered)
        elif step == "ack" and acked < delivered:
            acked += 1
            acks.append(7 * acked)
        elif step == "commit":
            committed = acks.take_commit() or committed
            assert committed == (7 * acked + 1 if acked else None)
            assert acks.take_commit() is None, "there is nothing new to commit"
        assert acks.in_flight == delivered - acked


def test_an_ack_out_of_order_is_refused_and_moves_nothing() -> None:
    acks = AcksByPartition()[HERE]
    acks.delivered(9)
    acks.delivered(19)
    with pytest.raises(
        OutOfOrderAck, match=r"events/3: .* 19 while the oldest in flight ends at 9"
    ):
        acks.append(19)
    assert acks.take_commit() is None
    acks.append(9)
    assert acks.take_commit() == 10


def test_an_ack_of_what_was_never_delivered_is_refused() -> None:
    with pytest.raises(OutOfOrderAck):
        AcksByPartition()[HERE].append(5)


def test_a_stop_inside_of_a_batch_is_the_position_and_gives_back_the_rest() -> None:
    acks = AcksByPartition()[HERE]
    acks.delivered(9)
    acks.delivered(19)
    acks.delivered(29)
    acks.append(9)
    acks.stop_at(14)
    assert (acks.next_offset, acks.in_flight) == (14, 0)
    assert acks.take_commit() == 14
    with pytest.raises(OutOfOrderAck):
        acks.append(19)
    acks.stop_at(14)
    assert acks.take_commit() == 14, "a second time changes nothing"


def test_a_stop_before_what_is_acked_is_refused() -> None:
    acks = AcksByPartition()[HERE]
    acks.delivered(9)
    acks.append(9)
    with pytest.raises(OutOfOrderAck, match="stop at offset 9 while everything up to 10 is acked"):
        acks.stop_at(9)


def test_offsets_without_a_record_are_done_with_the_last_batch_before_them() -> None:
    acks = PartitionAcks(HERE, 5)
    acks.delivered(9)
    acks.note_read(12)  # 10 and 11 are the ends of transactions
    acks.pass_over()
    assert (acks.done_to, acks.take_commit()) == (5, None), "the batch is still in flight"
    acks.append(9)
    assert acks.done_to == 12, "no lag"
    assert acks.take_commit() == 10, "a state that goes up to 9 is committed so"
    acks.pass_over()
    assert acks.take_commit() == 12
    acks.pass_over()
    assert acks.take_commit() is None, "once"


def test_a_partition_without_any_record_is_done_where_it_was_read_to() -> None:
    acks = PartitionAcks(HERE, 0)
    acks.note_read(4)
    acks.pass_over()
    assert (acks.done_to, acks.take_commit()) == (4, 4)


def test_a_stop_takes_back_what_was_read_behind_it() -> None:
    acks = PartitionAcks(HERE, 0)
    acks.delivered(9)
    acks.note_read(40)
    acks.stop_at(4)
    acks.pass_over()
    assert (acks.done_to, acks.take_commit()) == (4, 4)


def test_a_batch_says_where_reading_came_from() -> None:
    acks = PartitionAcks(HERE, 3)
    records = [Fetched(offset, b"x") for offset in (6, 7, 9)]
    for batch in split(HERE, records, 2, 100, acks.read_from):
        acks.delivered(batch.last_offset)
        assert batch.read_from == {6: 3, 9: 8}[batch.first_offset]
    assert acks.read_from == 10
    assert Batch.of(HERE, records).read_from == 6


def test_batches_in_flight_count_by_how_full_they_are() -> None:
    acks = AcksByPartition()[HERE]
    acks.delivered(9, 0.25)
    acks.delivered(19, 0.5)
    assert acks.full_in_flight == 0.75
    acks.append(9)
    assert acks.full_in_flight == 0.5
    acks.stop_at(15)
    assert (acks.full_in_flight, acks.in_flight) == (0.0, 0)
