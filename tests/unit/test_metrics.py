"""The metrics of a process."""

from __future__ import annotations

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from handlers.events import SCHEMA
from serving.projector.metrics import MetricsMeter
from streams.runtime.metrics import Metrics, type_label


def test_every_metric_is_served_with_its_sentence_and_prefix() -> None:
    metrics = Metrics()
    text = generate_latest(metrics.registry).decode()
    for declared in metrics.declarations:
        assert declared.name.startswith("tierstream_")
        assert f"# HELP {declared.name} {declared.meaning}\n" in text
        assert declared.meaning.endswith(".")


def test_nothing_is_served_that_is_not_declared() -> None:
    metrics = Metrics()
    declared = {declaration.name for declaration in metrics.declarations}
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(generate_latest(metrics.registry).decode())
    }
    assert {name for name in names if not name.startswith("process_")} == declared


def test_two_processes_in_one_do_not_share_metrics() -> None:
    first, second = Metrics(), Metrics()
    first.unmatched_changes.inc()
    assert second.registry.get_sample_value("tierstream_unmatched_changes_total") == 0


def test_tier_without_customers_disappears() -> None:
    metrics = Metrics()
    metrics.set_customers({"A": 2, "B": 1}, {"new": 3})
    metrics.set_customers({"A": 3}, {"new": 3})
    value = metrics.registry.get_sample_value
    assert value("tierstream_customers_by_tier", {"tier": "A"}) == 3
    assert value("tierstream_customers_by_tier", {"tier": "B"}) is None


def test_partition_that_went_away_is_no_longer_shown() -> None:
    metrics = Metrics()
    metrics.consumer_lag.labels("orders", "1").set(5)
    metrics.partition_clock_seconds.labels("1").set(9)
    metrics.forget_partition("orders", 1)
    metrics.forget_clock(1)
    metrics.forget_partition("orders", 1)  # not shown, and that is no error
    value = metrics.registry.get_sample_value
    assert value("tierstream_consumer_lag", {"topic": "orders", "partition": "1"}) is None
    assert value("tierstream_partition_clock_seconds", {"partition": "1"}) is None


def test_types_that_upstream_invents_share_one_label() -> None:
    assert type_label("order.placed") == "order.placed"
    assert {type_label(kind) for kind in SCHEMA} == set(SCHEMA)
    assert {type_label("x" * 100), type_label("order.eaten"), type_label(None)} == {"unknown"}


def test_what_the_projector_tells_is_shown() -> None:
    metrics = Metrics()
    meter = MetricsMeter(metrics)
    meter.records("applied", 3)
    meter.records("removed", 0)
    meter.delay(1.5)
    meter.lag("profiles", 0, 7)
    meter.retried()
    meter.rewound()
    meter.applied_in(0.2)
    value = metrics.registry.get_sample_value
    assert value("tierstream_view_records_total", {"outcome": "applied"}) == 3
    assert value("tierstream_view_records_total", {"outcome": "removed"}) is None
    assert value("tierstream_view_delay_seconds") == 1.5
    assert value("tierstream_consumer_lag", {"topic": "profiles", "partition": "0"}) == 7
    assert value("tierstream_view_redis_retries_total") == 1
    assert value("tierstream_view_rewinds_total") == 1
    assert value("tierstream_view_apply_duration_seconds_sum") == 0.2
    meter.revoked("profiles", 0)
    assert value("tierstream_consumer_lag", {"topic": "profiles", "partition": "0"}) is None
