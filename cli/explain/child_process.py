"""Makes explanations in a child process, for the API.

To explain a customer, a whole partition of the changelog is read. That takes seconds of CPU, during
which the process could not answer other requests in time. A child can also be killed at any time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys

import msgspec

from cli.errors import EXPECTED
from cli.explain.result import NothingToExplain, explained
from config.settings import load_settings
from serving.api.jobs import KafkaUnavailable, Unexplained

_FOUND, _NOTHING = 0, 3
"""Exit codes: an explanation is on the standard output; or there is none, and the reason is on the
standard error."""

_ANSWER_MAX_BYTES = 16 * 1024 * 1024


async def explain_in_child(customer_id: str) -> bytes:
    """The explanation of a customer as JSON, by the settings of this process's environment.

    Raises:
        Unexplained: there is none.
        KafkaUnavailable: the child could not read Kafka.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.explain.child_process"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_ANSWER_MAX_BYTES,
    )
    try:
        # On its standard input, since anyone on the machine can read the arguments of a process.
        answer, reason = await process.communicate(customer_id.encode())
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode == _FOUND:
        return answer
    lines = reason.decode("utf-8", "replace").strip().splitlines() or ["it ended without a word"]
    if process.returncode == _NOTHING:
        raise Unexplained(lines[-1])
    raise KafkaUnavailable(lines[-1].removeprefix("tierstream: "))


def main() -> int:
    """Explain the customer whose id is on the standard input; returns the exit code."""
    logging.disable(logging.CRITICAL)
    customer_id = sys.stdin.buffer.read().decode()
    try:
        why = asyncio.run(explained(load_settings(), customer_id))
    except NothingToExplain as reason:
        sys.stderr.write(f"{reason}\n")
        return _NOTHING
    except (*EXPECTED, TimeoutError) as error:
        sys.stderr.write(f"{error or type(error).__name__}\n")
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(why))
    return _FOUND


if __name__ == "__main__":
    sys.exit(main())
