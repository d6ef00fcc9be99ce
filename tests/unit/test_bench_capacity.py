"""The page on capacity says what the formulas give, and the formulas scale as they should."""

from __future__ import annotations

import pytest

from bench.capacity.__main__ import PAGE, values, written
from bench.capacity.model import Demand, Machine, need

TEN_MILLION = Demand(customers=1e7, events_per_day=1e9)


def test_tables_of_the_page_are_those_of_the_constants() -> None:
    page = PAGE.read_text()
    assert page == written(page), "run `python -m bench.capacity --write`"


def test_ten_times_the_events_take_ten_times_the_cores_disk_and_network() -> None:
    once = need(values(), TEN_MILLION, Machine())
    more = need(values(), TEN_MILLION._replace(events_per_day=1e10), Machine())
    assert more.by["events"] == pytest.approx(10 * once.by["events"], abs=10)
    assert more.by["memory"] == once.by["memory"]
    assert more.broker_cores == pytest.approx(10 * once.broker_cores)
    assert more.disk_bytes["inputs"] == pytest.approx(10 * once.disk_bytes["inputs"])
    assert more.disk_bytes["changelog"] == once.disk_bytes["changelog"]


def test_memory_decides_for_many_customers_with_few_events_each() -> None:
    found = need(values(), Demand(customers=1e9, events_per_day=1e8), Machine())
    assert found.breaks_first == "memory"
    assert found.workers == found.by["memory"]
    assert found.worker_memory_bytes <= Machine().memory_bytes


def test_events_by_hand() -> None:
    constants = values() | {"client_us": 50.0, "idle_core": 0.0}
    demand = Demand(customers=1e6, events_per_day=86_400 * 4_000, peak=3)
    found = need(constants, demand, Machine(busy=0.6))
    # 12,000 events/s of 50 µs are 0.6 of a core.
    assert found.peak_events_s == pytest.approx(12_000)
    assert found.by["events"] == 1
    assert found.partitions == 2 * found.workers
