"""Runs a file of events by several processes."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Self

from cli.backtest.files import Line, OutputFiles
from cli.backtest.report import Report
from cli.backtest.run import BacktestOptions
from cli.backtest.sharded.files import join_files
from cli.backtest.sharded.plan import MergedApart, Plan, Planned
from cli.backtest.sharded.shard import Found, Item, encode_items, run_shard
from scoring.timestamps import NEVER_MS

MAX_ROUNDS = 6
"""How often the processes begin anew before one of them runs the file alone."""
_CHUNK_LINES = 1_000
"""Lines after which all processes are given what they have to do."""

OnLine = Callable[[Line], None]


class ShardFailed(Exception):
    """A process of the backtest ended with an error."""


class KeptLines:
    """Lines that can be read again, from a temporary file where they are read first."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # as long as this

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Line]:
        self._file.seek(0)
        for kept in self._file:
            number, raw = kept[:-1].split(b" ", 1)
            yield Line(int(number), raw)
        for line in self._lines:
            self._file.write(b"%d %s\n" % line)
            yield line


class _Process:
    """A process, and the pipes to it and from it."""

    def __init__(self, options: BacktestOptions, folder: Path, others: list[_Process]) -> None:
        context = multiprocessing.get_context("fork")  # a new interpreter takes a second of CPU
        theirs, self._items = context.Pipe(duplex=False)
        self._answers, answers = context.Pipe(duplex=False)
        self.ends = self._items, self._answers
        # A process must not hold the pipes of another, or its own never ends when this one dies.
        ends = [end for other in others for end in other.ends]
        self.items: list[Item] = []
        self.lines: int | None = None
        """How many lines the file has, once that is known."""
        self._process = context.Process(
            target=run_shard,
            args=(options, folder, theirs, answers, [*self.ends, *ends]),
            daemon=True,
        )
        self._process.start()
        theirs.close()
        answers.close()

    def send(self) -> None:
        """Hand over the items so far; at the end of the file also how many lines there were.

        Raises:
            BrokenPipeError: the process has ended, and its answer says why.
        """
        if self.items:
            self._items.send_bytes(encode_items(self.items))
            self.items = []
        if self.lines is not None:
            self._items.send_bytes(encode_items([]))
            self._items.send(self.lines)

    def answer(self) -> Found:
        """What it found.

        Raises:
            ShardFailed: it has failed, or has ended without a word.
        """
        try:
            found: Found = self._answers.recv()
        except EOFError:
            self._process.join()
            raise ShardFailed(
                f"a process of the backtest ended with code {self._process.exitcode}, for want of "
                "memory perhaps: --workers 1 takes the least"
            ) from None
        if found.error is not None:
            raise RuntimeError(found.error) if found.is_bug else ShardFailed(found.error)
        return found

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.terminate()
        self._process.join()


def run_sharded(
    lines: Iterable[Line],
    options: BacktestOptions,
    files: OutputFiles,
    workers: int,
    begun: Callable[[], OnLine],
) -> Report | None:
    """Run the lines by so many processes; None if only one can.

    Args:
        lines: can be read again; no log.
        options: of the backtest.
        files: take the outputs.
        workers: how many processes.
        begun: called whenever the processes begin; what it returns is called with each line.

    Raises:
        ShardFailed: one of them failed.
    """
    plan = Plan(options, workers)
    for _ in range(MAX_ROUNDS):
        with tempfile.TemporaryDirectory(prefix="tierstream-") as folder:
            shards = [Path(folder, str(number)) for number in range(workers)]
            try:
                found = _round(plan.lines(lines), options, shards, begun())
            except MergedApart:
                continue
            if any(one.is_surprised for one in found):
                return None
            refused = {offset for one in found for offset in one.refused}
            if not refused:
                join_files(shards, files)
                return _sum(found)
            plan.refused |= refused
    return None


def _round(
    planned: Iterable[Planned], options: BacktestOptions, shards: list[Path], on_line: OnLine
) -> list[Found]:
    """One run of all processes; only the answer of the one that ended early, if one did."""
    processes: list[_Process] = []
    try:
        for folder in shards:
            processes += [_Process(options, folder, processes)]
        for process in _feed(planned, processes, on_line):
            try:
                process.send()
            except BrokenPipeError:
                return [process.answer()]
        return [process.answer() for process in processes]
    finally:
        for process in processes:
            process.end()


def _feed(
    planned: Iterable[Planned], processes: list[_Process], on_line: OnLine
) -> Iterator[_Process]:
    """Give each process its lines, and to all how far time has come; yields who has to send."""
    newest_ms, lines = NEVER_MS, 0
    for offset, line, shard, now_ms in planned:
        lines = offset
        on_line(line)
        processes[shard].items.append((offset, now_ms, line.number, line.raw))
        if now_ms > newest_ms:
            newest_ms = now_ms
            for number, process in enumerate(processes):
                if number != shard:
                    process.items.append((offset, now_ms, 0, b""))
        if offset % _CHUNK_LINES == 0:
            yield from processes
    for process in processes:
        process.lines = lines
        yield process


def _sum(found: list[Found]) -> Report:
    """One report of the reports of all processes."""
    whole = Report()
    for one in found:
        assert one.report is not None
        whole.join(one.report)
    return whole
