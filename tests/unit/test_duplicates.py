"""Who told what before, by id, by source position, by order and by refund."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handlers.partition import Partition
from handlers.state.partition_state import Source
from scoring.policy import Policy
from tests.builders import (
    cancelled,
    day,
    edited,
    order,
    paid,
    payment_failed,
    profile,
    refund,
    survey,
    viewed,
)
from tests.driver import Driver


def counts(driver: Driver) -> tuple[int, int, list[str]]:
    """Accepted, duplicates, reasons of dead letters."""
    return driver.accepted, driver.duplicates, [letter.reason for letter in driver.dead_letters]


def again(line: bytes, **changes: Any) -> bytes:
    """The same thing told under another event id."""
    return edited(line, event_id="told again", **changes)


# By event id


@pytest.mark.parametrize(
    "line",
    [order("o1", "5", day(0)), viewed(day(0)), survey(5, day(0)), profile({"name": "A"}, day(0))],
)
def test_the_same_id_with_the_same_content_is_a_duplicate(line: bytes) -> None:
    driver = Driver()
    driver.feed(line, line, line)
    assert counts(driver) == (1, 2, [])


def test_a_duplicate_has_no_effect_at_all() -> None:
    once, twice = Driver(), Driver()
    lines = (order("o1", "120", day(0)), viewed(day(1)), refund("o1", "20", day(2)))
    once.feed(*lines)
    twice.feed(*(line for line in lines for _ in range(2)))
    assert once.outputs == twice.outputs
    assert once.profile() == twice.profile()
    assert once.state().ledger == twice.state().ledger
    assert once.state().seen_events == twice.state().seen_events


def test_content_is_compared_by_value_not_by_bytes() -> None:
    driver = Driver()
    line = order("o1", 5, day(0), note={"a": 1, "b": 2})
    driver.feed(line)
    shuffled = dict(reversed(json.loads(line).items()))
    driver.feed(json.dumps({**shuffled, "amount": 5.0}, indent=1).encode())
    assert counts(driver) == (1, 1, [])


@pytest.mark.parametrize(
    "change",
    [{"amount": "6"}, {"amount": 5}, {"occurred_at": day(1)}, {"unknown": 1}, {"channel": "web"}],
)
def test_the_same_id_with_other_content_is_a_conflict(change: dict[str, Any]) -> None:
    """A text is no number, and unknown fields are content too."""
    driver = Driver()
    line = order("o1", "5", day(0))
    driver.feed(line)
    assert driver.reject(edited(line, **change)) == "conflict"
    assert driver.dead_letters[0].event_id == json.loads(line)["event_id"]


def test_ids_belong_to_one_customer() -> None:
    driver = Driver()
    driver.feed(viewed(day(0), "ana", event_id="e1"), viewed(day(0), "ben", event_id="e1"))
    assert counts(driver) == (2, 0, [])


def test_64_accepted_events_are_remembered_and_the_65th_is_forgotten() -> None:
    driver = Driver()
    lines = [viewed(day(0), event_id=f"e{number}") for number in range(65)]
    driver.feed(*lines)
    driver.feed(lines[1])
    assert counts(driver) == (65, 1, [])
    driver.feed(lines[0])
    assert counts(driver) == (66, 1, [])


def test_duplicates_and_dead_letters_are_not_remembered() -> None:
    driver = Driver()
    first = viewed(day(0), event_id="first")
    driver.feed(first)
    others = [viewed(day(0), event_id=f"e{number}") for number in range(63)]
    driver.feed(*others, *others, viewed(day(0), event_id="e5", note="conflict"))
    driver.feed(first)
    assert counts(driver) == (64, 64, ["conflict"])


def test_a_refused_event_may_be_mended_and_sent_again_under_its_id() -> None:
    driver = Driver()
    driver.feed(order("o1", "-5", day(0), event_id="e1"), order("o1", "5", day(0), event_id="e1"))
    assert counts(driver) == (1, 0, ["invalid_amount"])


def test_state_that_was_packed_and_restored_remembers() -> None:
    driver = Driver()
    line = order("o1", "5", day(0))
    driver.feed(line)
    driver.pack()
    driver.partition.store._live.clear()
    driver.feed(line)
    assert counts(driver) == (1, 1, [])


# By source position


def test_a_source_position_already_applied_is_known() -> None:
    partition = Driver().partition
    assert not partition.is_applied(Source("orders", 0, 5))
    assert partition.is_applied(Source("orders", 0, 5))
    assert partition.is_applied(Source("orders", 0, 4))
    assert not partition.is_applied(Source("orders", 0, 9))
    assert not partition.is_applied(Source("orders", 1, 5))
    assert not partition.is_applied(Source("browse", 0, 5))


# By order


def test_an_order_repeated_under_another_event_id_is_a_duplicate() -> None:
    driver = Driver()
    driver.feed(order("o1", "5.00", day(0)))
    driver.feed(again(order("o1", "5", day(3))))
    assert counts(driver) == (1, 1, [])
    assert driver.profile()["frequency"] == 1


@pytest.mark.parametrize(
    "change", [{"amount": "5.01"}, {"currency": "EUR"}, {"amount": "5.40", "currency": "USD"}]
)
def test_an_order_repeated_with_another_amount_or_currency_is_a_conflict(
    change: dict[str, Any],
) -> None:
    driver = Driver(Policy(currency_rates={"EUR": "1.08"}))
    driver.feed(order("o1", "5", day(0)))
    assert driver.reject(again(order("o1", "5", day(0)), **change)) == "conflict"


def test_a_foreign_order_is_compared_in_its_own_currency() -> None:
    driver = Driver(Policy(currency_rates={"EUR": "1.08"}))
    driver.feed(order("o1", "5", day(0), currency="EUR"))
    driver.feed(again(order("o1", "5.00", day(0), currency="EUR")))
    assert driver.duplicates == 1
    worth_as_much = order("o1", "5.40", day(0), event_id="e9")
    assert driver.reject(worth_as_much) == "conflict"


@pytest.mark.parametrize("over", [cancelled("o1", day(1)), payment_failed("o1", day(1))])
def test_a_cancelled_or_failed_order_repeated_is_a_duplicate(over: bytes) -> None:
    driver = Driver()
    driver.feed(order("o1", "5", day(0)), over)
    driver.feed(again(order("o1", "5", day(0))))
    assert counts(driver) == (2, 1, [])
    assert driver.profile()["frequency"] == 0


@pytest.mark.parametrize(
    ("first", "told", "news"),
    [
        (None, "paid", True),
        ("pending", "paid", True),
        ("pending", "failed", True),
        ("paid", "failed", True),
        ("failed", "paid", True),
        ("paid", "paid", False),
        ("failed", "failed", False),
        ("paid", "pending", False),
        ("paid", None, False),
        (None, "pending", False),
    ],
)
def test_an_order_repeated_with_news_of_its_payment_is_that_event(
    first: str | None, told: str | None, news: bool
) -> None:
    driver = Driver(Policy(count_orders="paid"))
    driver.feed(order("o1", "5", day(0), payment_status=first))
    driver.feed(again(order("o1", "5", day(0)), payment_status=told))
    assert counts(driver) == ((2, 0, []) if news else (1, 1, []))
    assert driver.profile()["frequency"] == int((told if news else first) == "paid")


def test_payment_news_acts_as_order_paid_and_not_as_an_order() -> None:
    """It is no interaction: only the order was one, at its own time."""
    driver = Driver(Policy(count_orders="paid"))
    driver.feed(order("o1", "120", day(0)))
    [rise] = driver.feed(again(order("o1", "120", day(9)), payment_status="paid"))
    assert (rise["reason"], rise["caused_by"]) == ("order", ["told again"])
    assert driver.profile()["last_interaction_at"] == day(0)
    assert driver.profile()["last_order_at"] == day(0)


def test_payment_news_is_remembered_under_its_own_id() -> None:
    driver = Driver(Policy(count_orders="paid"))
    driver.feed(order("o1", "5", day(0)))
    news = again(order("o1", "5", day(0)), payment_status="paid")
    driver.feed(news, news)
    assert counts(driver) == (2, 1, [])


def test_payment_news_of_an_order_with_another_amount_is_a_conflict() -> None:
    driver = Driver()
    driver.feed(order("o1", "5", day(0)))
    assert driver.reject(again(order("o1", "6", day(0)), payment_status="paid")) == "conflict"


# By refund


def test_a_refund_repeated_under_another_event_id_is_a_duplicate() -> None:
    driver = Driver()
    driver.feed(order("o1", "50", day(0)), refund("o1", "20", day(1)))
    driver.feed(again(refund("o1", "20.00", day(2))))
    assert counts(driver) == (2, 1, [])
    assert driver.profile()["monetary"] == "30.00"


def test_a_refund_repeated_with_another_amount_is_a_conflict() -> None:
    driver = Driver()
    driver.feed(order("o1", "50", day(0)), refund("o1", "20", day(1)))
    assert driver.reject(again(refund("o1", "21", day(2)))) == "conflict"


def test_waiting_refunds_are_known_too() -> None:
    driver = Driver()
    driver.feed(refund("o1", "20", day(1)), again(refund("o1", "20", day(1))))
    assert counts(driver) == (1, 1, [])
    assert driver.reject(edited(refund("o1", "21", day(1)), event_id="third")) == "conflict"
    driver.feed(order("o1", "50", day(0)))
    assert driver.profile()["monetary"] == "30.00"
    driver.feed(edited(refund("o1", "20", day(1)), event_id="fourth"))
    assert driver.duplicates == 2


def test_refund_ids_belong_to_one_order() -> None:
    driver = Driver()
    driver.feed(order("o1", "50", day(0)), order("o2", "50", day(0)))
    driver.feed(refund("o1", "20", day(1), "r1"), refund("o2", "20", day(1), "r1"))
    assert driver.profile()["monetary"] == "60.00"


def test_payments_and_cancellations_repeated_change_nothing() -> None:
    """They have no id of their own but the event's, and saying them twice is as saying once."""
    driver = Driver()
    driver.feed(order("o1", "50", day(0)), paid("o1", day(1)), again(paid("o1", day(1))))
    assert counts(driver) == (3, 0, [])
    assert driver.profile()["monetary"] == "50.00"


