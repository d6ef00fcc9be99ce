"""Explanations in a process of their own.

To explain a customer, a whole partition of the changelog is read: seconds of CPU, during which
nothing else in the process would be answered in time. A process can also be ended at any moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

from serving.api.given import KafkaUnavailable, Unexplained

FOUND, NOTHING = 0, 3
"""How the process ends: with an explanation on the standard output, or with none and the reason."""

_ANSWER_MAX_BYTES = 16 * 1024 * 1024


async def explain_apart(customer_id: str) -> bytes:
    """The explanation of a customer as JSON, by the settings of this process's environment.

    Raises:
        Unexplained: there is none.
        KafkaUnavailable: it could not be asked for.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.explain.explanation"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_ANSWER_MAX_BYTES,
    )
    try:
        # By its standard input, since anyone on the machine may read the arguments of a process.
        answer, reason = await process.communicate(customer_id.encode())
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode == FOUND:
        return answer
    lines = reason.decode("utf-8", "replace").strip().splitlines() or ["it ended without a word"]
    if process.returncode == NOTHING:
        raise Unexplained(lines[-1])
    raise KafkaUnavailable(lines[-1].removeprefix("tierstream: "))
