"""`tierstream simulate`: seeded traffic like a real shop's, live or into a file."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console

from cli.errors import fail
from cli.sending import (
    progress_bar,
    sending,
    sent_table,
    until_interrupted,
)
from config.settings import Settings, load_settings
from devtools.traffic.record import TrafficRecord
from devtools.traffic.sender import Sent, open_sender
from devtools.traffic.shoppers import PopulationShape
from devtools.traffic.simulation import Stamp, natural, paced
from devtools.traffic.simulation import simulate as simulated
from scoring.timestamps import parse_rfc3339, rfc3339
from streams.runtime.clock import wall_ms

_LIVE_RATE = 50.0
_FILE_START = "2025-01-01T00:00:00Z"
_SHOWN_EVERY = 2_000


def simulate(
    events: Annotated[
        int | None, typer.Option(min=1, help="Number of events; without it, until Ctrl-C.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.001, help=f"Events per second; live, {_LIVE_RATE:g} by default."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same events.")] = 1,
    customers: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Customers active at a time.")
    ] = 5_000,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Event time of the first event, e.g. 2025-01-01T00:00:00Z; from there time passes "
            "at the customers' own pace, or at --rate. Without it, live events happen now.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-",
            help=f"Write lines of JSON instead of sending; starts at {_FILE_START} by default.",
        ),
    ] = None,
) -> None:
    """Generate traffic: orders, browsing, support, refunds and profiles of varied customers.

    Customers join, buy at their own pace with a weekly rhythm, and fall silent. Without --out the
    events go to the input topics.
    """
    shape = PopulationShape(customers=customers, seed=seed)
    with sending():
        start_ms, stamp = _time(start, rate, live=out is None)
        stream = islice(simulated(start_ms, shape, stamp), events)
        if out is not None:
            with _opened(out) as file:
                _write(stream, file, events)
        else:
            unpaced = start is not None and rate is None
            pace = None if unpaced else rate or _LIVE_RATE
            asyncio.run(_send(load_settings(), stream, events, pace))


def _time(start: str | None, rate: float | None, *, live: bool) -> tuple[int, Stamp]:
    """Where the simulation begins, and how its events are stamped."""
    if start is None and live:
        return wall_ms(), lambda _at_ms, _number: wall_ms()
    start_ms = parse_rfc3339(start or _FILE_START)
    if start_ms is None:
        raise typer.BadParameter(
            f"{start!r} is no RFC 3339 time with an offset, such as {_FILE_START}",
            param_hint="--start",
        )
    settings = load_settings()
    earliest_ms = settings.min_event_time_ms
    latest_ms = wall_ms() + settings.max_future_skew_ms
    if not earliest_ms <= start_ms <= latest_ms:
        fail(
            f"--start {start}: no event of that time is accepted; the accepted times go from "
            f"{rfc3339(earliest_ms)} (TIERSTREAM_MIN_EVENT_TIME) to {rfc3339(latest_ms)} (now and "
            "TIERSTREAM_MAX_FUTURE_SKEW)"
        )
    return start_ms, natural if rate is None else paced(start_ms, rate)


@contextmanager
def _opened(out: str) -> Iterator[BinaryIO]:
    if out == "-":
        try:
            yield sys.stdout.buffer
        except BrokenPipeError:
            # The reader has seen enough; what is still buffered must not fail once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    with Path(out).open("wb") as file:
        yield file


def _write(stream: Iterator[TrafficRecord], file: BinaryIO, events: int | None) -> None:
    written = 0
    began_s = time.monotonic()
    interrupted = _watch_interrupt()
    with progress_bar(Console(stderr=True)) as progress:
        task = progress.add_task("writing", total=events, events=0, rate=0.0)
        while not interrupted() and (records := list(islice(stream, _SHOWN_EVERY))):
            file.writelines(record.value + b"\n" for record in records)
            written += len(records)
            rate = written / max(time.monotonic() - began_s, 0.001)
            progress.update(task, completed=written, events=written, rate=rate)
        file.flush()


def _watch_interrupt() -> Callable[[], bool]:
    """Whether Ctrl-C was pressed: it ends endless traffic, but never within a line."""
    pressed: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _frame: pressed.append(number))
    return lambda: bool(pressed)


async def _send(
    settings: Settings, stream: Iterator[TrafficRecord], events: int | None, pace: float | None
) -> None:
    progress = progress_bar(Console(stderr=True))
    task = progress.add_task("sending", total=events, events=0, rate=0.0)

    def show(sent: Sent) -> None:
        progress.update(task, completed=sent.total, events=sent.total, rate=sent.per_second)

    async with open_sender(settings, per_second=pace, on_progress=show) as sender:
        with progress:
            await until_interrupted(sender.send(stream))
        sent = sender.sent
    Console().print(sent_table(sent, settings.topic_prefix))
