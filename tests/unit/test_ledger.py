"""What counts, the rolling window, changes in any order, and bounded memory."""

from __future__ import annotations

from typing import Any

import pytest

from scoring.money import Amount
from scoring.orders.change import CANCEL, FAIL, PAY, REFUND, Change
from scoring.orders.ledger import MAX_WAITING, Ledger
from scoring.orders.order import Order
from scoring.orders.order_limits import MAX_ORDER_BYTES, MAX_ORDERS, MAX_ORDERS_BEFORE, order_bytes
from scoring.orders.refunds import MAX_REFUND_IDS
from scoring.policy import Policy
from scoring.rules import Rules
from tests.builders import (
    DAY_MS,
    cancelled,
    day,
    order,
    paid,
    payment_failed,
    refund,
    viewed,
)
from tests.driver import Driver

RULES = Rules(Policy(window_days=10))
PAID_RULES = Rules(Policy(window_days=10, count_orders="paid"))


def an_order(order_id: str, on_day: int, amount: int = 1_000) -> Order:
    return Order(order_id, on_day * DAY_MS, on_day, amount)


def figures(driver: Driver) -> tuple[int, str]:
    profile = driver.profile()
    return profile["frequency"], profile["monetary"]


def ever(driver: Driver) -> tuple[int, str | None, str | None]:
    profile = driver.profile()
    return profile["orders_ever"], profile["first_order_at"], profile["last_order_at"]


def test_the_limits_are_those_of_the_contract() -> None:
    assert (MAX_ORDERS, MAX_WAITING) == (2_048, 64)


# What counts


def test_an_order_counts_when_it_is_placed() -> None:
    driver = Driver()
    driver.feed(order("o1", "12.50", day(0)), order("o2", "7.50", day(0)))
    assert figures(driver) == (2, "20.00")


@pytest.mark.parametrize(
    "change", [cancelled("o2", day(1)), payment_failed("o2", day(1)), refund("o2", "50", day(1))]
)
def test_a_cancelled_failed_or_fully_refunded_order_does_not_count(change: bytes) -> None:
    driver = Driver()
    driver.feed(order("o1", "20", day(0)), order("o2", "50", day(0)), change)
    assert figures(driver) == (1, "20.00")


def test_the_value_of_an_order_is_its_amount_less_its_refunds() -> None:
    driver = Driver()
    driver.feed(order("o1", "50", day(0)))
    driver.feed(refund("o1", "10", day(1), "r1"), refund("o1", "5.25", day(2), "r2"))
    assert figures(driver) == (1, "34.75")


def test_refunds_that_add_up_to_the_amount_take_the_order_away() -> None:
    driver = Driver()
    driver.feed(order("o1", "50", day(0)))
    driver.feed(refund("o1", "20", day(1), "r1"), refund("o1", "30", day(2), "r2"))
    assert figures(driver) == (0, "0.00")


def test_refunds_are_capped_at_the_amount() -> None:
    driver = Driver()
    driver.feed(order("o1", "50", day(0)), order("o2", "10", day(0)))
    driver.feed(refund("o1", "80", day(1)))
    assert figures(driver) == (1, "10.00")


def test_an_order_of_nothing_always_counts() -> None:
    driver = Driver()
    driver.feed(order("o1", "0", day(0)))
    assert figures(driver) == (1, "0.00")
    driver.feed(refund("o1", "0", day(1), "r1"), refund("o1", "5", day(1), "r2"))
    assert figures(driver) == (1, "0.00")


def test_a_refund_of_nothing_takes_no_order_away() -> None:
    driver = Driver()
    driver.feed(order("o1", "50", day(0)), refund("o1", "0", day(1)))
    assert figures(driver) == (1, "50.00")


def test_with_count_orders_paid_only_paid_orders_count() -> None:
    driver = Driver(Policy(count_orders="paid"))
    driver.feed(
        order("none", "1", day(0)),
        order("pending", "2", day(0), payment_status="pending"),
        order("failed", "4", day(0), payment_status="failed"),
        order("at once", "8", day(0), payment_status="paid"),
        order("later", "16", day(0)),
        paid("later", day(3)),
    )
    assert figures(driver) == (2, "24.00")


