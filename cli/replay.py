"""`tierstream replay`: sends a file of events into the input topics."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.sending import (
    progress_bar,
    sending,
    sent_table,
    until_interrupted,
)
from config.settings import Settings, load_settings
from devtools.traffic.lines import LineReader, LineSplitter, parts
from devtools.traffic.sender import Sent, TrafficSender, open_sender
from streams.runtime.clock import wall_ms


def replay(
    events: Annotated[
        str, typer.Argument(metavar="EVENTS.jsonl", help="File of events; - reads standard input.")
    ],
    rate: Annotated[
        float | None,
        typer.Option(min=0.001, help="Events per second; without it, as fast as possible."),
    ] = None,
) -> None:
    """Send a file of events, one JSON object a line, to the input topics.

    Each event goes to the topic of its type, keyed by customer id, with its own time as the
    record's timestamp. Lines that cannot be read go to `orders` unchanged and become dead letters.
    The file should be in the order of event time. It may be larger than memory.
    """
    with sending():
        settings = load_settings()
        size_bytes = _size_bytes(events)
        ended = asyncio.run(_replay(settings, events, size_bytes, rate))
    if not ended:
        raise typer.Exit(130)


async def _replay(
    settings: Settings, events: str, size_bytes: int | None, rate: float | None
) -> bool:
    console = Console(stderr=True)
    reader = LineReader(wall_ms)
    name = "standard input" if events == "-" else Path(events).name
    progress = progress_bar(console)
    task = progress.add_task(name, total=size_bytes, events=0, rate=0.0)

    def show(sent: Sent) -> None:
        progress.update(task, events=sent.total, rate=sent.per_second)

    async with open_sender(settings, per_second=rate, on_progress=show) as sender:

        async def work() -> None:
            async for part_bytes in _send(events, reader, sender):
                progress.advance(task, part_bytes)

        with progress:
            ended = await until_interrupted(work())
        sent = sender.sent
    Console().print(sent_table(sent, settings.topic_prefix))
    if reader.out_of_order:
        console.print(
            f"{reader.out_of_order:,} events are older than one before them and arrive late.",
            style="yellow",
        )
    return ended


async def _send(events: str, reader: LineReader, sender: TrafficSender) -> AsyncIterator[int]:
    """Sends line by line; yields the number of bytes of each part of the file."""
    splitter = LineSplitter()
    async for part in parts(events):
        await sender.send([reader.record(line) for line in splitter.lines(part)])
        yield len(part)
    await sender.send([reader.record(line) for line in splitter.last()])


def _size_bytes(events: str) -> int | None:
    status = os.fstat(sys.stdin.fileno()) if events == "-" else Path(events).stat()
    return status.st_size if stat.S_ISREG(status.st_mode) else None
