"""`tierstream dump`: one partition of the canonical log as a file."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console
from rich.progress import Progress

from cli.errors import fail, one_sentence
from config.environment import load_settings


def dump(
    partition: Annotated[int, typer.Argument(min=0, help="Number of the partition.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; without it, standard output.")
    ] = None,
) -> None:
    """Write a partition of the canonical log as a file of events, with its ticks and policies.

    `tierstream backtest` reads it and gives the same bytes as the worker gave.
    """
    with one_sentence():
        settings = load_settings()
        from cli.dump import dump_partition
        from streams.kafka.topics import CUSTOMER_EVENTS, check_topics, topic_name

        counts = asyncio.run(check_topics(settings))
        available = counts[topic_name(settings, CUSTOMER_EVENTS)]
        if partition >= available:
            fail(f"there is no partition {partition}, they are 0 to {available - 1}")
        console = Console(stderr=True)
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task(f"partition {partition}", total=None)

            def show(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total)

            def write(target: BinaryIO) -> tuple[int, int]:
                return asyncio.run(dump_partition(settings, partition, target, show))

            if out is None:
                written, repeated = write(sys.stdout.buffer)
            else:
                with out.open("wb") as target:
                    written, repeated = write(target)
    console.print(f"{written:,} records written, {repeated:,} re-deliveries left out")
