"""The rules by which the ingest counts bad records are those in the log, once they are read."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from streams.worker import Worker


def worker_with(*policies: object) -> tuple[Worker, list[Any]]:
    """A worker that has only partitions, by their policy, and what they know."""
    partitions = [
        SimpleNamespace(meta=SimpleNamespace(policy=policy), rules=f"rules of {policy}")
        for policy in policies
    ]
    worker = Worker.__new__(Worker)
    worker.engine = cast(
        Any, SimpleNamespace(partitions=[SimpleNamespace(partition=one) for one in partitions])
    )
    return worker, partitions


async def test_they_are_waited_for_until_a_partition_has_read_its_policy() -> None:
    worker, (_, second) = worker_with(None, None)
    asked = asyncio.create_task(worker._rules())
    await asyncio.sleep(0.12)
    assert not asked.done()
    second.meta.policy = "p1"
    assert await asyncio.wait_for(asked, 5) == second.rules


async def test_who_has_no_partition_of_the_log_has_none() -> None:
    worker, _ = worker_with()
    assert await asyncio.wait_for(worker._rules(), 5) is None


async def test_partitions_that_go_meanwhile_end_the_waiting() -> None:
    worker, _ = worker_with(None)
    asked = asyncio.create_task(worker._rules())
    await asyncio.sleep(0)
    worker.engine = cast(Any, SimpleNamespace(partitions=[]))
    assert await asyncio.wait_for(asked, 5) is None
