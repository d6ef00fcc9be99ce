"""A file of events, or the standard input, line by line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from cli.backtest.files import Line
from cli.errors import fail
from devtools.traffic.file_kind import HEAD_BYTES, MARK, no_events, unreadable

STDIN = "-"


class EventFile:
    """The lines of an open file.

    Attributes:
        name: how messages call it.
        size: in bytes; None of a pipe or a terminal.
    """

    def __init__(self, path: Path, source: BinaryIO, size: int | None) -> None:
        self.name = "standard input" if str(path) == STDIN else path.name
        self.size = size
        self._path = str(path)
        self._source: Any = source if hasattr(source, "peek") else BufferedReader(source)
        self._head: bytes = self._source.peek(HEAD_BYTES)[:HEAD_BYTES]

    def refuse_unreadable(self) -> None:
        """End the command if no line of the file can be an event, as of one that is compressed."""
        why = unreadable(self._path, self._head)
        if why is not None:
            fail(f"{self._path}: no line of it can be read: {why}")

    def refuse_without_events(self) -> None:
        """End the command, since no line of the file was an event."""
        fail(f"{self._path}: no line of it is an event: {no_events(self._path, self._head)}")

    def lines(self) -> Iterator[Line]:
        """The lines without their ends, and without a byte order mark at the head of the file."""
        for number, raw in enumerate(self._source, 1):
            found = raw.rstrip(b"\r\n")
            yield Line(number, found.removeprefix(MARK) if number == 1 else found)


@contextmanager
def opened(path: Path) -> Iterator[EventFile]:
    """Open a file of events; `-` is the standard input.

    Raises:
        OSError: it cannot be read.
    """
    if str(path) == STDIN:
        yield EventFile(path, sys.stdin.buffer, None)
        return
    with path.open("rb") as source:
        yield EventFile(path, source, path.stat().st_size)
