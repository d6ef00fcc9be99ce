"""The purchase log as events."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from devtools.traffic.cdnow import END_MS, START_MS, Purchase, purchase_rows, purchases
from devtools.traffic.distributions import DAY_MS, HOUR_MS
from handlers.decode.decode import decode
from handlers.events import OrderPlaced
from scoring.timestamps import parse_rfc3339


@pytest.fixture(scope="module")
def rows() -> list[Purchase]:
    return purchase_rows()


def test_all_purchases_of_all_customers_are_there(rows: list[Purchase]) -> None:
    assert len(rows) == 69_659
    assert len({row.customer_id for row in rows}) == 23_570


def test_the_eighty_purchases_of_nothing_stay(rows: list[Purchase]) -> None:
    assert sum(row.amount_minor == 0 for row in rows) == 80


def test_the_dollars_of_the_file_add_up(rows: list[Purchase]) -> None:
    assert sum(row.amount_minor for row in rows) == 250_031_563


def test_purchases_come_in_order_of_time_within_the_months_of_the_log(
    rows: list[Purchase],
) -> None:
    times = [row.at_ms for row in rows]
    assert times == sorted(times)
    assert times[0] >= START_MS
    assert times[-1] < END_MS


def test_rows_that_repeat_another_are_orders_of_their_own(rows: list[Purchase]) -> None:
    assert len({row.order_id for row in rows}) == len(rows)


def test_each_customers_purchases_are_counted_from_the_first(rows: list[Purchase]) -> None:
    expected: Counter[str] = Counter()
    for row in rows:
        expected[row.customer_id] += 1
        assert row.nth == expected[row.customer_id]


def test_nobody_buys_in_the_night(rows: list[Purchase]) -> None:
    hours = {row.at_ms % DAY_MS // HOUR_MS for row in rows}
    assert min(hours) == 6
    assert max(hours) == 22


def test_the_event_of_a_row_is_always_the_same() -> None:
    first = next(purchases())
    assert first == {
        "event_id": "cdnow-00331-placed",
        "type": "order.placed",
        "customer_id": "00086",
        "occurred_at": "1997-01-01T06:07:02.868Z",
        "channel": "web",
        "order_id": "cdnow-00331",
        "amount": "23.94",
        "currency": "USD",
        "payment_status": "paid",
        "items": [{"sku": "cd", "quantity": 2, "category": "music"}],
    }


def test_a_row_keeps_its_date_and_its_amount(rows: list[Purchase]) -> None:
    # Row 4 of the file: customer 00003 on 1997-01-02, 2 CDs for 20.76.
    row = next(row for row in rows if row.row == 4)
    event = row.event()
    assert event["customer_id"] == "00003"
    assert event["occurred_at"].startswith("1997-01-02T")
    assert event["amount"] == "20.76"
    assert event["items"][0]["quantity"] == 2


def test_every_event_is_an_order_that_the_system_accepts(rows: list[Purchase]) -> None:
    for row in rows[::97]:
        event = decode(json.dumps(row.event()).encode())
        assert isinstance(event, OrderPlaced)
        assert event.fault is None
        assert event.occurred_ms == row.at_ms == parse_rfc3339(row.event()["occurred_at"])
