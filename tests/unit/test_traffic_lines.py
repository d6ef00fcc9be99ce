"""Lines of a file as records, however broken they are."""

from __future__ import annotations

import json
from collections import deque
from itertools import chain
from typing import Any

import pytest

from devtools.traffic.lines import MAX_LINE_BYTES, LineReader, LineSplitter, LineTooLong

NOW_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
DAY_1_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z


@pytest.fixture
def reader() -> LineReader:
    return LineReader(lambda: NOW_MS)


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def test_an_event_goes_to_its_topic_under_its_customer_at_its_time(reader: LineReader) -> None:
    raw = line(type="page.viewed", customer_id="zoë", occurred_at="2025-01-01T00:00:00Z")
    assert reader.record(raw) == (DAY_1_MS, "browse", "zoë".encode(), raw)


def test_a_time_in_epoch_milliseconds_is_read(reader: LineReader) -> None:
    assert reader.record(line(type="page.viewed", occurred_at=DAY_1_MS + 7)).at_ms == DAY_1_MS + 7


def test_a_cloud_event_is_read_by_its_own_names(reader: LineReader) -> None:
    raw = line(
        specversion="1.0",
        type="ticket.opened",
        subject="ana",
        time="2025-01-01T00:00:00Z",
        data={"ticket_id": "T1"},
    )
    assert reader.record(raw)[:3] == (DAY_1_MS, "support", b"ana")


def test_a_late_event_is_stamped_where_it_arrived(reader: LineReader) -> None:
    reader.record(line(type="page.viewed", occurred_at=DAY_1_MS))
    assert reader.record(line(type="page.viewed", occurred_at=DAY_1_MS - 5_000)).at_ms == DAY_1_MS
    assert reader.record(line(type="page.viewed", occurred_at=DAY_1_MS + 1)).at_ms == DAY_1_MS + 1
    assert reader.out_of_order == 1


def test_an_event_from_the_future_does_not_move_those_after_it(reader: LineReader) -> None:
    reader.record(line(type="page.viewed", occurred_at=DAY_1_MS))
    future = reader.record(line(type="page.viewed", occurred_at=NOW_MS + 1))
    after = reader.record(line(type="page.viewed", occurred_at=DAY_1_MS + 2))
    assert (future.at_ms, after.at_ms) == (DAY_1_MS, DAY_1_MS + 2)


@pytest.mark.parametrize(
    "raw",
    [
        b"not json",
        b'{"type":"page.viewed"',
        b"\xff\xfe",
        b"[1,2]",
        b"null",
        b'{"type":7,"customer_id":"ana"}',
        b'{"customer_id":"ana"}',
    ],
)
def test_what_has_no_readable_type_is_sent_to_orders_as_it_is(
    raw: bytes, reader: LineReader
) -> None:
    record = reader.record(raw)
    assert (record.topic, record.value) == ("orders", raw)


@pytest.mark.parametrize("customer_id", [None, "", 5, True, ["ana"]])
def test_what_names_no_customer_has_no_key(customer_id: object, reader: LineReader) -> None:
    assert reader.record(line(type="page.viewed", customer_id=customer_id)).key is None


@pytest.mark.parametrize("occurred_at", [None, True, 1.5, "yesterday", "2025-01-01T00:00:00"])
def test_an_unreadable_time_leaves_the_line_in_its_place(
    occurred_at: object, reader: LineReader
) -> None:
    reader.record(line(type="page.viewed", occurred_at=DAY_1_MS))
    assert reader.record(line(type="page.viewed", occurred_at=occurred_at)).at_ms == DAY_1_MS


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_are_the_same_however_the_bytes_come(size: int) -> None:
    text = b"one\r\ntwo\n\n   \nthree \n\nfour"
    splitter = LineSplitter()
    found = [
        found
        for start in range(0, len(text), size)
        for found in splitter.lines(text[start : start + size])
    ]
    assert [*found, *splitter.last()] == [b"one", b"two", b"three ", b"four"]


def test_a_file_that_ends_with_a_line_has_no_other_one() -> None:
    splitter = LineSplitter()
    assert list(splitter.lines(b"one\n")) == [b"one"]
    assert list(splitter.last()) == []


def test_a_line_that_no_broker_takes_is_refused_by_its_number() -> None:
    splitter = LineSplitter()
    assert list(splitter.lines(b"one\n")) == [b"one"]
    with pytest.raises(LineTooLong, match="line 2 is longer than 1,000,000 bytes"):
        list(splitter.lines(b"x" * (MAX_LINE_BYTES + 1) + b"\n"))


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    splitter = LineSplitter()
    parts = [b"x" * 100_000] * 100
    with pytest.raises(LineTooLong, match="line 1 "):
        deque(chain.from_iterable(map(splitter.lines, parts)), maxlen=0)
