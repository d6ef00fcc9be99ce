"""`tierstream backtest`: runs a file of events through the rules, without a broker."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from cli.backtest.run import Backtest, BacktestOptions, Line, OutputFiles
from cli.backtest.sort import sorted_lines
from cli.backtest.summary import print_summary
from cli.common import instant_ms
from cli.errors import one_sentence
from config.policy_file import PolicyError, load_policy
from config.settings import load_settings
from handlers.decode.decode import Limits
from handlers.partition_core import NoPolicy
from streams.runtime.clock import wall_ms

_PROGRESS_LINES = 2_000


def backtest(
    events: Annotated[
        Path, typer.Argument(metavar="EVENTS.jsonl", help="Events, one JSON object a line.")
    ],
    policy: Annotated[
        Path | None, typer.Option(help="Policy file; without it, the configured one.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Move time to this RFC 3339 time; drop later events."),
    ] = None,
    live_from: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="What takes effect before this RFC 3339 time is marked as history (backfill); "
            "without it, as configured, or as a dump says.",
        ),
    ] = None,
    sort: Annotated[
        bool, typer.Option("--sort", help="Sort the events by their times first.")
    ] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the outputs.")] = Path(
        "backtest-out"
    ),
) -> None:
    """Run events from a file through the rules and write every output.

    The events are native JSON, in the order they arrived. A file of `tierstream dump` is run with
    its own ticks and policies, and gives the same bytes that the worker gave.
    """
    with one_sentence():
        settings = load_settings()
        declared = load_policy(policy or settings.policy_file)
        until_ms = instant_ms("--until", until)
        live_from_ms = instant_ms("--live-from", live_from)
        options = BacktestOptions(
            policy=declared,
            app_id=settings.app_id,
            allowed_lateness_ms=settings.allowed_lateness_ms,
            limits=Limits(
                settings.min_event_time_ms,
                wall_ms() + settings.max_future_skew_ms,
            ),
            until_ms=until_ms,
            override_policy=policy is not None,
            live_from_ms=settings.live_from_ms if live_from is None else live_from_ms,
            override_live_from=live_from is not None,
        )
        console = Console(stderr=True)
        # The input is opened first: a mistyped name must not empty the outputs of an earlier run.
        with (
            events.open("rb") as source,
            _progress(console) as progress,
            OutputFiles(out) as files,
        ):
            size = events.stat().st_size
            task = progress.add_task("reading" if sort else events.name, total=size)
            lines = _lines(source)
            if sort:
                lines = sorted_lines(lines, lambda done: progress.update(task, completed=done))
                progress.reset(task, total=size, description=events.name)
            read = 0

            def on_line(line: Line) -> None:
                nonlocal read
                read += len(line.raw) + 1
                if line.number % _PROGRESS_LINES == 0:
                    progress.update(task, completed=read)

            run = Backtest(options, files)
            try:
                report = run.run(lines, on_line)
            except NoPolicy as error:
                raise PolicyError(str(events), [f"{error}; a dump begins with it"]) from error
            progress.update(task, completed=size)
    print_summary(Console(), report, out, was_sorted=sort)
    sys.stdout.flush()


def _lines(file: BinaryIO) -> Iterator[Line]:
    for number, raw in enumerate(file, 1):
        yield Line(number, raw.rstrip(b"\r\n"))


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
