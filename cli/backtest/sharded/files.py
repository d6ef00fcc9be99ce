"""What the processes of a backtest write, and how it becomes the files of one."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from cli.backtest.files import DEAD_LETTERS, FILES, Line, OutputFiles, dead_letter_line
from handlers import outputs
from handlers.outputs import Output
from handlers.reasons import Rejection

_BUFFER_BYTES = 1 << 20

Place = tuple[int, int, int, bytes]
"""Offset; 0 for what the clock brought and 1 for what its line did; due instant; customer.

In this order one process writes: what is due by instant and id, then the outputs of the line.
"""


class ShardFiles:
    """The outputs of one process, each behind its place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._files: dict[str, IO[bytes]] = {}
        self._offset, self._due_ms = 0, 0
        self._is_due = False

    def __enter__(self) -> ShardFiles:
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in FILES.values():
            file = (self._folder / name).open("wb", buffering=_BUFFER_BYTES)
            self._files[name] = self._stack.enter_context(file)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def at_due(self, offset: int, due_ms: int) -> None:
        """What is written now came due by the clock at a line."""
        self._offset, self._due_ms, self._is_due = offset, due_ms, True

    def at_line(self, offset: int) -> None:
        """What is written now is of the line itself."""
        self._offset, self._due_ms, self._is_due = offset, 0, False

    def write(self, output: Output) -> None:
        """Write an output; profiles by customer alone."""
        if output.value is None:
            return
        customer = output.customer_id.encode()
        name = FILES[output.topic]
        if output.topic == outputs.CUSTOMER_PROFILES:
            place = b"0 0 0 %s" % customer
        elif self._is_due:
            place = b"%d 0 %d %s" % (self._offset, self._due_ms, customer)
        else:
            place = b"%d 1 0 " % self._offset
        self._files[name].write(b"%s\t%s\n" % (place, output.value))

    def write_dead_letter(
        self, line: Line, rejection: Rejection, customer_id: str | None = None
    ) -> None:
        """Write a dead letter at the place of its line."""
        letter = dead_letter_line(line, rejection, customer_id)
        self._files[FILES[DEAD_LETTERS]].write(b"%d 1 0 \t%s\n" % (self._offset, letter))


def join_files(shards: Sequence[Path], files: OutputFiles) -> None:
    """Write the outputs of all processes in the order in which one process writes them."""
    for topic, name in FILES.items():
        with ExitStack() as stack:
            opened = [
                stack.enter_context((shard / name).open("rb", buffering=_BUFFER_BYTES))
                for shard in shards
            ]
            for _, value in heapq.merge(*map(_placed, opened), key=lambda placed: placed[0]):
                files.append(topic, value)


def _placed(file: IO[bytes]) -> Iterator[tuple[Place, bytes]]:
    for line in file:
        place, value = line.split(b"\t", 1)
        offset, kind, due_ms, customer = place.split(b" ", 3)
        yield (int(offset), int(kind), int(due_ms), customer), value
