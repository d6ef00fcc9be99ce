"""A header name that is no UTF-8 stops nobody: each record is read once, as it was written."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record import memory_records
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder

from config.settings import Settings
from streams.faust_app.consumer_thread import BatchConsumerThread
from streams.faust_app.lenient_headers import FetchedRecords, PartitionRecords
from streams.kafka.clients import new_consumer
from tests.support.header_names import (
    AS_AIOKAFKA_READS,
    CODECS,
    AnyName,
    Codec,
    Written,
    batch,
    end_of_transaction,
)

TP = TopicPartition("orders", 0)
LONG = b"-" * 400
"""Compression must pay, or the builder leaves it out."""


def plain(*numbers: int) -> list[Written]:
    return [(b"%d" % number + LONG, [("name", b"1")]) for number in numbers]


def strange(number: int) -> Written:
    headers = [(AnyName(b"caf\xe9"), b"\xff"), ("good", None), (AnyName(b"\xff\xfe"), b"")]
    return b"%d" % number + LONG, headers


def records_of(
    fetched: bytes,
    offset: int = 0,
    aborted: Sequence[tuple[int, int]] = (),
    kinds: tuple[Any, ...] = (FetchedRecords, PartitionRecords),
) -> Any:
    memory, partition = kinds
    committed = fetcher.READ_COMMITTED
    return partition(TP, memory(fetched), list(aborted), offset, None, None, True, committed)


def numbers(records: Iterable[Any]) -> list[int]:
    return [int(record.value.rstrip(b"-")) for record in records]


AS_THEY_COME = tuple(AS_AIOKAFKA_READS.values())


def test_without_this_it_raises() -> None:
    with pytest.raises(UnicodeDecodeError):
        list(records_of(batch([strange(0)], 0), kinds=AS_THEY_COME))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("bad_at", [0, 1, 2])
def test_records_before_in_and_behind_a_strange_one_come_once(codec: Codec, bad_at: int) -> None:
    middle = plain(3, 4, 5)
    middle[bad_at] = strange(3 + bad_at)
    fetched = batch(plain(0, 1, 2), 0, codec) + batch(middle, 3, codec) + batch(plain(6), 6, codec)
    taken = records_of(fetched)
    records = list(taken)
    assert [record.offset for record in records] == numbers(records) == list(range(7))
    assert taken.next_fetch_offset == 7
    assert records[3 + bad_at].headers == (
        ("caf\ufffd", b"\xff"),
        ("good", None),
        ("\ufffd" * 2, b""),
    )
    assert {record.headers for record in records[:3]} == {(("name", b"1"),)}
    assert [record.timestamp for record in records] == [1000, 1001, 1002] * 2 + [1000]


def test_several_strange_ones_in_several_batches_are_read() -> None:
    fetched = b"".join(batch([strange(n), *plain(n + 1)], n) for n in range(0, 10, 2))
    assert numbers(records_of(fetched)) == list(range(10))


def test_a_fetch_that_begins_within_the_batch_behind_the_strange_one_gives_the_rest() -> None:
    fetched = batch([strange(0), *plain(1, 2)], 0) + batch(plain(3), 3)
    taken = records_of(fetched, offset=2)
    assert numbers(taken) == [2, 3]


def test_it_may_be_taken_a_few_at_a_time() -> None:
    """That is what `max_poll_records` does."""
    taken = records_of(batch([*plain(0), strange(1), *plain(2)], 0))
    found = []
    for offset in range(3):
        found.append(next(taken))
        assert taken.next_fetch_offset == offset + 1
    assert numbers(found) == [0, 1, 2]


def test_aborted_transactions_stay_aborted_and_committed_ones_are_read() -> None:
    gone, kept = 7, 8
    fetched = b"".join(
        [
            batch(plain(0), 0),
            batch([strange(1)], 1, of_producer=gone),
            batch([*plain(2), strange(3)], 2, of_producer=kept),
            batch([strange(4)], 4, of_producer=gone),
            end_of_transaction(5, gone, is_aborted=True),
            batch([strange(6), *plain(7)], 6, of_producer=gone),
            end_of_transaction(8, gone, is_aborted=True),
            batch([*plain(9), strange(10)], 9, of_producer=gone),
            end_of_transaction(11, kept, is_aborted=False),
            end_of_transaction(12, gone, is_aborted=False),
            batch(plain(13), 13),
        ]
    )
    taken = records_of(fetched, aborted=[(gone, 6), (gone, 1)])
    assert numbers(taken) == [0, 2, 3, 9, 10, 13]
    assert taken.next_fetch_offset == 14


def test_what_ends_in_an_aborted_transaction_is_read_past() -> None:
    fetched = batch([strange(0)], 0) + batch(plain(1), 1, of_producer=7)
    fetched += end_of_transaction(2, 7, is_aborted=True)
    taken = records_of(fetched, aborted=[(7, 1)])
    assert numbers(taken) == [0]
    assert taken.next_fetch_offset == 3


def test_a_batch_with_a_wrong_checksum_is_refused_all_the_same() -> None:
    broken = bytearray(batch(plain(1), 1))
    broken[-1] ^= 1
    taken = records_of(batch([strange(0)], 0) + bytes(broken))
    assert next(taken).offset == 0
    with pytest.raises(CorruptRecordException, match="CRC"):
        next(taken)


def test_the_rest_of_a_cut_fetch_is_left_for_the_next_one() -> None:
    fetched = batch([strange(0)], 0)
    taken = records_of(fetched + batch(plain(1), 1)[:-5])
    assert numbers(taken) == [0]
    assert taken.next_fetch_offset == 1


def older(number: int) -> bytes:
    """A record in a format before there were headers."""
    builder = LegacyRecordBatchBuilder(1, 0, 1 << 20)
    builder.append(number, 1_000, b"key", b"%d" % number)
    return bytes(builder.build())


@pytest.mark.parametrize("middle", [plain(2)[0], strange(2)], ids=["plain", "strange"])
def test_a_topic_may_go_over_from_one_format_to_another(middle: Written) -> None:
    fetched = older(0) + older(1) + batch([middle, *plain(3)], 2) + older(4) + older(5)
    assert numbers(records_of(fetched)) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("at", [(), (2,)])
def test_without_aiokafkas_compiled_decoder_it_is_the_same(
    monkeypatch: pytest.MonkeyPatch, at: tuple[int, ...]
) -> None:
    monkeypatch.setattr(memory_records, "DefaultRecordBatch", _DefaultRecordBatchPy)
    records = [strange(n) if n in at else plain(n)[0] for n in range(4)]
    fetched = batch(records[:1], 0) + batch(records[1:], 1) + older(4)
    assert numbers(records_of(fetched)) == [0, 1, 2, 3, 4]


async def test_every_consumer_of_ours_reads_so() -> None:
    consumer = new_consumer(Settings(kafka_bootstrap_servers="127.0.0.1:1"))
    await consumer.stop()
    assert fetcher.MemoryRecords is FetchedRecords
    assert fetcher.PartitionRecords is PartitionRecords


def test_fausts_consumer_reads_so() -> None:
    assert "allow_any_header_name()" in inspect.getsource(
        BatchConsumerThread._create_worker_consumer
    )
