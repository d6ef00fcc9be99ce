"""The course runs: plain Faust is right where nothing fails, Tierstream where a worker dies."""

from __future__ import annotations

import time

import pytest

from devtools.servers import BrokerUnavailable
from tests.harness.kafka import skip_without_java
from tests.side_by_side.course import WORKERS, Load, Outcome, run
from tests.side_by_side.orders import make_orders
from tests.side_by_side.report import markdown
from tests.side_by_side.timetable import Timetable, timetable

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SMALL = Load(backlog=600, burst=200, every_s=1.5, session_s=6)


def outcome_of(name: str, plan: Timetable) -> Outcome:
    orders = make_orders(1, SMALL.total(plan.bursts), time.time_ns() // 1_000_000 - 3_600_000)
    try:
        found = run(name, orders, plan, SMALL)
    except BrokerUnavailable as reason:
        skip_without_java(reason)
        raise  # never reached: the line above ends the test
    assert found.orders == len(orders)
    assert found.per_second > 0
    assert found.uncommitted == found.ends == 0
    return found


def test_plain_faust_is_right_where_nothing_fails() -> None:
    """So what is wrong with it in the table is the faults' doing, not the app's or the count's."""
    found = outcome_of("faust", timetable(seed=1, rounds=0, workers=WORKERS))
    assert found.counts.is_clean
    assert "| orders lost | 0 |\n" in markdown([found])


def test_tierstream_is_right_where_a_worker_is_killed() -> None:
    found = outcome_of("tierstream", timetable(1, rounds=1, workers=WORKERS, kinds=("kill",)))
    assert found.counts.is_clean
    [(kind, recovery_s)] = found.recoveries_s
    assert kind == "kill"
    assert recovery_s is not None
    assert recovery_s < 60
