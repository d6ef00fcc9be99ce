"""The guard on the cost of an event passes on this code, and fails on slower code."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.guard.measure import Costs, Effort, measure, worse
from handlers.partition import Partition

ROOT = Path(__file__).parents[2]
FEW = Effort(rounds=3, most_rounds=3, events=1_000)


@pytest.mark.slow
def test_an_event_costs_no_more_than_was_committed() -> None:
    command = [sys.executable, "-m", "bench.guard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.plain("it slows a function of the core")
def test_rules_that_take_twice_as_long_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = measure(FEW, lambda _: True)
    slower_by_s = usual.us(usual.rules) / 1e6
    accept = Partition._accept

    def slowed(*arguments: object) -> object:
        until_s = time.process_time() + slower_by_s
        while time.process_time() < until_s:
            pass
        return accept(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Partition, "_accept", slowed)
    assert "rules" in worse(measure(FEW, lambda _: True).ratios, usual.ratios)


def test_of_each_fetch_the_fastest_time_counts() -> None:
    one = Costs(10, [1e-4, 3e-4], [8e-4, 8e-4], [9e-4, 9e-4], [5e-4, 5e-4])
    other = Costs(10, [2e-4, 1e-4], [4e-4, 9e-4], [9e-4, 1e-3], [5e-4, 3e-4])
    both = one.least(other)
    assert both.us(both.limit) == pytest.approx(20)
    assert both.ratios == pytest.approx({"whole path": 15, "ingest": 6, "engine": 9, "rules": 4})


def test_a_part_is_worse_from_a_quarter_above_the_committed_ratio_on() -> None:
    committed = {"whole path": 10.0, "rules": 5.0}
    assert worse({"whole path": 12.4, "rules": 6.2}, committed) == []
    assert worse({"whole path": 12.4, "rules": 6.3}, committed) == ["rules"]
