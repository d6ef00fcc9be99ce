"""Refunds in the currency of their order, refunds that are undone, and returns without an order."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from handlers.state.formats import NEWEST
from scoring.money import ONE, Amount
from scoring.orders.ledger import MAX_WAITING
from scoring.orders.refunds import MAX_REFUND_IDS, Refunds
from scoring.orders.returns import MAX_RETURNS
from scoring.policy import PointsPolicy, Policy, Tier
from tests.builders import (
    cancelled,
    day,
    merged,
    order,
    paid,
    redeemed,
    refund,
    refund_cancelled,
    returned,
    updated,
)
from tests.driver import Driver, pick

RATES = {"EUR": "1.08", "JPY": "0.0067", "KWD": "3.25", "HUF": "0.0027"}


def driver(**keys: Any) -> Driver:
    policy = {"currency_rates": RATES, **keys}
    return Driver(Policy(**policy), format_number=NEWEST)


def figures(of: Driver) -> tuple[int, str]:
    profile = of.profile()
    return profile["frequency"], profile["monetary"]


def after(*lines: bytes, **keys: Any) -> tuple[int, str]:
    told = driver(**keys)
    told.feed(*lines)
    assert told.dead_letters == []
    return figures(told)


# The currency of the order


@pytest.mark.parametrize(
    ("base", "currency", "amount", "too_fine"),
    [
        ("USD", "KWD", "12.345", "1.2345"),
        ("USD", "JPY", "9899", "1.5"),
        ("JPY", "USD", "120.50", "1.205"),
        ("KWD", "EUR", "10.01", "1.001"),
        ("USD", "USD", "10.01", "1.001"),
    ],
)
@pytest.mark.parametrize("told_currency", [True, False])
def test_a_refund_has_the_decimals_of_its_orders_currency(
    base: str, currency: str, amount: str, too_fine: str, told_currency: bool
) -> None:
    rates = {"USD": "1.5", "KWD": "3.25", "JPY": "0.0067", "EUR": "1.08"}
    rates.pop(base)
    told = driver(currency=base, currency_rates=rates)
    more = {"currency": currency} if told_currency else {}
    told.feed(order("o1", amount, day(0), currency=currency))
    assert told.reject(refund("o1", too_fine, day(1), "r0", **more)) == "invalid_amount"
    assert told.reject(refund("o1", amount, day(1), **more)) is None
    assert told.profile()["frequency"] == 0


@pytest.mark.parametrize("currency", ["EUR", "JPY"])
def test_a_refund_in_another_currency_than_the_order_is_a_conflict(currency: str) -> None:
    told = driver()
    told.feed(order("o1", "1000", day(0), currency=currency))
    assert told.reject(refund("o1", "10.80", day(1), currency="USD")) == "conflict"
    assert told.reject(refund("o1", "10", day(1), currency=currency, event_id="r")) is None


def test_a_refund_in_a_currency_without_a_rate_is_unknown_currency() -> None:
    assert driver().reject(refund("o1", "10", day(1), currency="GBP")) == "unknown_currency"


def test_the_refunds_of_an_order_are_converted_once_as_a_sum() -> None:
    """Each of them is worth 0.0027 dollars, all four 0.0108."""
    refunds = [refund("o1", "1.00", day(1), f"r{n}") for n in range(4)]
    told = driver()
    told.feed(order("o1", "1000.00", day(0), currency="HUF"), *refunds[:1])
    assert figures(told) == (1, "2.70")
    told.feed(*refunds[1:])
    assert figures(told) == (1, "2.69")


def test_a_refund_told_with_and_without_its_currency_is_the_same() -> None:
    for with_order in (True, False):
        told = driver()
        if with_order:
            told.feed(order("o1", "50", day(0), currency="EUR"))
        told.feed(refund("o1", "10", day(1), currency="EUR"))
        told.feed(refund("o1", "10.00", day(1), event_id="without"))
        assert told.duplicates == 1
        other = refund("o1", "10", day(1), currency="USD", event_id="other")
        assert told.reject(other) == "conflict"


def test_a_refund_that_was_seen_is_judged_before_its_decimals() -> None:
    told = driver()
    told.feed(order("o1", "50", day(0)), refund("o1", "10", day(1)))
    assert told.reject(refund("o1", "10.001", day(1), event_id="finer")) == "conflict"
    assert told.reject(refund("o1", "10.001", day(1), "r2")) == "invalid_amount"


@pytest.mark.parametrize(
    ("amount", "currency", "left"),
    [
        ("10.505", "USD", "39.50"),
        ("10.515", "USD", "39.48"),
        ("10.5051", "USD", "39.49"),
        ("0.4999", "JPY", "0.34"),
        ("1.2345", "KWD", "158.49"),
    ],
)
def test_a_refund_that_waits_is_rounded_when_it_meets_its_order(
    amount: str, currency: str, left: str
) -> None:
    told = driver()
    told.feed(refund("o1", amount, day(1)), order("o1", "50", day(0), currency=currency))
    assert figures(told) == (1, left)
    told.feed(refund("o1", amount, day(1), event_id="again"))
    assert (told.duplicates, figures(told)) == (1, (1, left))


def test_a_refund_that_waits_has_four_decimals_at_most() -> None:
    assert driver().reject(refund("o1", "10.00005", day(1))) == "invalid_amount"
    assert driver().reject(refund("o1", "10.0005", day(1))) is None
    assert driver().reject(refund("o1", "10.005", day(1), currency="USD")) == "invalid_amount"
    assert driver().reject(refund("o1", "10000000000.01", day(1))) == "invalid_amount"


def test_refunds_that_waited_are_rounded_each_and_converted_as_a_sum() -> None:
    told = driver()
    told.feed(refund("o1", "0.005", day(1), "r1"), refund("o1", "0.015", day(1), "r2"))
    told.feed(order("o1", "50", day(0)))
    assert figures(told) == (1, "49.98"), "0.00 and 0.02"


def test_a_refund_that_waited_in_another_currency_is_unmatched() -> None:
    told = driver()
    told.feed(refund("o1", "10", day(1), currency="EUR"), order("o1", "50", day(0)))
    assert (figures(told), told.unmatched) == ((1, "50.00"), 1)


def test_amounts_of_refunds_stay_what_they_were_told_when_finer_ones_come() -> None:
    found = Refunds(b"", 0, 0)
    found.take("r1", Amount(105, 1), 2, 2)
    found.take("r2", Amount(10505, 3), 2, 2)
    found.cancel("r3", 2, 2)
    found.take("r4", Amount(12345, 4), 2, 2)
    assert found.is_duplicate("r1", Amount(105, 1), 2) is True
    assert found.is_duplicate("r2", Amount(10505, 3), 2) is True
    assert found.is_duplicate("r2", Amount(105, 1), 2) is False
    assert found.is_duplicate("r3", Amount(0, 0), 2) is None
    assert found.worth(ONE, 2) == 1050 + 1050 + 123


# A refund that failed or was undone


def test_a_refund_that_failed_is_taken_back() -> None:
    told = (order("o1", "500", day(0)), refund("o1", "500", day(1)))
    assert after(*told) == (0, "0.00")
    assert after(*told, refund_cancelled("o1", day(2))) == (1, "500.00")


def test_a_cancelled_refund_has_no_effect_in_any_order_of_arrival() -> None:
    told = (
        order("o1", "500", day(0)),
        refund("o1", "200", day(1), "r1"),
        refund("o1", "50", day(1), "r2"),
        refund_cancelled("o1", day(2), "r1"),
    )
    for each in permutations(told):
        assert after(*each) == (1, "450.00")


def test_a_refund_is_cancelled_once() -> None:
    told = driver()
    told.feed(order("o1", "500", day(0)), refund("o1", "200", day(1)))
    told.feed(refund_cancelled("o1", day(2)), refund_cancelled("o1", day(3)))
    assert figures(told) == (1, "500.00")
    told.feed(refund("o1", "200", day(1), event_id="again"))
    assert (told.duplicates, figures(told)) == (1, (1, "500.00"))
    assert told.reject(refund("o1", "100", day(1), event_id="other")) == "conflict"


def test_a_refund_that_was_cancelled_before_it_came_is_known_afterwards() -> None:
    told = driver()
    told.feed(order("o1", "500", day(0)), refund_cancelled("o1", day(2)))
    told.feed(refund("o1", "200", day(1)), refund("o1", "200", day(1), event_id="again"))
    assert (figures(told), told.accepted, told.duplicates) == ((1, "500.00"), 3, 1)


def test_other_refunds_of_the_order_stay() -> None:
    told = driver()
    told.feed(order("o1", "500", day(0)), refund("o1", "200", day(1), "r1"))
    told.feed(refund_cancelled("o1", day(2), "r2"), refund("o1", "100", day(3), "r3"))
    assert figures(told) == (1, "200.00")


def test_a_cancelled_refund_brings_the_customer_back_if_the_order_counts_again() -> None:
    told = driver()
    told.feed(order("o1", "10", day(0)), order("o2", "10", day(90)), refund("o2", "10", day(90)))
    told.pass_to(day(95))
    found = told.feed(refund_cancelled("o2", day(96)))
    alerts = [each for each in found if each["topic"] == "dormancy-alerts"]
    assert pick(alerts, "type", "reason") == [("customer.reactivated", "refund")]


def test_a_refund_that_is_cancelled_after_its_order_came_to_count_late_is_withdrawn() -> None:
    """The order is older than the alert, so the alert was wrong from the beginning."""
    told = driver()
    told.feed(order("o1", "10", day(0)), order("o2", "10", day(50)), refund("o2", "10", day(51)))
    told.pass_to(day(95))
    assert told.profile()["level"] == "dormant"
    found = told.feed(refund_cancelled("o2", day(96)))
    assert [each["type"] for each in found if each["topic"] == "dormancy-alerts"] == [
        "dormancy.withdrawn"
    ]


def test_refunds_of_an_order_and_their_marks_are_bounded() -> None:
    told = driver()
    told.feed(order("o1", "5000", day(0)))
    told.feed(*(refund("o1", "1", day(1), f"r{n}") for n in range(3 * MAX_REFUND_IDS)))
    told.feed(*(refund_cancelled("o1", day(2), f"c{n}") for n in range(3 * MAX_REFUND_IDS)))
    refunds = told.state().ledger.orders[0].refunds
    assert refunds is not None
    assert len(refunds.seen) == 16 * MAX_REFUND_IDS
    assert figures(told) == (1, f"{5000 - 3 * MAX_REFUND_IDS}.00")


def test_cancellations_of_refunds_wait_for_their_order_like_other_changes() -> None:
    told = driver()
    told.feed(*(refund_cancelled(f"o{n}", day(1)) for n in range(MAX_WAITING + 2)))
    assert (told.unmatched, len(told.state().ledger.waiting)) == (2, MAX_WAITING)


def test_a_refund_is_cancelled_for_both_ids_of_one_customer() -> None:
    for refunded, undone in (("ana", "ben"), ("ben", "ana"), ("ben", "ben")):
        told = driver()
        told.feed(
            order("o1", "100", day(0), "ana"),
            order("o1", "100", day(0), "ben"),
            refund("o1", "30", day(1), "r1", refunded),
            refund("o1", "7", day(1), "r2", "ana"),
            refund("o1", "7", day(1), "r2", "ben"),
            refund_cancelled("o1", day(2), "r1", undone),
            merged("ana", day(5), "ben"),
        )
        assert figures(told) == (1, "93.00")


# Returns without an order


def test_a_return_is_taken_from_the_newest_orders_first() -> None:
    told = driver()
    told.feed(*(order(f"o{n}", "10", day(n)) for n in range(4)), returned("25", day(5)))
    assert figures(told) == (2, "15.00")
    assert [o.value for o in told.state().ledger.orders] == [1000, 500, 0, 0]
    assert [o.counts for o in told.state().ledger.orders] == [True, True, False, False]


def test_of_orders_at_one_time_the_one_that_arrived_last_gives_first() -> None:
    told = driver()
    told.feed(*(order(name, "10", day(1)) for name in ("b", "a", "c")), returned("12", day(5)))
    assert {o.order_id: o.value for o in told.state().ledger.orders} == {
        "b": 1000,
        "a": 800,
        "c": 0,
    }


def test_a_return_is_taken_from_orders_up_to_its_own_time() -> None:
    told = driver()
    told.feed(order("o1", "10", day(1)), order("o2", "10", day(2)), order("o3", "10", day(3)))
    told.feed(returned("15", day(2)))
    assert [o.value for o in told.state().ledger.orders] == [500, 0, 1000]


def test_a_return_is_not_taken_from_orders_that_do_not_count() -> None:
    told = driver()
    told.feed(order("o1", "10", day(1)), order("o2", "10", day(2)), cancelled("o2", day(3)))
    told.feed(order("o3", "0", day(3)), returned("4", day(4)))
    assert [o.value for o in told.state().ledger.orders] == [600, 1000, 0]
    assert figures(told) == (2, "6.00"), "an order of zero has nothing to give, and counts"


def test_what_is_left_of_a_return_is_unmatched() -> None:
    told = driver()
    told.feed(order("o1", "10", day(1)), returned("10", day(2)))
    assert told.unmatched == 0
    told.feed(returned("0.01", day(2), "r2"), returned("0", day(2), "r3"))
    assert (told.unmatched, told.accepted) == (1, 4)


def test_a_return_is_in_base_currency_or_converted_once() -> None:
    placed = order("o1", "10", day(1), currency="EUR")
    assert after(placed, returned("0.80", day(2))) == (1, "10.00")
    assert after(placed, returned("0.80", day(2), currency="EUR")) == (1, "9.94")
    told = driver()
    assert told.reject(returned("1.001", day(2))) == "invalid_amount"
    assert told.reject(returned("1", day(2), currency="GBP")) == "unknown_currency"
    assert told.reject(returned("1.5", day(2), currency="JPY")) == "invalid_amount"


def test_a_return_told_again_is_a_duplicate_or_a_conflict() -> None:
    told = driver()
    told.feed(order("o1", "50", day(1)), returned("10", day(2)))
    told.feed(returned("10.0", day(2), currency="USD", event_id="again"))
    assert (told.duplicates, figures(told)) == (1, (1, "40.00"))
    assert told.reject(returned("11", day(2), event_id="other")) == "conflict"
    assert told.reject(returned("10", day(2), currency="EUR", event_id="third")) == "conflict"


def test_the_last_24_returns_are_known() -> None:
    told = driver()
    told.feed(order("o1", "500", day(1)))
    told.feed(*(returned("1", day(2), f"r{n}") for n in range(MAX_RETURNS + 1)))
    told.feed(returned("1", day(2), "r1", event_id="again"))
    told.feed(returned("1", day(2), "r0", event_id="forgotten"))
    assert (MAX_RETURNS, told.duplicates, figures(told)) == (24, 1, (1, "474.00"))


def test_a_share_stays_with_its_order() -> None:
    told = driver()
    told.feed(order("o1", "10", day(1)), order("o2", "10", day(2)), returned("15", day(3)))
    assert figures(told) == (1, "5.00")
    told.feed(cancelled("o1", day(4)), updated("o2", "30", day(5)))
    assert figures(told) == (1, "20.00")
    told.feed(paid("o1", day(6)), refund("o1", "1", day(7)))
    assert figures(told) == (2, "24.00")
    told.feed(refund_cancelled("o1", day(8)), updated("o1", "4", day(9)))
    assert figures(told) == (1, "20.00"), "its share is more than its amount"


def test_cancelling_a_refund_does_not_reach_a_return() -> None:
    told = driver()
    told.feed(order("o1", "10", day(1)), returned("4", day(2)), refund_cancelled("o1", day(3)))
    assert figures(told) == (1, "6.00")


def test_a_return_that_lowers_the_tier_takes_it_at_once() -> None:
    told = driver(tiers=(Tier(name="gold", min_monetary="100"), Tier(name="plain")))
    told.feed(order("o1", "90", day(0)), order("o2", "90", day(1)))
    found = [each for each in told.feed(returned("100", day(2))) if "previous_tier" in each]
    assert pick(found, "tier", "direction", "reason") == [("plain", "down", "refund")]


def test_a_return_without_an_order_needs_the_newest_format() -> None:
    told = Driver(format_number=NEWEST - 1)
    told.feed(order("o1", "10", day(1)))
    assert told.reject(returned("4", day(2))) == "missing_field"
    assert told.reject(refund("o1", "4", day(2), currency="GBP")) is None
    assert figures(told) == (1, "6.00"), "the field had no meaning there"
    told.pack()


def test_returns_of_two_customers_who_become_one_are_known_and_taken() -> None:
    told = driver()
    told.feed(order("o1", "10", day(1), "ana"), order("o2", "20", day(1), "ben"))
    told.feed(returned("4", day(2), "r1", "ana"), returned("5", day(2), "r2", "ben"))
    told.feed(merged("ana", day(3), "ben"))
    assert figures(told) == (2, "21.00")
    told.feed(returned("5", day(2), "r2", event_id="again"))
    assert told.duplicates == 1


# Points


POINTS = PointsPolicy(rate="1")


def moved(outputs: list[dict[str, Any]]) -> list[Any]:
    found = [each for each in outputs if each["type"] == "points.changed"]
    return pick(found, "cause", "order_id", "delta", "balance")


def test_points_follow_edits_refunds_and_what_undoes_them() -> None:
    told = driver(points=POINTS)
    told.feed(order("o1", "100", day(0)))
    assert moved(told.feed(updated("o1", "150", day(1)))) == [("order", "o1", 50, 150)]
    assert moved(told.feed(updated("o1", "80", day(2)))) == [("order", "o1", -70, 80)]
    assert moved(told.feed(refund("o1", "30", day(3)))) == [("refund", "o1", -30, 50)]
    assert moved(told.feed(refund_cancelled("o1", day(4)))) == [("refund", "o1", 30, 80)]
    assert moved(told.feed(cancelled("o1", day(5)))) == [("cancellation", "o1", -80, 0)]
    assert moved(told.feed(paid("o1", day(6)))) == [("order", "o1", 80, 80)]


def test_a_return_takes_points_of_each_of_its_orders() -> None:
    told = driver(points=POINTS)
    told.feed(order("o1", "10", day(0)), order("o2", "10", day(1)), redeemed(18, day(2)))
    found = told.feed(returned("15", day(3)))
    assert moved(found) == [("refund", "o2", -10, -8), ("refund", "o1", -5, -13)]
    ids = [each["id"] for each in found]
    assert len(set(ids)) == len(ids)


def test_an_edit_that_waited_gives_the_points_of_its_amount() -> None:
    told = driver(points=POINTS)
    found = told.feed(updated("o1", "30", day(1)), order("o1", "100", day(0)))
    assert moved(found) == [("order", "o1", 30, 30)]


# What was kept in an older format


def test_refunds_of_an_older_format_go_on_with_the_decimals_of_the_currency() -> None:
    """Of an order in yen two decimals were kept, of one in dinars only two."""
    rates = Policy(currency_rates=RATES)
    told = Driver(rates, format_number=NEWEST - 1)
    told.feed(order("yen", "1000", day(0), currency="JPY"), refund("yen", "10.00", day(1), "y1"))
    told.feed(order("dinar", "10", day(0), currency="KWD"), refund("dinar", "1.25", day(1), "d1"))
    assert told.reject(refund("dinar", "0.125", day(1), "d2")) == "invalid_amount"
    told.feed(refund("later", "0.5", day(1), "l1"))
    told.pack()
    told.raise_format(NEWEST)
    assert told.reject(refund("dinar", "0.125", day(2), "d2", event_id="now")) is None
    assert told.reject(refund("yen", "10", day(2), "y1", event_id="seen")) is None
    assert told.reject(refund("yen", "20", day(2), "y2")) is None
    assert told.reject(order("later", "9", day(2))) is None
    values = {o.order_id: o.value for o in told.state().ledger.orders}
    assert values == {"yen": 670 - 20, "dinar": 3250 - 447, "later": 850}
    told.feed(refund_cancelled("dinar", day(3), "d1"), refund_cancelled("yen", day(3), "y1"))
    values = {o.order_id: o.value for o in told.state().ledger.orders}
    assert values == {"yen": 670 - 13, "dinar": 3250 - 41, "later": 850}
