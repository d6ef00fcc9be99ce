"""The purchase log with the traffic of a shop around it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest

from devtools.traffic.cdnow import END_MS, Purchase, purchase_rows
from devtools.traffic.damage import DAMAGES
from devtools.traffic.distributions import DAY_MS, MINUTE_MS
from devtools.traffic.enrich import TrafficShape, enriched
from devtools.traffic.record import TrafficRecord
from handlers.decode.decode import Limits, decode
from handlers.reasons import Rejection
from scoring.money import amount_of
from scoring.timestamps import parse_rfc3339
from streams.kafka.topics import topic_for
from tests.driver import Driver

QUIET = TrafficShape(
    sessions=0,
    idle_visits=0,
    tickets=0,
    refunds=0,
    cancellations=0,
    introductions=0,
    consents=0,
    later_changes=0,
)

DRIVER_LIMITS = Limits(max_event_ms=END_MS)


def events(records: Iterable[TrafficRecord]) -> list[dict[str, Any]]:
    return [json.loads(record.value) for record in records]


@pytest.fixture(scope="module")
def rows() -> list[Purchase]:
    return purchase_rows()


@pytest.fixture(scope="module")
def everything(rows: list[Purchase]) -> list[TrafficRecord]:
    return list(enriched(rows))


def test_the_same_seed_gives_the_same_bytes(rows: list[Purchase]) -> None:
    shape = TrafficShape(seed=7, bad_records=True, duplicate_share=0.01, late_share=0.01)
    assert list(enriched(rows[:3_000], shape)) == list(enriched(rows[:3_000], shape))


def test_another_seed_gives_other_traffic_around_the_same_purchases(rows: list[Purchase]) -> None:
    one, other = (events(enriched(rows[:3_000], TrafficShape(seed=seed))) for seed in (1, 2))
    placed = [[e for e in found if e["type"] == "order.placed"] for found in (one, other)]
    assert one != other
    assert placed[0] == placed[1]


def test_every_purchase_is_in_the_stream_once(everything: list[TrafficRecord]) -> None:
    placed = [e["order_id"] for e in events(everything) if e["type"] == "order.placed"]
    assert len(placed) == len(set(placed)) == 69_659


def test_there_is_one_more_event_beside_each_purchase(everything: list[TrafficRecord]) -> None:
    assert 2.1 < len(everything) / 69_659 < 2.3


def test_records_arrive_in_order_of_time_and_end_with_the_log(
    everything: list[TrafficRecord],
) -> None:
    assert all(one.at_ms <= next_one.at_ms for one, next_one in pairwise(everything))
    assert everything[-1].at_ms < END_MS


def test_event_ids_are_unique(everything: list[TrafficRecord]) -> None:
    ids = [event["event_id"] for event in events(everything)]
    assert len(ids) == len(set(ids))


def test_every_record_is_usable_and_goes_to_the_topic_of_its_type_under_its_customer(
    everything: list[TrafficRecord],
) -> None:
    for record in everything[::11]:
        event = decode(record.value)
        assert not isinstance(event, Rejection)
        assert event.fault is None
        assert event.occurred_ms == record.at_ms
        assert record.topic == topic_for(event.type)
        assert record.key == event.customer_id.encode()


def test_amounts_are_decimal_texts_with_cents(everything: list[TrafficRecord]) -> None:
    amounts = [event["amount"] for event in events(everything) if "amount" in event]
    assert {type(amount) for amount in amounts} == {str}
    assert all(amount[-3] == "." and amount_of(amount) is not None for amount in amounts)


def test_refunds_are_of_orders_before_them_and_never_more_than_the_order(
    everything: list[TrafficRecord],
) -> None:
    placed: dict[str, dict[str, Any]] = {}
    refunds = 0
    for event in events(everything):
        if event["type"] == "order.placed":
            placed[event["order_id"]] = event
        elif event["type"] == "order.refunded":
            order = placed[event["order_id"]]
            assert event["customer_id"] == order["customer_id"]
            assert (
                0 < int(event["amount"].replace(".", "")) <= int(order["amount"].replace(".", ""))
            )
            refunds += 1
    assert 0.02 < refunds / 69_659 < 0.04


def test_sessions_come_before_their_purchase(rows: list[Purchase]) -> None:
    placed_ms = {row.order_id: row.at_ms for row in rows[:500]}
    sessions = 0
    for record in enriched(rows[:500], TrafficShape(sessions=1, idle_visits=0)):
        session = json.loads(record.value).get("session_id", "")
        if session.endswith("-session"):
            order_ms = placed_ms[session.removesuffix("-session")]
            assert order_ms - 30 * MINUTE_MS <= record.at_ms < order_ms
            sessions += 1
    assert sessions > 500


def test_idle_visits_grow_rare(everything: list[TrafficRecord], rows: list[Purchase]) -> None:
    placed_ms = {row.order_id: row.at_ms for row in rows}
    by_month: Counter[int] = Counter()
    for record in everything:
        order_id, idle, _ = json.loads(record.value).get("session_id", "").partition("-idle-")
        if idle:
            by_month[(record.at_ms - placed_ms[order_id]) // (30 * DAY_MS)] += 1
    assert set(by_month) <= {0, 1, 2, 3}
    assert by_month[0] > 2 * by_month[1] > 4 * by_month[2]


def test_a_part_of_the_purchases_has_a_part_of_the_same_traffic(rows: list[Purchase]) -> None:
    part, whole = (events(enriched(rows[:count])) for count in (400, 800))
    assert {event["event_id"] for event in part} < {event["event_id"] for event in whole}


def test_with_everything_off_only_purchases_are_left(rows: list[Purchase]) -> None:
    assert events(enriched(rows[:200], QUIET)) == [row.event() for row in rows[:200]]


def test_duplicates_are_the_same_bytes_again(rows: list[Purchase]) -> None:
    shape = TrafficShape(duplicate_share=0.05)
    told = Counter(record.value for record in enriched(rows[:2_000], shape))
    assert set(told.values()) == {1, 2}
    assert 0.03 < sum(count == 2 for count in told.values()) / len(told) < 0.07


def test_late_records_arrive_minutes_after_they_happened(rows: list[Purchase]) -> None:
    shape = TrafficShape(late_share=0.05)
    records = list(enriched(rows[:2_000], shape))
    delays = []
    for record in records:
        happened_ms = parse_rfc3339(json.loads(record.value)["occurred_at"])
        assert happened_ms is not None
        delays.append(record.at_ms - happened_ms)
    late = [delay for delay in delays if delay]
    assert min(late) >= MINUTE_MS
    assert max(late) < 20 * MINUTE_MS
    assert 0.03 < len(late) / len(delays) < 0.07


def test_each_bad_record_becomes_a_dead_letter_and_changes_nothing_else(
    rows: list[Purchase],
) -> None:
    driver = Driver(limits=DRIVER_LIMITS)
    shape = TrafficShape(bad_records=True, bad_share=0.2)
    clean = sum(1 for _ in enriched(rows[:600]))
    records = list(enriched(rows[:600], shape))
    driver.feed(*(record.value for record in records))
    assert driver.accepted == clean
    assert len(driver.dead_letters) == len(records) - clean


@pytest.mark.parametrize("reason", DAMAGES)
def test_a_damage_gives_the_reason_it_is_named_for(reason: str, rows: list[Purchase]) -> None:
    driver = Driver(limits=DRIVER_LIMITS)
    event = rows[0].event()
    driver.feed(json.dumps(event).encode())
    other = event if reason == "conflict" else event | {"event_id": "another"}
    assert driver.reject(DAMAGES[reason](other)) == reason
