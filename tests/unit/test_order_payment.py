"""Payments and cancellations hold by when they occurred, in whatever order they arrive."""

from __future__ import annotations

from itertools import permutations

import pytest

from handlers.state.formats import NEWEST
from scoring.policy import Policy
from tests.builders import cancelled, day, merged, order, paid, payment_failed, viewed
from tests.driver import Driver

COUNTS, GONE = (1, "50.00"), (0, "0.00")


def driver(policy: Policy | None = None) -> Driver:
    return Driver(policy, format_number=NEWEST)


def figures(of: Driver, customer: str = "ana") -> tuple[int, str]:
    profile = of.profile(customer)
    return profile["frequency"], profile["monetary"]


def after(*lines: bytes) -> tuple[int, str]:
    told = driver()
    told.feed(*lines)
    assert told.dead_letters == []
    return figures(told)


def test_a_payment_revives_an_order_that_was_cancelled_before_it() -> None:
    placed = order("o1", "50", day(0), payment_status="pending")
    assert after(placed, cancelled("o1", day(0, 1)), paid("o1", day(0, 2))) == COUNTS


def test_a_payment_and_a_cancellation_come_to_the_same_in_any_order_of_arrival() -> None:
    for first, second, expected in (
        (cancelled("o1", day(1)), paid("o1", day(2)), COUNTS),
        (paid("o1", day(1)), cancelled("o1", day(2)), GONE),
    ):
        for told in permutations([order("o1", "50", day(0)), first, second]):
            assert after(*told) == expected


def test_of_a_payment_and_a_cancellation_at_one_time_the_later_in_the_log_holds() -> None:
    placed = order("o1", "50", day(0))
    assert after(placed, cancelled("o1", day(1)), paid("o1", day(1))) == COUNTS
    assert after(placed, paid("o1", day(1)), cancelled("o1", day(1))) == GONE
    assert after(paid("o1", day(1)), cancelled("o1", day(1)), placed) == GONE


def test_a_payment_is_measured_against_the_newest_cancellation() -> None:
    twice = cancelled("o1", day(1)), cancelled("o1", day(4))
    for told in permutations([*twice, paid("o1", day(3))]):
        assert after(order("o1", "50", day(0)), *told) == GONE
        assert after(*told, order("o1", "50", day(0))) == GONE
    for told in permutations([*twice, paid("o1", day(5))]):
        assert after(order("o1", "50", day(0)), *told) == COUNTS


def test_a_payment_that_failed_since_still_stands_against_an_older_cancellation() -> None:
    told = (paid("o1", day(4)), payment_failed("o1", day(5)), cancelled("o1", day(3)))
    assert after(order("o1", "50", day(0)), *told) == GONE, "failed"
    assert after(order("o1", "50", day(0)), *told, paid("o1", day(1))) == COUNTS


def test_a_payment_status_revives_nothing_that_waited() -> None:
    placed = order("o1", "50", day(2), payment_status="paid")
    assert after(cancelled("o1", day(1)), placed) == GONE
    assert after(cancelled("o1", day(1)), placed, cancelled("o1", day(1, 5))) == GONE
    assert after(cancelled("o1", day(1)), placed, paid("o1", day(3))) == COUNTS


def test_a_payment_status_is_a_payment_at_the_orders_time_for_what_arrives_later() -> None:
    placed = order("o1", "50", day(2), payment_status="paid")
    assert after(placed, cancelled("o1", day(1))) == COUNTS
    assert after(placed, cancelled("o1", day(2))) == GONE
    assert after(placed, payment_failed("o1", day(3)), cancelled("o1", day(1))) == GONE
    failed = placed, payment_failed("o1", day(3)), cancelled("o1", day(1)), paid("o1", day(0))
    assert after(*failed) == COUNTS


@pytest.mark.parametrize(
    ("again_at", "expected"),
    [(day(3), COUNTS), (day(2), COUNTS), (day(1), GONE), (day(0), GONE)],
)
def test_an_order_told_again_as_paid_is_a_payment_at_its_own_time(
    again_at: str, expected: tuple[int, str]
) -> None:
    placed = order("o1", "50", day(0), payment_status="pending")
    again = order("o1", "50", again_at, payment_status="paid", event_id="again")
    told = driver()
    told.feed(placed, cancelled("o1", day(2)), again)
    assert figures(told) == expected
    assert (told.accepted, told.duplicates) == (3, 0)
    told.feed(order("o1", "50", again_at, payment_status="paid", event_id="once more"))
    assert told.duplicates == 1


