"""Events in a file, one JSON object a line, as records for the input topics."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from devtools.traffic.file_kind import MARK
from devtools.traffic.record import TrafficRecord
from scoring.timestamps import parse_rfc3339
from streams.kafka.topics import UNROUTABLE, topic_for

MAX_LINE_BYTES = 1_000_000
"""A broker takes records of 1 MB unless told otherwise; a longer line ends the replay."""

_READ_BYTES = 256 * 1024


class LineTooLong(ValueError):
    """A line that no broker would take, by its number from 1."""


class LineReader:
    """Turns lines into records, with timestamps in which the order of arrival can be read again.

    A record's timestamp is its event's time, but never older than that of a line before it: a
    worker that replays merges its partitions by timestamp, and a late event must stay where it
    arrived. A time later than now does not count (a broker refuses such timestamps, and the line
    becomes a dead letter). What cannot be read is sent on as it is: ingest says what is wrong.

    Args:
        now_ms: the wall clock, in epoch milliseconds.

    Attributes:
        out_of_order: how many events were older than one before them.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.out_of_order = 0
        self._now_ms = now_ms
        self._newest_ms = 0

    def record(self, line: bytes) -> TrafficRecord:
        """The record of one line, without its end of line."""
        document = _object(line)
        # CloudEvents in structured mode name these two fields otherwise.
        cloud = "specversion" in document
        customer_id = document.get("subject" if cloud else "customer_id")
        occurred = document.get("time" if cloud else "occurred_at")
        occurred_ms = parse_rfc3339(occurred) if isinstance(occurred, str) else occurred
        if type(occurred_ms) is int:
            if occurred_ms < self._newest_ms:
                self.out_of_order += 1
            elif occurred_ms <= self._now_ms():
                self._newest_ms = occurred_ms
        key = customer_id.encode() if isinstance(customer_id, str) and customer_id else None
        topic = topic_for(document.get("type")) if document else UNROUTABLE
        return TrafficRecord(self._newest_ms, topic, key, line)


def _object(line: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


class LineSplitter:
    """Cuts a stream of bytes into lines; holds no more than one unfinished line."""

    def __init__(self) -> None:
        self._rest = b""
        self._number = 0

    def lines(self, part: bytes) -> Iterator[bytes]:
        """The lines that end in this part, without their ends; blank ones are left out.

        A byte order mark at the head of the first part is skipped.

        Raises:
            LineTooLong: a line is over `MAX_LINE_BYTES`.
        """
        if not self._number and not self._rest:
            part = part.removeprefix(MARK)
        *ended, self._rest = (self._rest + part).split(b"\n")
        for line in ended:
            self._count(line)
            if line.strip():
                yield line.removesuffix(b"\r")
        if len(self._rest) > MAX_LINE_BYTES:
            self._count(self._rest)

    def last(self) -> Iterator[bytes]:
        """The last line, if it has no end of line."""
        yield from self.lines(b"\n")

    def _count(self, line: bytes) -> None:
        self._number += 1
        if len(line) > MAX_LINE_BYTES:
            raise LineTooLong(
                f"line {self._number} is longer than {MAX_LINE_BYTES:,} bytes: no broker takes it"
            )


async def parts(path: str) -> AsyncIterator[bytes]:
    """The bytes of a file, or of the standard input for `-`, as they can be read.

    A pipe or a terminal is waited for without holding up the event loop.

    Raises:
        OSError: the file cannot be read.
    """
    if path == "-":
        source = sys.stdin.buffer
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            async for part in _pipe_parts(source):
                yield part
            return
        while part := source.read(_READ_BYTES):
            yield part
        return
    with Path(path).open("rb") as file:  # noqa: ASYNC230 - a local file answers at once
        while part := file.read(_READ_BYTES):
            yield part


async def _pipe_parts(source: BinaryIO) -> AsyncIterator[bytes]:
    reader = asyncio.StreamReader(limit=_READ_BYTES)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), source
    )
    try:
        while part := await reader.read(_READ_BYTES):
            yield part
    finally:
        transport.close()
