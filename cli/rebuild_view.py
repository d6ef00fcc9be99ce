"""`tierstream rebuild-view`: rebuild the view in Redis from its topics."""

from __future__ import annotations

import asyncio

from cli.errors import one_sentence
from config.settings import load_settings


def rebuild_view() -> None:
    """Rebuild the view in Redis from the topics of profiles and of all outputs.

    Readers and the projector may continue meanwhile: they use the old view until the new one is
    complete, and switch to it at once. Redis needs memory for both during that time.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from serving.projector.rebuild import RebuildProgress
    from serving.projector.rebuild import rebuild_view as rebuild
    from serving.view.redis import ViewError
    from streams.runtime.logs import configure_logging

    console = Console(stderr=True)
    with one_sentence(ViewError):
        settings = load_settings()
        configure_logging("WARNING", settings.log_format)
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
            task = bar.add_task("reading the topics", total=None)

            def show(progress: RebuildProgress) -> None:
                bar.update(task, completed=progress.done, total=progress.total)

            report = asyncio.run(rebuild(settings, show))
    console.print(
        f"The view is new: {report.profiles} profiles and {report.changes} changes in "
        f"generation {report.generation}, "
        f"{report.seconds:.1f} s; {report.deleted_keys} old keys deleted."
    )
