"""`tierstream rebuild-state`: the states of a partition, made anew from its log."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from cli.errors import fail, one_sentence
from config.settings import Settings, load_settings


def rebuild_state(
    partition: Annotated[
        list[int] | None,
        typer.Option(
            "--partition", "-p", min=0, help="Only this partition; may be given repeatedly."
        ),
    ] = None,
) -> None:
    """Make the states of partitions anew from the log, where the changelog cannot be restored.

    `tierstream doctor` says which partition needs it. All workers must be stopped. The states are
    those that the workers had, with the same sequences, so consumers see nothing twice. It may be
    interrupted and run again.
    """
    with one_sentence():
        from streams.faust_app import ProduceFailed
        from streams.kafka.topics import CUSTOMER_EVENTS, check_topics, topic_name
        from streams.rebuild_state import CannotRebuild

        settings = load_settings()
        with one_sentence(CannotRebuild, ProduceFailed):
            counts = asyncio.run(check_topics(settings))
            available = counts[topic_name(settings, CUSTOMER_EVENTS)]
            numbers = sorted(set(partition or range(available)))
            if numbers[-1] >= available:
                fail(f"there is no partition {numbers[-1]}, they are 0 to {available - 1}")
            for number in numbers:
                _refuse_while_workers_run(settings)
                _rebuild(settings, number)


def _refuse_while_workers_run(settings: Settings) -> None:
    from cli.doctor.group import group_members

    members = asyncio.run(group_members(settings))
    if members:
        workers = "1 worker runs" if members == 1 else f"{members} workers run"
        fail(
            f"{workers} in group {settings.app_id}: stop all workers first (one that was killed "
            f"counts for up to {settings.session_timeout})"
        )


def _rebuild(settings: Settings, number: int) -> None:
    from streams.rebuild_state import rebuild_state

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"partition {number}", total=None)

        def show(what: str, done: int, total: int) -> None:
            description = f"partition {number}, {what}"
            progress.update(task, description=description, completed=done, total=total)

        found = asyncio.run(rebuild_state(settings, number, show))
    typer.echo(
        f"partition {number}: {found.customers:,} states as of offset {found.until:,} of the log, "
        f"{found.superseded:,} records that were no states superseded"
    )
    if found.is_under_other_rules:
        typer.echo(
            "  parts of this log were applied under the rules of another release: states may differ"
            " from those that were there, and no sequence is lower than before"
        )
