"""A transaction that a producer has open: how many records wait, for how long, and since where."""

from __future__ import annotations

import logging

import pytest

from streams.runtime.metrics import Metrics
from streams.runtime.open_transactions import OpenTransactions


def shown(metrics: Metrics) -> tuple[float | None, float | None]:
    labels = {"topic": "orders", "partition": "0"}
    value = metrics.registry.get_sample_value
    return (
        value("tierstream_open_transaction_records", labels),
        value("tierstream_open_transaction_seconds", labels),
    )


def test_records_and_seconds_are_shown_while_the_same_one_is_open() -> None:
    metrics = Metrics()
    transactions = OpenTransactions(metrics)
    transactions.note("orders", 0, 7, 3, 100)
    transactions.note("orders", 0, 7, 5, 160)
    assert shown(metrics) == (5, 60)
    transactions.note("orders", 0, 9, 3, 162)
    assert shown(metrics) == (3, 0), "that one has ended, and the next one is open"
    transactions.note("orders", 0, 12, 0, 164)
    assert shown(metrics) == (0, 0)


def test_one_that_lasts_is_logged_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    transactions = OpenTransactions(Metrics())
    for second in range(0, 100, 2):
        transactions.note("orders", 0, 7, 3, second)
        transactions.note("orders", 1, second, 1, second)  # one after the other
    transactions.note("orders", 0, 10, 0, 100)
    transactions.note("orders", 0, 10, 0, 102)
    began, ended = (record.getMessage() for record in caplog.records)
    assert began == (
        "orders/0: 3 records wait for a transaction that a producer began at offset 7 and has not "
        "ended for 30 s"
    )
    assert ended == "the transaction in orders/0 has ended"


def test_a_partition_that_went_away_begins_anew() -> None:
    metrics = Metrics()
    transactions = OpenTransactions(metrics)
    transactions.note("orders", 0, 7, 3, 100)
    transactions.forget("orders", 0)
    transactions.note("orders", 0, 7, 3, 200)
    assert shown(metrics) == (3, 0)
