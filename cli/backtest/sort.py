"""Sorts a file of events by their times, with bounded memory."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Callable, Iterator
from typing import IO

from cli.backtest.files import Line
from cli.backtest.usual import usual_event
from handlers.decode.decode import ANY_TIME, decode
from handlers.reasons import Rejection

CHUNK_BYTES = 128 * 1024 * 1024

_Item = tuple[int, int, bytes]


def sorted_lines(lines: Iterator[Line], on_read: Callable[[int], None]) -> Iterator[Line]:
    """The lines sorted by event time, then by their number in the file.

    A line without a usable time is sorted by the time of the line before it. Beyond `CHUNK_BYTES`,
    sorted chunks go to temporary files.
    """
    chunks: list[IO[bytes]] = []
    items: list[_Item] = []
    size = read = last_ms = 0
    for number, raw in lines:
        event = usual_event(raw, ANY_TIME) or decode(raw, with_content=False)
        if not isinstance(event, Rejection):
            last_ms = event.occurred_ms
        items.append((last_ms, number, raw))
        size += len(raw) + 100
        read += len(raw) + 1
        if len(items) % 2_000 == 0:
            on_read(read)
        if size >= CHUNK_BYTES:
            chunks.append(_spill(items))
            items, size = [], 0
    items.sort()
    runs = [_read(chunk) for chunk in chunks]
    for _, number, raw in heapq.merge(*runs, items):
        yield Line(number, raw)
    for chunk in chunks:
        chunk.close()


def _spill(items: list[_Item]) -> IO[bytes]:
    items.sort()
    file = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the last line was read
    for time_ms, number, raw in items:
        file.write(b"%d %d %s\n" % (time_ms, number, raw))
    file.seek(0)
    return file


def _read(file: IO[bytes]) -> Iterator[_Item]:
    for line in file:
        time_ms, number, raw = line.rstrip(b"\n").split(b" ", 2)
        yield int(time_ms), int(number), raw
