"""The rules by which the ingest counts bad records are those in the log, once they are read."""

from __future__ import annotations

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


def test_nothing_is_read_until_a_partition_has_read_its_policy() -> None:
    worker, (_, second) = worker_with(None, None)
    assert not worker._may_ingest()
    second.meta.policy = "p1"
    assert worker._may_ingest()
    assert worker._rules() == second.rules


def test_who_has_no_partition_of_the_log_reads_without_rules() -> None:
    worker, _ = worker_with()
    assert worker._may_ingest()
    assert worker._rules() is None
