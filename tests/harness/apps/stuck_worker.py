"""A `tierstream worker` of which one part hangs once it has something to write; argv names it."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

from cli.main import app
from streams.engine.flusher import Flusher
from streams.engine.owned_partition import OwnedPartition
from streams.ingest.agent import Ingest

_write = Flusher._write
_flush = Ingest.flush


async def _never_writes(self: Flusher, partition: OwnedPartition, **options: Any) -> None:
    if partition.pending_batches:
        await asyncio.Event().wait()
    await _write(self, partition, **options)


async def _never_flushes(self: Ingest) -> None:
    if self._pending:
        await asyncio.Event().wait()
    await _flush(self)


async def _holds_up_the_loop(self: Ingest) -> None:
    if self._pending:
        threading.Event().wait()
    await _flush(self)


def main(part: str) -> None:
    """Run the worker with that part."""
    if part == "engine":
        Flusher._write = _never_writes  # type: ignore[method-assign]
    elif part == "ingest":
        Ingest.flush = _never_flushes  # type: ignore[method-assign]
    else:
        assert part == "loop"
        Ingest.flush = _holds_up_the_loop  # type: ignore[method-assign]
    app(["worker"])


if __name__ == "__main__":
    main(sys.argv[1])
