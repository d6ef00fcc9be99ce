"""Thousands of histories with crashes, zombies and failed writes, and every promise in each.

A failure names the line that replays it. `make soak` runs a hundred thousand from SEED on.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.simulator.outcome import Summary, outcome_of, replay_command, run_seeds
from tests.simulator.plan import POINTS

_CI_SEEDS = range(1, 2_001)
_QUICK_SEEDS = range(2_001, 2_061)
_SOAK_SEEDS = 100_000
_MANY_POINTS = 5
"""How often each point was hit at least by each fault in all seeds of CI."""


def _run(seeds: range) -> Summary:
    summary = Summary()
    for outcome in run_seeds(seeds):
        summary.add(outcome)
    return summary


def _assert_kept(summary: Summary) -> None:
    told = [f"{replay_command(found.seed)}  # {found.problems[0]}" for found in summary.failures]
    assert not told, "\n".join(told[:20])


@pytest.mark.slow
@pytest.mark.always
def test_all_promises_hold_in_some_histories() -> None:
    """Others than those of the two thousand."""
    _assert_kept(_run(_QUICK_SEEDS))


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_all_promises_hold_in_two_thousand_histories(
    record_property: Callable[[str, object], None],
) -> None:
    summary = _run(_CI_SEEDS)
    record_property("exercised", str(summary))
    _assert_kept(summary)
    assert summary.seeds == len(_CI_SEEDS)
    for fault in ("kill", "freeze"):
        for point in (*POINTS, "anywhere"):
            assert summary.exercised[f"{fault} {point}"] >= _MANY_POINTS, (
                f"{fault} {point}: {summary}"
            )
    for kind in (
        "stop",
        "rebalance",
        "jump",
        "policy",
        "compaction",
        "failed writes",
        "repeated writes",
        "late writes of zombies",
        "stuck requests",
        "stray records",
        "wrong_clock",
        "ended by WrongClock",
        "transfers",
        "followed events",
        "forwarded to another partition",
        "forwarded back",
        "forwarded repeatedly",
        "ended by AssignmentLost",
        "ended by OwnershipLost",
        "ended by ProduceFailed",
        "faults in handlers",
        "owner.changed",
        "ticket.overdue",
        "visit.due",
        "retention.due",
        "capped",
        "came back",
    ):
        assert summary.exercised[kind] >= 100, f"{kind}: {summary}"


@pytest.mark.soak
def test_all_promises_hold_in_a_hundred_thousand_histories(
    record_property: Callable[[str, object], None],
) -> None:
    first = int(os.environ.get("SEED", "1"))
    summary = _run(range(first, first + _SOAK_SEEDS))
    record_property("exercised", str(summary))
    _assert_kept(summary)


def test_a_seed_is_the_same_history_each_time() -> None:
    assert outcome_of(7) == outcome_of(7)
