"""What the guard of the ingest lets through, stops, gives back and says."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import cast

import pytest
from faust.types import TP

from config.settings import Settings, SettingsError
from streams.faust_app import StreamApp
from streams.ingest.breaker import Bounds
from streams.ingest.stops import PartitionStops, bounds_of, exemptions_of
from streams.runtime.metrics import Metrics

HERE, THERE = TP("orders", 0), TP("orders", 1)


@dataclass
class FakeApp:
    """The app and its consumer in one: a generation, partitions, and what was stopped where."""

    generation: int = 1
    stops: list[tuple[TP, int]] = field(default_factory=list)
    assigned: set[TP] = field(default_factory=lambda: {HERE, THERE})

    @property
    def batch_consumer(self) -> FakeApp:
        return self

    def assignment(self) -> set[TP]:
        return self.assigned

    def stop_partition(self, tp: TP, position: int) -> None:
        self.stops.append((tp, position))


@dataclass
class Bench:
    """A guard, and what stands around it."""

    app: FakeApp
    metrics: Metrics
    guard: PartitionStops

    def shown(self, tp: TP = HERE) -> float | None:
        labels = {"topic": tp.topic, "partition": str(tp.partition)}
        return self.metrics.registry.get_sample_value("tierstream_ingest_stopped", labels)


def bench(**settings: object) -> Bench:
    app, metrics = FakeApp(), Metrics()
    told = Settings.model_validate({"breaker_in_a_row": 2, **settings})
    return Bench(app, metrics, PartitionStops(cast(StreamApp, app), told, metrics))


def tripped(made: Bench) -> Bench:
    """With the records at 5, 6 and 7 of `HERE` bad, and that stop made."""
    assert not made.guard.trips(HERE, 5, "not_json")
    assert not made.guard.trips(HERE, 6, "not_json")
    assert made.guard.trips(HERE, 7, "wrong_type")
    made.guard.stop(made.guard.take_tripped())
    return made


def test_a_stop_waits_until_what_came_before_is_durable() -> None:
    made = bench()
    for offset in (5, 6, 7):
        made.guard.trips(HERE, offset, "not_json")
    assert made.guard.has_tripped
    assert not made.guard.admits(HERE, 8)
    assert made.app.stops == [], "nothing is given back or committed yet"
    made.guard.stop(made.guard.take_tripped())
    assert made.app.stops == [(HERE, 7)]
    assert not made.guard.has_tripped


def test_what_was_delivered_already_is_given_back_and_others_go_on() -> None:
    made = tripped(bench())
    assert not made.guard.admits(HERE, 2_007)
    assert made.app.stops == [(HERE, 7), (HERE, 7)]
    assert made.guard.admits(THERE, 7)
    assert set(made.guard.stopped) == {HERE}


def test_a_stopped_partition_that_stays_through_a_rebalance_stays_stopped() -> None:
    made = tripped(bench())
    made.app.generation = 2
    assert not made.guard.admits(HERE, 7), "it is read again from the position of the stop"
    assert not made.guard.admits(HERE, 2_007)
    assert made.app.stops == [(HERE, 7)] * 3


def test_a_partition_that_another_worker_let_pass_goes_on_with_new_counts() -> None:
    made = tripped(bench())
    made.app.generation = 2
    assert made.guard.admits(HERE, 8)
    assert not made.guard.stopped
    assert not made.guard.trips(HERE, 8, "not_json")
    assert not made.guard.trips(HERE, 9, "not_json")
    assert made.guard.trips(HERE, 10, "not_json")


def test_good_records_in_between_begin_a_new_row() -> None:
    made = bench()
    for offset in range(0, 40, 4):
        assert not made.guard.trips(HERE, offset, "not_json")
        assert not made.guard.trips(HERE, offset + 1, "not_json")
        made.guard.breaker(HERE).taken += 2


def test_partitions_are_counted_apart() -> None:
    made = bench()
    for offset in range(2):
        assert not made.guard.trips(HERE, offset, "not_json")
        assert not made.guard.trips(THERE, offset, "not_json")


def test_what_may_pass_is_not_counted_and_counting_begins_there() -> None:
    made = bench(breaker_pass="orders/0@100, orders/1@3")
    for offset in range(100):
        assert not made.guard.trips(HERE, offset, "not_json")
    assert not made.guard.trips(HERE, 100, "not_json")
    assert not made.guard.trips(HERE, 101, "not_json")
    assert made.guard.trips(HERE, 102, "not_json")


def test_with_both_bounds_off_nothing_is_stopped() -> None:
    made = bench(breaker_in_a_row=0, breaker_share=0)
    assert not any(made.guard.trips(HERE, offset, "not_json") for offset in range(10_000))


@pytest.mark.parametrize(
    ("settings", "bounds"),
    [
        ({}, Bounds(100, 500, 1_000)),
        ({"breaker_in_a_row": 0}, Bounds(None, 500, 1_000)),
        ({"breaker_share": "0"}, Bounds(100, None, 1_000)),
        ({"breaker_share": "0.29", "breaker_window": 100}, Bounds(100, 29, 100)),
        ({"breaker_share": "0.001", "breaker_window": 10}, Bounds(100, 0, 10)),
    ],
)
def test_settings_become_bounds_exactly(settings: dict[str, object], bounds: Bounds) -> None:
    assert bounds_of(Settings.model_validate(settings)) == bounds


def test_a_pass_names_topics_with_or_without_the_prefix() -> None:
    written = "orders/3@120000,eu.browse/0@7"
    settings = Settings(topic_prefix="eu.", breaker_pass=written)
    assert exemptions_of(settings) == {TP("eu.orders", 3): 120_000, TP("eu.browse", 0): 7}


@pytest.mark.parametrize("topic", ["order", "customer-events", "us.orders"])
def test_a_pass_for_what_is_no_input_is_refused(topic: str) -> None:
    settings = Settings(topic_prefix="eu.", breaker_pass=f"{topic}/3@120000")
    with pytest.raises(SettingsError, match=f"{topic} is no input topic, they are orders, "):
        exemptions_of(settings)


def test_metrics_and_log_say_what_is_stopped_while_it_is_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = bench()
    made.guard.show()
    assert made.shown() is None
    with caplog.at_level(logging.ERROR):
        tripped(made)
    made.guard.show()
    assert made.shown() == 1
    labels = {"topic": "orders", "partition": "0"}
    name = "tierstream_ingest_stops_total"
    assert made.metrics.registry.get_sample_value(name, labels) == 1
    (line,) = caplog.messages
    assert line.startswith(
        "ingest of orders/0 is stopped before offset 7: 3 bad records in a row, at most 2 may be; "
        "they begin at offset 5: not_json 2, wrong_type 1. "
    )
    assert "TIERSTREAM_BREAKER_PASS=orders/0@END" in line

    made.app.assigned = {THERE}
    made.guard.show()
    assert made.shown() is None
