"""A process of a backtest: runs the lines of its customers, with the clock of the whole file."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
from msgspec import Struct, field

from cli.backtest.files import Line
from cli.backtest.report import Report
from cli.backtest.run import PACK_EVERY, Backtest, BacktestOptions
from cli.backtest.sharded.files import ShardFiles
from cli.errors import EXPECTED
from handlers.partition_core import DueMarks
from streams.runtime.gc_tuning import collect_rarely

Item = tuple[int, int, int, bytes]
"""Offset, newest event time after it, number of the line or 0 for that of another process, line."""

encode_items = msgspec.msgpack.Encoder().encode
_decode_items = msgspec.msgpack.Decoder(list[Item]).decode


class Found(Struct):
    """What a process says at its end.

    Attributes:
        report: of its lines; None after an error.
        refused: offsets of lines that were assumed to move time, and do not.
        is_surprised: a line moved time that was assumed not to, or a rule raised.
        error: a sentence, or the traceback of a bug; None if all is well.
        is_bug: which of them it is.
    """

    report: Report | None = None
    refused: list[int] = field(default_factory=list)
    is_surprised: bool = False
    error: str | None = None
    is_bug: bool = False


class _Surprised(Exception):
    """Only one process can run this file."""


class Shard(Backtest):
    """The lines of some customers, and time as all lines move it."""

    def __init__(self, options: BacktestOptions, files: ShardFiles) -> None:
        super().__init__(options, files)
        self.refused: list[int] = []
        self._shard_files = files
        self._marks = self.partition.marks = DueMarks()
        self._taken = 0
        self._start(None)

    def take_item(self, item: Item) -> None:
        """Take an own line, or let time pass as a line of another process moves it."""
        offset, newest_ms, number, raw = item
        if number:
            self._offset = offset - 1
            self._shard_files.at_line(offset)
            self.take(Line(number, raw))
            self._taken += 1
        meta = self.partition.meta
        if meta.newest_ms > newest_ms:
            raise _Surprised
        if meta.newest_ms < newest_ms:
            if number:
                self.refused.append(offset)
            self._offset = offset
            self.partition.begin()
            meta.newest_ms = newest_ms
            self.partition.move_clock(offset, newest_ms - meta.allowed_lateness_ms)
            self._write_outputs()
            self._take_failures(self._last)
        if self._taken >= PACK_EVERY:
            self._checkpoint()
            self._taken = 0

    def finish(self, lines: int) -> None:
        """Fire what is due at the end of a file of so many lines, and write the profiles."""
        self._offset = lines + 1
        self._finish()

    def _take_failures(self, _: Line) -> None:
        if self.partition.failures:
            raise _Surprised

    def _write_outputs(self) -> None:
        due, files = self._marks, self._shard_files
        outbox = self.partition.context.outbox
        marks = iter(due.begins)
        begins, due_ms = next(marks, (len(outbox), 0))
        now_ms = 0
        for place, output in enumerate(outbox):
            while begins <= place:
                now_ms = due_ms
                begins, due_ms = next(marks, (len(outbox), 0))
            if place < due.fired_to:
                files.at_due(self._offset, now_ms)
            else:
                files.at_line(self._offset)
            files.write(output)
        outbox.clear()
        due.begins.clear()
        due.fired_to = 0
        files.at_line(self._offset)


def run_shard(
    options: BacktestOptions,
    folder: Path,
    items: Connection,
    answers: Connection,
    not_ours: Iterable[Connection],
) -> None:
    """Be a process: take items until an empty chunk and the number of lines, and answer."""
    for end in not_ours:
        end.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends all
    collect_rarely()
    found = Found()
    try:
        with ShardFiles(folder) as files:
            shard = Shard(options, files)
            for item in _items(items):
                shard.take_item(item)
            shard.finish(items.recv())
            found = Found(shard.report, shard.refused)
    except _Surprised:
        found = Found(is_surprised=True)
    except EOFError:
        return
    except EXPECTED as error:
        found = Found(error=str(error) or type(error).__name__)
    except Exception:
        found = Found(error=traceback.format_exc(), is_bug=True)
    answers.send(found)


def _items(items: Connection) -> Iterable[Item]:
    while chunk := _decode_items(items.recv_bytes()):
        yield from chunk
