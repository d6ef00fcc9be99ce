"""Who is erased leaves a marker, and nothing follows."""

from __future__ import annotations

from unittest import mock

import pytest

from handlers.decode.decode import IN_THE_LOG
from handlers.outputs import CUSTOMER_PROFILES
from handlers.state.customer import Customer, pack
from scoring.policy import Policy
from tests.builders import (
    cancelled,
    consent,
    day,
    edited,
    erased,
    merged,
    order,
    profile,
    ticket_opened,
    viewed,
)
from tests.driver import Driver, pick


def remembered() -> Driver:
    """Somebody of whom everything that can be kept is kept."""
    driver = Driver()
    driver.feed(
        order("o1", "500", day(0)),
        cancelled("o9", day(0)),
        profile({"name": "Ana Pérez", "email": "ana@example.org"}, day(0)),
        consent(True, day(0)),
        ticket_opened("t1", day(0), kind="complaint"),
    )
    return driver


def test_all_that_stays_is_the_id_and_the_marker() -> None:
    driver = remembered()
    driver.feed(erased(day(1)))
    found = driver.state()
    marker = Customer(
        found.epoch, found.applied, None, "prospect", "prospect", True, "ana", found.sequence
    )
    assert found == marker
    assert len(pack(found)) < 150
    assert b"example.org" not in pack(found)


def test_the_profile_becomes_a_null_record() -> None:
    driver = remembered()
    driver.partition.stale_profiles.clear()
    driver.feed(erased(day(1)))
    assert list(driver.partition.stale_profiles) == ["ana"]
    output = driver.partition.profile("ana")
    assert (output.topic, output.customer_id, output.value) == (CUSTOMER_PROFILES, "ana", None)


def test_there_is_no_further_output() -> None:
    driver = remembered()
    assert driver.feed(erased(day(1))) == []
    assert driver.pass_to(day(1_000)) == []
    assert len(driver.partition.store.due_queue) == 0


def test_what_was_due_before_the_erasure_still_goes_out() -> None:
    driver = remembered()
    outputs = driver.feed(erased(day(61)))
    assert pick(outputs, "type", "effective_at") == [("dormancy.alert", day(60))]


@pytest.mark.parametrize("at", [day(2), day(0), day(-9)])
def test_later_events_of_that_id_are_dead_letters_whatever_their_time(at: str) -> None:
    driver = remembered()
    driver.feed(erased(day(1)))
    assert driver.reject(order("o2", "5", at)) == "erased_customer"
    assert driver.dead_letters[-1].event_id == f"order.placed:ana:{at}:o2"
    assert driver.state().erased


@pytest.mark.parametrize(
    "line",
    [
        order("o1", "-5", day(2)),
        order("o1", "5", day(2), currency="XXX"),
        order("o1", "5", day(2), payment_status="maybe"),
        order("o2", "7", day(2), event_id="x" * 129),
        merged("ana", day(2)),
    ],
    ids=["amount", "currency", "value", "id", "merge"],
)
def test_whatever_else_is_wrong_with_a_later_event_it_is_of_an_erased_customer(line: bytes) -> None:
    driver = remembered()
    driver.feed(erased(day(1)))
    assert driver.reject(line) == "erased_customer"
    assert driver.dead_letters[-1].detail == "the customer was erased"


def test_an_event_of_one_merged_into_an_erased_customer_is_of_an_erased_one_too() -> None:
    driver = remembered()
    driver.feed(merged("ben", day(1)), erased(day(2), "ben"))
    assert driver.reject(order("o2", "-5", day(3))) == "erased_customer"
    assert driver.reject(order("o2", "5", day(3))) == "erased_customer"


def test_a_bad_value_of_a_merged_customer_is_found_where_the_survivor_is() -> None:
    driver = remembered()
    driver.feed(merged("ben", day(1)))
    assert driver.reject(order("o2", "-5", day(3))) == "invalid_amount"


@pytest.mark.plain("puts faults into functions of the core")
def test_a_rule_that_raises_for_an_erased_customer_tells_nothing_of_the_event() -> None:
    driver = remembered()
    driver.feed(erased(day(1)))
    with mock.patch("handlers.partition.identify", side_effect=ValueError):
        assert driver.reject(order("o2", "5", day(2))) == "erased_customer"
    assert [failure.kind for failure in driver.partition.failures] == ["record"]


def test_a_record_of_the_log_that_cannot_be_read_tells_nothing_of_an_erased_customer() -> None:
    driver = Driver(limits=IN_THE_LOG)
    driver.feed(erased(day(1)))
    assert driver.reject(viewed(day(2), channel=5)) == "erased_customer"
    assert driver.reject(viewed(day(2), "ben", channel=5)) == "wrong_type"


def test_a_letter_that_is_written_already_is_not_written_again_without_its_bytes() -> None:
    """A state may be ahead of the log that is read again."""
    before, after = Driver(), Driver()
    lines = [order("o1", "-5", day(0)), erased(day(1)), order("o2", "-5", day(2))]
    before.feed(*lines)
    after.partition.store.restore(list(before.partition.store.pack_changed(1)))
    after.feed(*lines)
    assert [letter.reason for letter in before.dead_letters] == [
        "invalid_amount",
        "erased_customer",
    ]
    assert after.dead_letters == before.dead_letters[1:]
    assert after.partition.meta.newest_ms == before.partition.meta.newest_ms


def test_events_seen_before_the_erasure_are_no_duplicates_any_more() -> None:
    driver = remembered()
    driver.feed(erased(day(1)))
    assert driver.reject(order("o1", "500", day(0))) == "erased_customer"


def test_a_repeated_erasure_is_accepted_and_changes_nothing() -> None:
    driver = remembered()
    driver.feed(erased(day(1)))
    before = pack(driver.state())
    assert driver.reject(erased(day(1))) is None
    assert driver.reject(edited(erased(day(2)), event_id="again")) is None
    assert pack(driver.state()) == before
    assert driver.dead_letters == []


def test_a_repeated_erasure_moves_time() -> None:
    driver = remembered()
    driver.feed(erased(day(1)), order("o1", "5", day(1), "ben"))
    assert pick(driver.feed(erased(day(100))), "customer_id", "level") == [
        ("ben", "at_risk"),
        ("ben", "dormant"),
    ]


def test_an_event_of_an_erased_customer_does_not_move_time() -> None:
    driver = remembered()
    driver.feed(erased(day(1)), order("o1", "5", day(1), "ben"))
    assert driver.feed(viewed(day(100))) == []


def test_somebody_unknown_may_be_erased() -> None:
    driver = Driver()
    assert driver.feed(erased(day(0))) == []
    assert driver.reject(viewed(day(1))) == "erased_customer"


def test_an_erasure_concerns_nobody_else() -> None:
    driver = remembered()
    driver.feed(order("o1", "500", day(0), "ben"), erased(day(1)))
    assert driver.profile("ben")["tier"] == "B"


def test_changes_that_waited_for_an_order_are_counted_as_unmatched() -> None:
    driver = remembered()
    driver.feed(erased(day(1)))
    assert driver.unmatched == 1


def test_an_erased_customer_is_counted_in_no_tier() -> None:
    driver = remembered()
    driver.feed(erased(day(1)))
    assert +driver.partition.context.tally.population == {}


def test_an_erased_customer_stays_erased_after_a_restart() -> None:
    driver = remembered()
    driver.feed(erased(day(1)))
    driver.pack()
    driver.partition.store._live.clear()
    assert driver.reject(viewed(day(2))) == "erased_customer"
    assert driver.activate(Policy(version="next")) == []