@pytest.mark.parametrize("count_orders", ["placed", "paid"])
def test_an_order_counts_at_its_order_time_either_way(count_orders: Any) -> None:
    driver = Driver(Policy(count_orders=count_orders))
    driver.feed(order("o1", "1", day(0)), paid("o1", day(9)))
    assert ever(driver) == (1, day(0), day(0))
    assert driver.profile()["recency_days"] == 9


# Payments, cancellations and refunds in any order


def test_a_payment_after_a_failure_revives_the_order() -> None:
    driver = Driver()
    driver.feed(order("o1", "50", day(0)), payment_failed("o1", day(2)))
    assert figures(driver) == (0, "0.00")
    driver.feed(paid("o1", day(3)))
    assert figures(driver) == (1, "50.00")


def test_after_means_in_the_logs_order_whatever_the_times_say() -> None:
    driver = Driver()
    driver.feed(order("o1", "50", day(0)), payment_failed("o1", day(2)), paid("o1", day(1)))
    assert figures(driver) == (1, "50.00")


def test_a_failure_after_a_payment_fails_the_order() -> None:
    driver = Driver()
    driver.feed(order("o1", "50", day(0), payment_status="paid"), payment_failed("o1", day(1)))
    assert figures(driver) == (0, "0.00")


@pytest.mark.parametrize(
    "after",
    [
        paid("o1", day(2)),
        order("o1", "50", day(0), payment_status="paid", event_id="again"),
        refund("o1", "1", day(2)),
    ],
)
def test_a_cancellation_is_final(after: bytes) -> None:
    driver = Driver()
    driver.feed(order("o1", "50", day(0)), cancelled("o1", day(1)), after)
    assert figures(driver) == (0, "0.00")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (cancelled("o1", day(1)), (0, "0.00")),
        (payment_failed("o1", day(1)), (0, "0.00")),
        (refund("o1", "20", day(1)), (1, "30.00")),
        (refund("o1", "50", day(1)), (0, "0.00")),
        (paid("o1", day(1)), (1, "50.00")),
    ],
)
@pytest.mark.parametrize("count_orders", ["placed", "paid"])
def test_a_change_before_its_order_comes_to_the_same_as_after_it(
    change: bytes, expected: tuple[int, str], count_orders: Any
) -> None:
    placed = order("o1", "50", day(0))
    before, after = (
        Driver(Policy(count_orders=count_orders)),
        Driver(Policy(count_orders=count_orders)),
    )
    before.feed(change, placed)
    after.feed(placed, change)
    assert figures(before) == figures(after)
    if count_orders == "placed":
        assert figures(before) == expected


def test_waiting_changes_are_applied_after_the_payment_status_of_the_order() -> None:
    driver = Driver()
    driver.feed(payment_failed("o1", day(1)), order("o1", "50", day(0), payment_status="paid"))
    assert figures(driver) == (0, "0.00")
    driver.feed(paid("o2", day(1)), order("o2", "50", day(0), payment_status="failed"))
    assert figures(driver) == (1, "50.00")


def test_waiting_changes_are_applied_in_the_order_of_their_arrival() -> None:
    driver = Driver()
    driver.feed(payment_failed("o1", day(2)), paid("o1", day(1)), order("o1", "50", day(0)))
    assert figures(driver) == (1, "50.00")
    driver.feed(paid("o2", day(1)), payment_failed("o2", day(2)), order("o2", "50", day(0)))
    assert figures(driver) == (1, "50.00")


def test_waiting_changes_go_to_their_own_order_alone() -> None:
    driver = Driver()
    driver.feed(cancelled("o1", day(1)), cancelled("o2", day(1)), order("o1", "50", day(0)))
    assert [change.order_id for change in driver.state().ledger.waiting] == ["o2"]


def test_the_64_changes_that_arrived_last_wait() -> None:
    driver = Driver()
    driver.feed(*(cancelled(f"o{n}", day(1)) for n in range(MAX_WAITING + 2)))
    assert driver.unmatched == 2
    driver.feed(order("o1", "5", day(0)), order("o2", "7", day(0)))
    assert figures(driver) == (1, "5.00"), "the cancellations of o0 and o1 were given up"


