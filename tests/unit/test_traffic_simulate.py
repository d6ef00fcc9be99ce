"""Made-up traffic looks like real traffic, and is the same for the same seed."""

from __future__ import annotations

import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import islice, pairwise
from typing import Any

import pytest

from devtools.traffic.distributions import (
    DAY_MS,
    HOUR_MS,
    active_ms,
    after_active_wait,
    instant_of_active,
)
from devtools.traffic.record import TrafficRecord
from devtools.traffic.shoppers import PopulationShape, customer
from devtools.traffic.simulation import paced, simulate
from handlers.decode.decode import decode
from handlers.reasons import Rejection

START_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z, a Wednesday
SMALL = PopulationShape(customers=300, seed=5)


def events(records: Iterable[TrafficRecord]) -> list[dict[str, Any]]:
    return [json.loads(record.value) for record in records]


@pytest.fixture(scope="module")
def traffic() -> list[TrafficRecord]:
    return list(islice(simulate(START_MS, PopulationShape(customers=800, seed=3)), 60_000))


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, other = (list(islice(simulate(START_MS, SMALL), 5_000)) for _ in range(2))
    assert one == other


def test_another_seed_has_other_customers() -> None:
    assert customer(1, PopulationShape(seed=1)) != customer(1, PopulationShape(seed=2))


def test_a_customer_does_not_depend_on_how_many_others_there_are() -> None:
    few, many = PopulationShape(customers=10), PopulationShape(customers=10_000)
    assert customer(3, few) == customer(3, many)


def test_runs_that_start_at_other_times_share_customers_but_no_ids() -> None:
    runs = [events(islice(simulate(START_MS + days * DAY_MS, SMALL), 2_000)) for days in (0, 1)]
    ids = [{event["event_id"] for event in run} for run in runs]
    customers = [{event["customer_id"] for event in run} for run in runs]
    assert not ids[0] & ids[1]
    assert customers[0] & customers[1]


def test_events_come_in_order_of_time_from_the_start_on(traffic: list[TrafficRecord]) -> None:
    assert traffic[0].at_ms >= START_MS
    assert all(one.at_ms <= next_one.at_ms for one, next_one in pairwise(traffic))


def test_every_event_is_usable_and_happens_when_it_arrives(traffic: list[TrafficRecord]) -> None:
    for record in traffic[::7]:
        event = decode(record.value)
        assert not isinstance(event, Rejection)
        assert event.fault is None
        assert event.occurred_ms == record.at_ms
        assert record.key == event.customer_id.encode()


def test_event_ids_are_unique(traffic: list[TrafficRecord]) -> None:
    ids = [event["event_id"] for event in events(traffic)]
    assert len(ids) == len(set(ids))


def test_every_kind_of_traffic_is_there(traffic: list[TrafficRecord]) -> None:
    types = Counter(event["type"] for event in events(traffic))
    assert types["order.placed"] > 1_000
    for rarer in (
        "order.paid",
        "order.payment_failed",
        "order.cancelled",
        "order.refunded",
        "ticket.opened",
        "ticket.resolved",
        "survey.answered",
        "profile.updated",
        "consent.changed",
        "product.viewed",
        "checkout.started",
        "ticket.responded",
        "followup.scheduled",
        "points.adjusted",
        "order.updated",
        "order.refund_cancelled",
    ):
        assert types[rarer] > 0, rarer


def test_what_follows_an_order_names_an_order_of_the_same_customer(
    traffic: list[TrafficRecord],
) -> None:
    buyer: dict[str, str] = {}
    returns = 0
    for event in events(traffic):
        if event["type"] == "order.placed":
            buyer[event["order_id"]] = event["customer_id"]
        elif event["type"].startswith("order.") and "order_id" in event:
            assert buyer[event["order_id"]] == event["customer_id"]
        elif event["type"] == "order.refunded":
            returns += 1
    assert returns > 0


def test_amounts_are_decimal_texts_and_differ_as_log_normal_ones_do(
    traffic: list[TrafficRecord],
) -> None:
    amounts = [event["amount"] for event in events(traffic) if event["type"] == "order.placed"]
    assert {type(amount) for amount in amounts} == {str}
    cents = [int(amount.replace(".", "")) for amount in amounts]
    assert 2_500 < statistics.median(cents) < 5_000
    assert statistics.mean(cents) > 1.15 * statistics.median(cents)


def test_people_are_awake_in_the_evening_rather_than_at_night(
    traffic: list[TrafficRecord],
) -> None:
    by_hour = Counter(record.at_ms % DAY_MS // HOUR_MS for record in traffic)
    assert by_hour[20] > 8 * by_hour[3] > 0


def test_customers_join_and_go_silent(traffic: list[TrafficRecord]) -> None:
    seen: dict[bytes | None, list[int]] = defaultdict(list)
    for record in traffic:
        seen[record.key].append(record.at_ms)
    middle_ms = (traffic[0].at_ms + traffic[-1].at_ms) // 2
    assert len(seen) > 900
    assert sum(times[0] > middle_ms for times in seen.values()) > 50
    assert sum(times[-1] < middle_ms for times in seen.values()) > 50


def test_some_customers_buy_much_more_often_than_others() -> None:
    pauses = sorted(customer(number, SMALL).mean_pause_ms for number in range(300))
    assert pauses[270] > 10 * pauses[30]


def test_at_a_pace_event_time_goes_on_by_the_number_of_events() -> None:
    records = list(islice(simulate(START_MS, SMALL, paced(START_MS, 8)), 41))
    assert [record.at_ms - START_MS for record in records] == [125 * n for n in range(41)]
    assert events(records)[8]["occurred_at"] == "2025-01-01T00:00:01.000Z"


def test_a_stamp_decides_when_an_event_happened() -> None:
    record = next(simulate(START_MS, SMALL, lambda _at_ms, _number: 1_000))
    assert record.at_ms == 1_000
    assert json.loads(record.value)["occurred_at"] == "1970-01-01T00:00:01.000Z"


@pytest.mark.parametrize("hours", [0, 1, 5.5, 30, 24 * 7, 24 * 365 * 3 + 7.25])
def test_the_clock_of_activity_can_be_read_both_ways(hours: float) -> None:
    instant_ms = START_MS + int(hours * HOUR_MS)
    # Rounding is to the active millisecond: at night those are far apart.
    assert abs(instant_of_active(active_ms(instant_ms)) - instant_ms) < 60


def test_a_wait_in_the_night_takes_longer_than_one_in_the_evening() -> None:
    night_ms = after_active_wait(START_MS + 2 * HOUR_MS, HOUR_MS // 10) - START_MS - 2 * HOUR_MS
    evening_ms = after_active_wait(START_MS + 19 * HOUR_MS, HOUR_MS // 10) - START_MS - 19 * HOUR_MS
    assert night_ms > 5 * evening_ms > 0