# Time


@pytest.mark.parametrize(
    "line",
    [
        again(order("o1", "5", day(500))),
        again(order("o1", "6", day(500))),
        viewed(day(500), event_id="e1", note="conflict"),
        order("o9", "-1", day(500)),
    ],
)
def test_duplicates_and_dead_letters_do_not_move_time(line: bytes) -> None:
    driver = Driver()
    driver.feed(order("o1", "5", day(0)), viewed(day(0), event_id="e1"))
    clock_ms = driver.partition.meta.clock_ms
    assert driver.feed(line) == []
    assert driver.partition.meta.clock_ms == clock_ms
    assert driver.profile()["as_of"] == day(0)


def test_a_duplicate_does_not_fire_what_would_be_due_by_its_time() -> None:
    driver = Driver()
    driver.feed(order("o1", "5", day(0)))
    assert driver.feed(again(order("o1", "5", day(100)))) == []
    assert driver.profile()["level"] == "active"


def test_payment_news_does_move_time() -> None:
    driver = Driver()
    driver.feed(order("o1", "5", day(0)))
    driver.feed(again(order("o1", "5", day(3)), payment_status="paid"))
    assert driver.profile()["as_of"] == day(3)


def test_a_topic_that_is_made_anew_has_positions_of_its_own() -> None:
    partition = Partition()
    assert not partition.is_applied(Source("orders", 0, 500, "first"))
    assert not partition.is_applied(Source("orders", 0, 0, "second"))
    assert partition.is_applied(Source("orders", 0, 0, "second"))
    assert partition.meta.source_offsets == {"orders@second/0": 0}


def test_topic_ids_of_other_topics_and_partitions_stay() -> None:
    partition = Partition()
    for source in (
        Source("orders", 10, 7, "first"),
        Source("orders-b", 0, 7, "first"),
        Source("b-orders", 0, 7, "first"),
        Source("orders", 0, 7, "first"),
    ):
        assert not partition.is_applied(source)
    assert not partition.is_applied(Source("orders", 0, 0, "second"))
    assert partition.meta.source_offsets.keys() == {
        "orders@first/10",
        "orders-b@first/0",
        "b-orders@first/0",
        "orders@second/0",
    }


def test_a_position_from_before_incarnations_were_known_goes_on_in_the_first_one() -> None:
    partition = Partition()
    assert not partition.is_applied(Source("orders", 0, 5))
    assert partition.is_applied(Source("orders", 0, 5, "first"))
    assert not partition.is_applied(Source("orders", 0, 6, "first"))
    assert partition.meta.source_offsets == {"orders@first/0": 6}