def test_what_never_finds_its_order_is_counted_as_unmatched() -> None:
    ledger = Ledger()
    given_up = [
        ledger.change(Change(PAY, f"o{n}"), RULES).unmatched for n in range(MAX_WAITING + 3)
    ]
    assert sum(given_up) == 3
    assert len(ledger.waiting) == MAX_WAITING


def test_each_customer_has_a_waiting_list_of_its_own() -> None:
    driver = Driver()
    driver.feed(cancelled("o1", day(1), "ben"), order("o1", "50", day(0), "ana"))
    assert figures(driver) == (1, "50.00")


# Currencies


EURO = Policy(currency_rates={"EUR": "1.085", "JPY": "0.0066", "KWD": "3.25"})


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("100", "EUR", "108.50"),
        ("0.10", "EUR", "0.11"),
        ("1000", "JPY", "6.60"),
        ("1.234", "KWD", "4.01"),
        ("10.00", "USD", "10.00"),
    ],
)
def test_another_currency_is_converted_at_the_policys_rate(
    amount: str, currency: str, expected: str
) -> None:
    driver = Driver(EURO)
    driver.feed(order("o1", amount, day(0), currency=currency))
    assert figures(driver) == (1, expected)


@pytest.mark.parametrize(("amount", "expected"), [("0.01", "0.00"), ("0.03", "0.02")])
def test_conversion_is_half_to_even(amount: str, expected: str) -> None:
    driver = Driver(Policy(currency_rates={"EUR": "0.5"}))
    driver.feed(order("o1", amount, day(0), currency="EUR"))
    assert figures(driver) == (1, expected)


def test_refunds_are_in_the_currency_of_the_order() -> None:
    driver = Driver(EURO)
    driver.feed(order("o1", "100", day(0), currency="EUR"), refund("o1", "40", day(1)))
    assert figures(driver) == (1, "65.10")


def test_the_sum_of_refunds_is_converted_once() -> None:
    """Two refunds of 0.01 at 0.5: each alone would be nothing, together they are a cent."""
    driver = Driver(Policy(currency_rates={"EUR": "0.5"}))
    driver.feed(order("o1", "2.00", day(0), currency="EUR"))
    driver.feed(refund("o1", "0.01", day(1), "r1"), refund("o1", "0.01", day(1), "r2"))
    assert figures(driver) == (1, "0.99")


@pytest.mark.parametrize(
    ("amount", "currency"), [("0.03", "EUR"), ("33.33", "EUR"), ("12345", "JPY"), ("7.77", "KWD")]
)
def test_refunding_all_of_a_foreign_order_leaves_nothing(amount: str, currency: str) -> None:
    driver = Driver(EURO)
    driver.feed(order("o1", amount, day(0), currency=currency), refund("o1", amount, day(1)))
    assert figures(driver) == (0, "0.00")


def test_a_refund_worth_nothing_in_base_currency_takes_no_order_away() -> None:
    """The order is worth nothing too: zero orders count."""
    driver = Driver(Policy(currency_rates={"JPY": "0.0001"}))
    driver.feed(order("o1", "10", day(0), currency="JPY"), refund("o1", "10", day(1)))
    assert figures(driver) == (1, "0.00")


# The window


def test_an_order_leaves_the_window_at_the_start_of_its_day_plus_window_days() -> None:
    driver = Driver(Policy(window_days=10))
    driver.feed(order("o1", "50", day(0, 23, 59)))
    driver.pass_to(day(9, 23, 59, 59, 999))
    assert figures(driver) == (1, "50.00")
    driver.pass_to(day(10))
    assert figures(driver) == (0, "0.00")


def test_an_order_that_left_stays_in_the_totals_ever() -> None:
    driver = Driver(Policy(window_days=10))
    driver.feed(order("o1", "50", day(0)), order("o2", "50", day(3)))
    driver.pass_to(day(100))
    assert ever(driver) == (2, day(0), day(3))
    assert driver.profile()["recency_days"] == 97


def test_the_clocks_lateness_keeps_an_order_in_the_window() -> None:
    """The window is that of the customer's clock: 23:56 less five minutes is still the day."""
    driver = Driver(Policy(window_days=10))
    driver.feed(order("o1", "50", day(0)))
    driver.feed(viewed(day(10, 0, 4), "ben"))
    assert figures(driver) == (1, "50.00")
    driver.feed(viewed(day(10, 0, 5), "ben"))
    assert figures(driver) == (0, "0.00")