def test_told_again_at_the_orders_own_time_it_is_as_a_payment_status() -> None:
    """It revives nothing, and stands against an older cancellation that arrives later."""
    placed = order("o1", "50", day(2))
    again = order("o1", "50", day(2), payment_status="paid", event_id="again")
    assert after(placed, cancelled("o1", day(1)), again) == GONE
    assert after(placed, again, cancelled("o1", day(1))) == COUNTS
    assert after(placed, cancelled("o1", day(3)), again, paid("o1", day(1))) == GONE


def test_a_paid_order_told_again_is_news_only_if_it_revives_it() -> None:
    told = driver()
    told.feed(order("o1", "50", day(0), payment_status="paid"), cancelled("o1", day(2)))
    told.feed(order("o1", "50", day(1), payment_status="paid", event_id="older"))
    assert (figures(told), told.duplicates) == (GONE, 1)
    told.feed(order("o1", "50", day(3), payment_status="paid", event_id="newer"))
    assert (figures(told), told.duplicates) == (COUNTS, 1)


def test_an_order_told_again_as_failed_is_a_failed_payment() -> None:
    told = driver()
    told.feed(order("o1", "50", day(0)))
    told.feed(order("o1", "50", day(0), payment_status="failed", event_id="again"))
    assert (figures(told), told.accepted) == (GONE, 2)
    told.feed(order("o1", "50", day(0), payment_status="failed", event_id="once more"))
    assert told.duplicates == 1


def test_a_revived_order_brings_the_customer_back_as_of_its_own_time() -> None:
    told = driver(Policy(window_days=1000))
    told.feed(order("o1", "50", day(0)), order("o2", "50", day(199)))
    told.feed(cancelled("o2", day(199, 1)), viewed(day(400)))
    assert told.profile()["level"] == "dormant"
    found = told.feed(paid("o2", day(401), event_id="paid late"))
    assert [output["type"] for output in found if output["topic"] == "dormancy-alerts"] == []
    changed = told.feed(order("o3", "50", day(402), payment_status="failed"))
    assert [o["type"] for o in changed if o["topic"] == "dormancy-alerts"] == []
    found = told.feed(paid("o3", day(403)))
    assert [o["type"] for o in found if o["topic"] == "dormancy-alerts"] == ["customer.reactivated"]


def test_of_two_customers_who_become_one_the_newer_of_payment_and_cancellation_holds() -> None:
    for paid_on, expected in ((day(4), COUNTS), (day(2), GONE)):
        for payer, other in (("ana", "ben"), ("ben", "ana")):
            told = driver()
            told.feed(
                order("o1", "50", day(0), "ana"),
                order("o1", "50", day(0), "ben"),
                paid("o1", paid_on, payer),
                cancelled("o1", day(3), other),
                merged("ana", day(5), "ben"),
            )
            assert figures(told) == expected


def test_in_an_older_format_a_cancellation_is_final() -> None:
    told = Driver(format_number=NEWEST - 1)
    told.feed(order("o1", "50", day(0)), cancelled("o1", day(1)), paid("o1", day(2)))
    told.feed(order("o1", "50", day(3), payment_status="paid", event_id="again"))
    assert figures(told) == GONE
    told.pack()


def test_what_waited_under_two_ids_meets_the_order_as_what_waited() -> None:
    told = driver()
    told.feed(paid("o1", day(1), "ana"), cancelled("o1", day(2), "ana"))
    told.feed(order("o1", "50", day(3), "ben", payment_status="paid"), merged("ana", day(5), "ben"))
    assert figures(told) == GONE


def test_the_payment_status_of_one_id_revives_nothing_that_waited_under_the_same() -> None:
    told = driver()
    told.feed(order("o1", "50", day(0), "ana"), cancelled("o1", day(1), "ben"))
    told.feed(order("o1", "50", day(2), "ben", payment_status="paid"), merged("ana", day(5), "ben"))
    assert figures(told) == GONE


def test_each_cancellation_is_measured_against_the_payments_that_count_for_it() -> None:
    """The first waited, so only a payment of its own revives it; the status answers the second."""
    told = cancelled("o1", day(1)), order("o1", "50", day(8), payment_status="paid")
    assert after(*told, cancelled("o1", day(6))) == GONE
    assert after(*told, cancelled("o1", day(6)), paid("o1", day(4))) == COUNTS
    assert after(*told, cancelled("o1", day(9)), paid("o1", day(4))) == GONE
