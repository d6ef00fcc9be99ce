"""`tierstream worker`: ingest and engine in one process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import one_sentence
from config.policy_file import load_policy
from config.settings import load_settings


def worker(
    policy: Annotated[
        Path | None,
        typer.Option(help="Policy file that the first start puts in force.", dir_okay=False),
    ] = None,
) -> None:
    """Read events, keep customers' state, write tier changes and alerts, until stopped.

    Start up to one for each partition: they share the partitions. All settings are environment
    variables, see docs/operations.md.
    """
    with one_sentence():
        settings = load_settings()
        declared = load_policy(policy or settings.policy_file)
        from streams.changelog import check_formats
        from streams.checked_clock import check_clock
        from streams.kafka.topics import check_topics, topic_name
        from streams.policy_log import ensure_policy
        from streams.runtime.logs import configure_logging
        from streams.worker import Worker

        counts = asyncio.run(check_topics(settings))
        asyncio.run(check_formats(settings, counts[topic_name(settings, "customer-events")]))
        asyncio.run(check_clock(settings))
        asyncio.run(ensure_policy(settings, declared))
        configure_logging(settings.log_level, settings.log_format)
        partitions = counts[topic_name(settings, "customer-events")]
        code = Worker(settings, declared, partitions).run()
    raise typer.Exit(code)