@pytest.mark.parametrize(
    "change",
    [cancelled("o1", day(20)), payment_failed("o1", day(20)), refund("o1", "50", day(20))],
)
def test_a_change_to_a_frozen_order_has_no_effect_and_waits(change: bytes) -> None:
    driver = Driver(Policy(window_days=10))
    driver.feed(order("o1", "50", day(0)), change)
    assert ever(driver) == (1, day(0), day(0))
    assert len(driver.state().ledger.waiting) == 1


def test_an_order_that_did_not_count_when_it_left_never_will() -> None:
    driver = Driver(Policy(window_days=10, count_orders="paid"))
    driver.feed(order("o1", "50", day(0)))
    driver.feed(paid("o1", day(20)))
    assert ever(driver) == (0, None, None)
    assert driver.profile()["tier"] == "prospect"


def test_an_order_that_arrives_out_of_the_window_counts_ever_but_not_in_it() -> None:
    driver = Driver(Policy(window_days=10))
    driver.feed(order("o2", "50", day(20)), order("o1", "70", day(5)))
    assert figures(driver) == (1, "50.00")
    assert ever(driver) == (2, day(5), day(20))


@pytest.mark.parametrize(("on_day", "is_in"), [(10, False), (11, True)])
def test_a_late_order_is_in_the_window_from_the_day_after_today_less_window_days(
    on_day: int, is_in: bool
) -> None:
    driver = Driver(Policy(window_days=10))
    driver.feed(viewed(day(20)), order("o1", "70", day(on_day)))
    assert figures(driver) == ((1, "70.00") if is_in else (0, "0.00"))
    assert driver.state().ledger.find("o1") is not None or not is_in
    assert ever(driver) == (1, day(on_day), day(on_day))


def test_waiting_changes_are_applied_even_to_an_order_already_out_of_the_window() -> None:
    driver = Driver(Policy(window_days=10))
    driver.feed(viewed(day(20)), cancelled("o1", day(20)), order("o1", "70", day(5)))
    assert ever(driver) == (0, None, None)
    assert driver.state().ledger.waiting == []


def test_an_order_id_placed_again_after_its_window_is_a_new_order() -> None:
    driver = Driver(Policy(window_days=10))
    driver.feed(order("o1", "50", day(0)), viewed(day(11)), order("o1", "70", day(20)))
    assert figures(driver) == (1, "70.00")
    assert ever(driver) == (2, day(0), day(20))


def test_an_order_is_in_the_window_or_not_at_the_clock_before_the_event() -> None:
    """By its own time the second order is 20 days later, but nothing has moved the clock yet."""
    driver = Driver(Policy(window_days=10))
    driver.feed(order("o1", "50", day(0)))
    assert driver.reject(order("o1", "70", day(20))) == "conflict"
    assert figures(driver) == (1, "50.00")


def test_changes_to_a_new_order_of_an_old_id_are_its_own() -> None:
    driver = Driver(Policy(window_days=10))
    driver.feed(order("o1", "50", day(0)), cancelled("o1", day(15)), order("o1", "70", day(20)))
    assert ever(driver) == (1, day(0), day(0)), "the cancellation waited and found the new order"


def test_late_orders_enter_at_their_own_time() -> None:
    driver = Driver()
    driver.feed(order("o2", "50", day(5)), order("o1", "70", day(2)), order("o3", "1", day(9)))
    assert ever(driver) == (3, day(2), day(9))
    assert [o.order_id for o in driver.state().ledger.orders] == ["o1", "o2", "o3"]


def test_orders_of_one_instant_stand_in_the_order_of_arrival() -> None:
    ledger = Ledger()
    for order_id in ("b", "a", "c"):
        ledger.place(an_order(order_id, 5), RULES, 5)
    assert [o.order_id for o in ledger.orders] == ["b", "a", "c"]


def test_the_last_order_ever_is_found_again_when_the_last_is_cancelled() -> None:
    driver = Driver()
    driver.feed(order("o1", "1", day(0)), order("o2", "1", day(5)), cancelled("o2", day(6)))
    assert ever(driver) == (1, day(0), day(0))


