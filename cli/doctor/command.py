"""`tierstream doctor`: checks a deployment, and says what to do about each fault."""

from __future__ import annotations

import asyncio
import logging
import os

import typer

from cli.doctor import things
from cli.errors import fail


def doctor() -> None:
    """Check settings, policy, Kafka, topics, workers and Redis, and say what to do about each.

    It changes nothing, and no check waits longer than some seconds. The exit code is 1 if any line
    begins with "!!".
    """
    # The clients' own complaints would stand between the lines and say less.
    for client in ("aiokafka", "kafka"):
        logging.getLogger(client).setLevel(logging.CRITICAL)
    wrong = asyncio.run(_report())
    if wrong:
        fail(f"{things(wrong)} wrong")


async def _report() -> int:
    from cli.doctor.diagnosis import diagnose

    wrong = 0
    async for finding in diagnose(os.environ):
        typer.echo(str(finding))
        wrong += not finding.is_ok
    return wrong
