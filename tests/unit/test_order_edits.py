"""Orders that were edited after they were placed."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from handlers.state.formats import NEWEST
from scoring.policy import Policy, Tier
from tests.builders import (
    cancelled,
    day,
    merged,
    order,
    paid,
    refund,
    refund_cancelled,
    updated,
    viewed,
)
from tests.driver import Driver, pick

EURO = {"EUR": "1.085", "JPY": "0.0067", "KWD": "3.25"}


def driver(**keys: Any) -> Driver:
    return Driver(Policy(currency_rates=EURO, **keys), format_number=NEWEST)


def figures(of: Driver) -> tuple[int, str]:
    profile = of.profile()
    return profile["frequency"], profile["monetary"]


def after(*lines: bytes) -> tuple[int, str]:
    told = driver()
    told.feed(*lines)
    assert told.dead_letters == []
    return figures(told)


@pytest.mark.parametrize("amount", ["450", "20", "0", "100.00"])
def test_an_edit_sets_the_amount_anew(amount: str) -> None:
    expected = (1, f"{float(amount):.2f}")
    assert after(order("o1", "100", day(0)), updated("o1", amount, day(1))) == expected


def test_of_several_edits_the_newest_by_time_holds() -> None:
    edits = [updated("o1", str(n), day(n)) for n in (1, 2, 3)]
    for told in permutations([order("o1", "100", day(0)), *edits]):
        assert after(*told) == (1, "3.00")


def test_of_edits_at_one_time_the_later_in_the_log_holds() -> None:
    first, second = (updated("o1", str(n), day(1), event_id=str(n)) for n in (1, 2))
    assert after(order("o1", "100", day(0)), first, second) == (1, "2.00")
    assert after(second, first, order("o1", "100", day(0))) == (1, "1.00")


def test_an_edit_is_converted_at_the_rate_of_the_order() -> None:
    told = driver()
    told.feed(order("o1", "100", day(0), currency="EUR"))
    told.activate(Policy(currency_rates={"EUR": "2"}))
    told.feed(updated("o1", "200", day(1)))
    assert figures(told) == (1, "217.00")


def test_an_edit_in_another_currency_is_a_conflict() -> None:
    told = driver()
    told.feed(order("o1", "100", day(0), currency="EUR"))
    assert told.reject(updated("o1", "50", day(1), currency="USD")) == "conflict"
    assert told.reject(updated("o1", "50", day(1), currency="EUR")) is None
    assert figures(told) == (1, "54.25")


@pytest.mark.parametrize(
    ("currency", "amount", "reason"),
    [
        ("JPY", "10.5", "invalid_amount"),
        ("JPY", "10", None),
        ("KWD", "1.234", None),
        ("KWD", "1.2345", "invalid_amount"),
        ("USD", "1.234", "invalid_amount"),
        ("USD", "-1", "invalid_amount"),
        ("USD", "ten", "invalid_amount"),
        ("USD", "10000000000.01", "invalid_amount"),
        ("KWD", "500000000", None),
        ("KWD", "4000000000", "invalid_amount"),
    ],
)
def test_an_edit_has_the_decimals_and_the_limit_of_its_orders_currency(
    currency: str, amount: str, reason: str | None
) -> None:
    told = driver()
    told.feed(order("o1", "1", day(0), currency=currency))
    assert told.reject(updated("o1", amount, day(1))) == reason


def test_an_edit_that_waits_is_rounded_when_it_meets_its_order() -> None:
    told = driver()
    told.feed(updated("o1", "10.505", day(1)), order("o1", "1", day(0)))
    assert figures(told) == (1, "10.50")
    assert told.reject(updated("o2", "10.50505", day(1))) == "invalid_amount"


def test_an_edit_that_waited_in_another_currency_is_unmatched() -> None:
    told = driver()
    told.feed(updated("o1", "10", day(1), currency="EUR"))
    assert told.unmatched == 0
    told.feed(order("o1", "50", day(0)))
    assert (figures(told), told.unmatched) == ((1, "50.00"), 1)


def test_an_edit_of_an_order_that_left_the_window_waits() -> None:
    told = driver(window_days=10)
    told.feed(order("o1", "50", day(0)), viewed(day(20)), updated("o1", "10", day(21)))
    assert len(told.state().ledger.waiting) == 1
    told.feed(order("o2", "5", day(21)))
    assert figures(told) == (1, "5.00")


def test_an_order_told_again_is_known_by_its_first_and_its_present_amount() -> None:
    told = driver()
    told.feed(order("o1", "100", day(0)), updated("o1", "80", day(1)), updated("o1", "70", day(2)))
    assert told.reject(order("o1", "100", day(0), event_id="first")) is None
    assert told.reject(order("o1", "70", day(0), event_id="present")) is None
    assert told.duplicates == 2
    assert told.reject(order("o1", "80", day(0), event_id="between")) == "conflict"


# Refunds


def test_an_order_edited_down_to_its_refunds_is_fully_refunded() -> None:
    placed, back = order("o1", "100", day(0)), refund("o1", "40", day(1))
    assert after(placed, back, updated("o1", "40", day(2))) == (0, "0.00")
    assert after(placed, back, updated("o1", "30", day(2))) == (0, "0.00")
    assert after(placed, back, updated("o1", "41", day(2))) == (1, "1.00")


def test_a_fully_refunded_order_stays_so_when_edited_down() -> None:
    refunded = order("o1", "100", day(0)), refund("o1", "100", day(1))
    for amount in ("100", "50", "0"):
        assert after(*refunded, updated("o1", amount, day(2))) == (0, "0.00")


def test_it_stays_so_until_it_is_edited_above_its_refunds() -> None:
    told = driver()
    told.feed(order("o1", "100", day(0)), refund("o1", "100", day(1)))
    told.feed(updated("o1", "0", day(2)), updated("o1", "100", day(3)))
    assert figures(told) == (0, "0.00")
    told.feed(updated("o1", "0", day(4)), updated("o1", "120", day(5)))
    assert figures(told) == (1, "20.00")
    told.feed(updated("o1", "0", day(6)))
    assert figures(told) == (1, "0.00"), "it was not fully refunded when it was edited to zero"


def test_it_stays_so_until_no_refund_stands() -> None:
    told = driver()
    told.feed(order("o1", "100", day(0)))
    told.feed(refund("o1", "60", day(1), "r1"), refund("o1", "40", day(1), "r2"))
    told.feed(updated("o1", "0", day(2)), refund_cancelled("o1", day(3), "r2"))
    assert figures(told) == (0, "0.00")
    told.feed(refund_cancelled("o1", day(4), "r1"))
    assert figures(told) == (1, "0.00")


def test_an_order_edited_to_zero_before_it_is_refunded_is_an_order_of_zero() -> None:
    told = driver()
    told.feed(order("o1", "100", day(0)), updated("o1", "0", day(1)))
    told.feed(refund("o1", "100", day(2)))
    assert figures(told) == (1, "0.00")
    told.feed(updated("o1", "100", day(3)))
    assert figures(told) == (0, "0.00")


def test_an_edit_of_a_cancelled_order_counts_when_it_is_revived() -> None:
    told = (order("o1", "100", day(0)), cancelled("o1", day(1)), updated("o1", "30", day(2)))
    assert after(*told) == (0, "0.00")
    assert after(*told, paid("o1", day(3))) == (1, "30.00")


# Tiers, levels and points


SILVER = {
    "tiers": (Tier(name="gold", min_monetary="100"), Tier(name="plain")),
    "window_days": 300,
}


def test_an_edit_downwards_that_lowers_the_tier_takes_it_at_once() -> None:
    told = driver(**SILVER)
    told.feed(order("o1", "150", day(0)))
    found = told.feed(updated("o1", "50", day(1)))
    changes = [each for each in found if each["type"] == "tier.changed"]
    assert pick(changes, "tier", "direction", "reason") == [("plain", "down", "order")]


def test_an_edit_upwards_lifts_at_once_and_one_that_waited_is_part_of_its_order() -> None:
    told = driver(**SILVER)
    told.feed(order("o1", "50", day(0)))
    found = told.feed(updated("o1", "150", day(1)))
    changes = [each for each in found if each["type"] == "tier.changed"]
    assert pick(changes, "tier", "direction", "reason") == [("gold", "up", "order")]
    assert told.feed(updated("o2", "50", day(2)), order("o2", "500", day(2))) == []


def test_an_edit_upwards_does_not_end_a_grace_that_runs_but_an_edit_down_need_not_either() -> None:
    """An edit downwards acts at once only if the edit itself lowered the qualified tier."""
    told = driver(**SILVER)
    told.feed(order("o1", "120", day(0)), order("o2", "20", day(10)))
    told.pass_to(day(300))
    assert told.state().grace is not None, "o1 left, so the tier is kept for now"
    assert told.feed(updated("o2", "10", day(300, 1))) == []
    assert told.profile()["tier"] == "gold"


def test_an_edit_by_which_an_order_counts_again_brings_the_customer_back() -> None:
    told = driver()
    told.feed(order("o1", "10", day(0)), order("o2", "10", day(90)), refund("o2", "10", day(90)))
    told.pass_to(day(95))
    assert told.profile()["level"] == "dormant"
    found = told.feed(updated("o2", "30", day(96)))
    assert [each["type"] for each in found if each["topic"] == "dormancy-alerts"] == [
        "customer.reactivated"
    ]


# Two customers become one


def test_the_newest_edit_of_both_ids_holds() -> None:
    for ana_on, ben_on, expected in ((1, 2, "20.00"), (2, 1, "10.00"), (2, 2, "10.00")):
        told = driver()
        told.feed(
            order("o1", "100", day(0), "ana"),
            order("o1", "100", day(0), "ben"),
            updated("o1", "10", day(ana_on), "ana"),
            updated("o1", "20", day(ben_on), "ben"),
            merged("ana", day(5), "ben"),
        )
        assert figures(told) == (1, expected)


def test_an_order_edited_under_one_id_is_the_same_order_under_the_other() -> None:
    told = driver()
    told.feed(
        order("o1", "100", day(0), "ana"),
        updated("o1", "80", day(1), "ana"),
        order("o1", "100", day(0), "ben"),
        updated("o2", "7", day(1), "ana"),
        order("o2", "5", day(0), "ben"),
        merged("ana", day(5), "ben"),
    )
    assert figures(told) == (2, "87.00")
    assert told.reject(order("o1", "100", day(0), event_id="again")) is None


# Formats


def test_a_partition_of_an_older_format_does_not_know_edits() -> None:
    told = Driver(format_number=NEWEST - 1)
    told.feed(order("o1", "100", day(0)))
    assert told.reject(updated("o1", "80", day(1))) == "unknown_type"
    assert told.reject(refund_cancelled("o1", day(1))) == "unknown_type"
    told.pack()