def test_the_first_order_ever_is_found_again_when_the_first_is_cancelled() -> None:
    driver = Driver()
    driver.feed(order("o1", "1", day(0)), order("o2", "1", day(5)), cancelled("o1", day(6)))
    assert ever(driver) == (1, day(5), day(5))


def test_the_only_order_cancelled_leaves_a_prospect_without_scores() -> None:
    driver = Driver()
    driver.feed(order("o1", "1", day(0)), cancelled("o1", day(6)))
    profile = driver.profile()
    names = ("recency_days", "r", "f", "m", "score", "segment", "first_order_at", "last_order_at")
    assert {name: profile[name] for name in names} == dict.fromkeys(names)
    assert (profile["frequency"], profile["monetary"]) == (0, "0.00")


# Merging beyond 2,048


def crowded(count: int) -> Ledger:
    """Four orders a day, each of one dollar."""
    rules = Rules(Policy(window_days=10_000))
    ledger = Ledger()
    for number in range(count):
        at = an_order(f"o{number}", number // 4, 100)
        ledger.place(at, rules, number // 4)
    return ledger


def test_beyond_the_newest_2048_orders_they_are_merged_per_business_day() -> None:
    ledger = crowded(MAX_ORDERS + 10)
    assert len(ledger.orders) == MAX_ORDERS
    assert [(m.day, m.count, m.value) for m in ledger.merged] == [
        (0, 4, 400),
        (1, 4, 400),
        (2, 2, 200),
    ]
    assert (ledger.frequency, ledger.monetary) == (2_058, 205_800)
    assert ledger.orders_ever == 2_058


def test_what_leaves_the_window_is_summed_up_by_day() -> None:
    rules = Rules(Policy(window_days=10_000))
    ledger = crowded(MAX_ORDERS + 2)
    ledger.change(Change(CANCEL, "o3"), rules)
    ledger.change(Change(REFUND, "o4", "r1", 30), rules)
    assert ledger.leaving()[:3] == [(0, 2, 200), (0, 1, 100), (1, 4, 370)]
    assert sum(count for _, count, _ in ledger.leaving()) == ledger.frequency
    assert sum(value for _, _, value in ledger.leaving()) == ledger.monetary
    assert Ledger().leaving() == []


def test_merged_orders_leave_the_window_with_their_day() -> None:
    ledger = crowded(MAX_ORDERS + 10)
    rules = Rules(Policy(window_days=600))
    assert ledger.next_leaving_day(rules) == 600
    assert ledger.evict(rules, 601) == [], "merged orders have no ids any more"
    assert (ledger.frequency, ledger.orders_ever) == (2_050, 2_058)
    assert ledger.evict(rules, 602) == ["o10", "o11"]
    assert ledger.frequency == 2_046


@pytest.mark.parametrize("kind", [CANCEL, FAIL, REFUND])
def test_a_merged_order_is_frozen_and_changes_to_it_wait(kind: int) -> None:
    ledger = crowded(MAX_ORDERS + 1)
    ledger.change(Change(kind, "o0", "r1", 100), RULES)
    assert (ledger.frequency, ledger.monetary) == (2_049, 204_900)
    assert len(ledger.waiting) == 1


def test_a_merged_order_repeated_is_a_new_order() -> None:
    driver = Driver(format_number=3)
    driver.feed(*(order(f"o{n}", "1", day(0, 0, 0, n)) for n in range(MAX_ORDERS + 1)))
    driver.feed(order("o0", "1", day(1), event_id="again"))
    assert driver.profile()["frequency"] == MAX_ORDERS + 2


def test_a_partition_of_an_older_format_keeps_512_orders_one_by_one() -> None:
    driver = Driver(format_number=2)
    driver.feed(*(order(f"o{n}", "1", day(0, 0, 0, n)) for n in range(520)))
    assert len(driver.state().ledger.orders) == MAX_ORDERS_BEFORE
    assert driver.profile()["frequency"] == 520


def wide_order(number: int) -> Order:
    """An order that takes as much of a state as one may, but for its refunds."""
    return Order(f"{number:04}".rjust(128, "\U00010348"), number * DAY_MS, number, 100)


def test_orders_with_long_ids_are_merged_before_they_outgrow_the_record() -> None:
    rules = Rules(Policy(window_days=10_000))
    ledger = Ledger()
    for number in range(1_000):
        ledger.place(wide_order(number), rules, number)
    assert sum(map(order_bytes, ledger.orders)) <= MAX_ORDER_BYTES
    assert len(ledger.orders) == MAX_ORDER_BYTES // order_bytes(wide_order(0))
    assert ledger.frequency == 1_000


def test_orders_whose_refunds_take_much_room_are_merged_before_they_outgrow_the_record() -> None:
    rules = Rules(Policy(window_days=10_000))
    ledger = Ledger()
    for number in range(830):
        ledger.place(wide_order(number), rules, number)
    assert ledger.merged == []
    for number in range(530, 830):
        for refund_number in range(5):
            order_id = wide_order(number).order_id
            ledger.change(Change(REFUND, order_id, f"r{refund_number}", 1), rules)
    assert 5 < len(ledger.merged) < 60
    assert sum(map(order_bytes, ledger.orders)) <= MAX_ORDER_BYTES + 40
    assert ledger.frequency == 830


def test_a_late_order_older_than_the_newest_2048_is_merged_at_once() -> None:
    rules = Rules(Policy(window_days=10_000))
    ledger = crowded(MAX_ORDERS + 10)
    assert ledger.place(an_order("late", 0, 500), rules, 520).counts
    assert ledger.merged[0].count == 5
    assert ledger.find("late") is None
    assert ledger.monetary == 205_800 + 500
    assert ledger.first_order_ms == 0


def test_an_order_that_does_not_count_is_dropped_when_it_would_be_merged() -> None:
    rules = Rules(Policy(window_days=10_000))
    ledger = Ledger()
    ledger.place(an_order("o0", 0), rules, 0)
    ledger.change(Change(CANCEL, "o0"), rules)
    for number in range(1, MAX_ORDERS + 1):
        ledger.place(an_order(f"o{number}", 1), rules, 1)
    assert ledger.merged == []
    assert ledger.orders_ever == MAX_ORDERS


def test_the_newest_refund_ids_of_an_order_are_remembered_and_all_their_sum() -> None:
    ledger = Ledger()
    ledger.place(an_order("o1", 0, 100_000), RULES, 0)
    for number in range(MAX_REFUND_IDS + 1):
        ledger.change(Change(REFUND, "o1", f"r{number}", 100), RULES)
    assert ledger.monetary == 100_000 - 100 * (MAX_REFUND_IDS + 1)
    assert ledger.is_duplicate_refund("o1", "r1", Amount(100, 2), None, RULES) is True
    assert ledger.is_duplicate_refund("o1", "r0", Amount(1, 2), None, RULES) is None


# Under other rules


def test_a_new_zone_that_moves_orders_before_merged_days_moves_the_next_to_leave() -> None:
    """Merged days keep the date of the zone they were counted in; orders get that of the new."""
    shanghai = Rules(Policy(timezone="Asia/Shanghai"))
    ledger = Ledger()
    for number in range(MAX_ORDERS + 1):
        placed_ms = 10 * DAY_MS + number
        ledger.place(
            Order(f"o{number}", placed_ms, shanghai.calendar.day(placed_ms), 1), shanghai, 10
        )
    new_york = Rules(Policy(timezone="America/New_York"))
    ledger.recount(new_york)
    assert (ledger.merged[0].day, ledger.orders[0].day) == (10, 9)
    assert ledger.next_leaving_day(new_york) == 9 + 365


def test_counting_anew_under_other_rules_leaves_what_is_frozen() -> None:
    ledger = Ledger()
    for number in range(12):
        ledger.place(an_order(f"o{number}", number), RULES, number)
        ledger.evict(RULES, number)
    assert ledger.frequency == 10
    ledger.recount(PAID_RULES)
    assert (ledger.frequency, ledger.monetary, ledger.orders_ever) == (0, 0, 2)
    ledger.recount(RULES)
    assert (ledger.frequency, ledger.monetary, ledger.orders_ever) == (10, 10_000, 12)
