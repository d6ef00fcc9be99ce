"""What the commands that send events share: errors, interruption, progress and the summary."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from cli.errors import fail, one_sentence
from devtools.traffic.lines import LineTooLong
from devtools.traffic.sender import Sent
from streams.faust_app import ProduceFailed


@contextmanager
def sending() -> Iterator[None]:
    """End the command with one sentence if a file cannot be used or an event not be delivered."""
    with one_sentence(LineTooLong):
        try:
            yield
        except ProduceFailed as failure:
            fail(f"an event was not delivered: {failure}")
        except OSError as failure:
            if not failure.filename or not failure.strerror:
                raise
            fail(f"{failure.filename}: {failure.strerror.lower()}")


async def until_interrupted(work: Coroutine[Any, Any, None]) -> bool:
    """Run to the end, or until Ctrl-C or SIGTERM cancels it; False if cancelled."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return False
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    return True


def progress_bar(console: Console) -> Progress:
    """A bar with the number of events in the field `events` and the rate in `rate`."""
    columns: list[ProgressColumn] = [
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[events]:,} events"),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
    ]
    return Progress(*columns, console=console, refresh_per_second=5)


def sent_table(sent: Sent, topic_prefix: str) -> Table:
    """How many events were sent, by topic."""
    table = Table(title=f"{sent.total:,} events sent in {sent.seconds:,.1f} s", min_width=32)
    table.add_column("topic")
    table.add_column("events", justify="right")
    for topic, count in sent.by_topic.items():
        table.add_row(f"{topic_prefix}{topic}", f"{count:,}")
    return table
