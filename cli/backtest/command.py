"""`tierstream backtest`: runs a file of events through the rules, without a broker."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from cli.backtest.event_file import EventFile, opened
from cli.backtest.files import Line, NoFiles, OutputFiles, Outputs
from cli.backtest.report import Report
from cli.backtest.run import Backtest, BacktestOptions, begins_log
from cli.backtest.sharded.run import KeptLines, ShardFailed, run_sharded
from cli.backtest.sort import sorted_lines
from cli.backtest.summary import print_summary
from cli.common import LangOption, instant_ms, words_for
from cli.errors import one_sentence
from config.policy_file import PolicyError, load_policy
from config.settings import load_settings
from handlers.decode.decode import Limits
from handlers.partition import Partition
from handlers.partition_core import NoPolicy
from streams.runtime.clock import wall_ms
from streams.runtime.gc_tuning import collect_rarely

_PROGRESS_LINES = 2_000
_SMALL_FILE_BYTES = 4 * 1024 * 1024
"""Below this a file is run before other processes have started."""

EventsArgument = Annotated[
    Path,
    typer.Argument(
        metavar="EVENTS.jsonl", help="Events, one JSON object a line; - reads standard input."
    ),
]
PolicyOption = Annotated[
    Path | None, typer.Option(help="Policy file; without it, the configured one.")
]
UntilOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Move time to this RFC 3339 time; drop later events."),
]
LiveFromOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="What takes effect before this RFC 3339 time is marked as history (backfill); "
        "without it, as configured, or as a dump says.",
    ),
]
SortOption = Annotated[bool, typer.Option("--sort", help="Sort the events by their times first.")]


def backtest(  # noqa: PLR0913, PLR0917 - one argument an option
    events: EventsArgument,
    policy: PolicyOption = None,
    until: UntilOption = None,
    live_from: LiveFromOption = None,
    sort: SortOption = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the outputs.")] = Path(
        "backtest-out"
    ),
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            help="Processes that share the customers; without it as many as there are cores, and "
            "one for a small file. The outputs are the same.",
        ),
    ] = None,
    lang: LangOption = None,
) -> None:
    """Run events from a file through the rules and write every output.

    The events are native JSON, in the order they arrived. A file of `tierstream dump` is run with
    its own ticks and policies, and gives the same bytes that the worker gave.
    """
    with one_sentence(ShardFailed):
        options, words = options_of(policy, until, live_from), words_for(lang)
        # The input is opened first: a mistyped name must not empty the outputs of an earlier run.
        with opened(events) as file:
            file.refuse_unreadable()
            with OutputFiles(out) as files:
                report = _run(file, options, files, workers or _workers_for(file.size), sort=sort)
            if report.has_no_events:
                file.refuse_without_events()
    print_summary(Console(), report, out, words, was_sorted=sort)
    sys.stdout.flush()


def state_after(events: Path, policy: Path | None, until: str | None, *, sort: bool) -> Partition:
    """The state at the end of a backtest; nothing is written.

    Raises:
        SettingsError, PolicyError, OSError: as the names say.
    """
    with opened(events) as file:
        file.refuse_unreadable()
        run, report = run_file(file, options_of(policy, until), NoFiles(), sort=sort)
        if report.has_no_events:
            file.refuse_without_events()
    return run.partition


def options_of(
    policy: Path | None, until: str | None, live_from: str | None = None
) -> BacktestOptions:
    """What the command line and the settings say of a backtest.

    Raises:
        SettingsError, PolicyError: one of them is wrong.
    """
    settings = load_settings()
    live_from_ms = instant_ms("--live-from", live_from)
    return BacktestOptions(
        policy=load_policy(policy or settings.policy_file),
        app_id=settings.app_id,
        allowed_lateness_ms=settings.allowed_lateness_ms,
        limits=Limits(
            settings.min_event_time_ms,
            wall_ms() + settings.max_future_skew_ms,
        ),
        until_ms=instant_ms("--until", until),
        override_policy=policy is not None,
        live_from_ms=settings.live_from_ms if live_from is None else live_from_ms,
        override_live_from=live_from is not None,
    )


def _workers_for(size: int | None) -> int:
    """How many processes are worth their start for so many bytes; None: not known."""
    is_small = size is not None and size < _SMALL_FILE_BYTES
    return 1 if is_small else len(os.sched_getaffinity(0))


def _run(
    file: EventFile, options: BacktestOptions, files: OutputFiles, workers: int, *, sort: bool
) -> Report:
    if workers == 1:
        return run_file(file, options, files, sort=sort)[1]
    with _progress() as progress, KeptLines(_lines_of(file, progress, sort=sort)) as lines:
        first = next((line for line in lines if line.raw.strip()), None)
        if first is not None and not begins_log(first):
            report = run_sharded(lines, options, files, workers, lambda: _shown(file, progress))
            if report is not None:
                return report
        return _alone(file, lines, options, files, progress)[1]


def run_file(
    file: EventFile, options: BacktestOptions, files: Outputs, *, sort: bool
) -> tuple[Backtest, Report]:
    """Run the events of a file in this process, and show how far it is.

    Raises:
        PolicyError: it is a log that has lost its beginning.
    """
    with _progress() as progress:
        return _alone(file, _lines_of(file, progress, sort=sort), options, files, progress)


def _alone(
    file: EventFile,
    lines: Iterable[Line],
    options: BacktestOptions,
    files: Outputs,
    progress: Progress,
) -> tuple[Backtest, Report]:
    run = Backtest(options, files)
    thresholds = gc.get_threshold()
    collect_rarely()
    try:
        return run, run.run(lines, _shown(file, progress))
    except NoPolicy as error:
        raise PolicyError(file.name, [f"{error}; a dump begins with it"]) from error
    finally:
        gc.set_threshold(*thresholds)


def _lines_of(file: EventFile, progress: Progress, *, sort: bool) -> Iterator[Line]:
    if not sort:
        return file.lines()
    task = progress.add_task("reading", total=file.size)
    return sorted_lines(file.lines(), lambda done: progress.update(task, completed=done))


def _shown(file: EventFile, progress: Progress) -> Callable[[Line], None]:
    """Shows how far a run over the lines of a file is."""
    task: TaskID | None = None
    read = lines = 0

    def on_line(line: Line) -> None:
        nonlocal task, read, lines
        if task is None:
            for before in progress.task_ids:
                progress.remove_task(before)
            task = progress.add_task(file.name, total=file.size)
        read, lines = read + len(line.raw) + 1, lines + 1
        if lines % _PROGRESS_LINES == 0:
            progress.update(task, completed=read)

    return on_line


@contextmanager
def _progress() -> Iterator[Progress]:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        yield progress
