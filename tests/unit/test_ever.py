"""The figures of all orders ever, the tiers that ask for them, and ids of orders long gone."""

from __future__ import annotations

from typing import Any

import pytest

from cli.explain.words import Wording
from handlers.explain.build import explain
from handlers.state.formats import FIRST
from scoring.bounded.id_list import holds, joined, remember
from scoring.orders.ledger import MAX_LEFT
from scoring.policy import Movement, PointsPolicy, Policy, Tier
from tests.builders import cancelled, day, day_ms, merged, order, refund, viewed
from tests.driver import Driver, run
from words import words_in

WEEK = Policy(window_days=7)
AT_ONCE = Movement(grace_days=0)


def driver_of(policy: Policy = WEEK, format_number: int = 3) -> Driver:
    return Driver(policy, format_number=format_number)


def ever(driver: Driver) -> tuple[Any, ...]:
    return of(driver.profile(), "orders_ever", "spend_ever")


def of(output: dict[str, Any], *names: str) -> tuple[Any, ...]:
    """Some fields of an output."""
    return tuple(output[name] for name in names)


def changes(driver: Driver) -> list[dict[str, Any]]:
    return [output for output in driver.outputs if output["type"] == "tier.changed"]


# -- number and value


def test_spend_ever_has_the_value_of_orders_that_left_the_window() -> None:
    driver = driver_of()
    driver.feed(order("o1", "100", day(0)), order("o2", "20", day(30)))
    assert driver.profile()["monetary"] == "20.00"
    assert ever(driver) == (2, "120.00")


def test_the_value_of_a_frozen_order_is_that_of_its_freezing() -> None:
    driver = driver_of()
    driver.feed(order("o1", "100", day(0)), refund("o1", "30", day(1)))
    driver.feed(viewed(day(30)), refund("o1", "70", day(30), "late"))
    assert ever(driver) == (1, "70.00")


def test_an_order_that_comes_after_its_window_counts_ever_alone() -> None:
    driver = driver_of()
    driver.feed(viewed(day(30)), order("o1", "100", day(0)))
    assert driver.profile()["monetary"] == "0.00"
    assert ever(driver) == (1, "100.00")


def test_what_did_not_count_when_it_left_is_not_in_spend_ever() -> None:
    driver = driver_of()
    driver.feed(order("o1", "100", day(0)), cancelled("o1", day(1)), order("o2", "5", day(30)))
    assert ever(driver) == (1, "5.00")


def test_orders_merged_by_day_are_in_spend_ever_before_and_after_they_leave() -> None:
    driver = driver_of()
    driver.feed(*(order(f"o{n}", "1", day(0, 0, 0, n % 60)) for n in range(2_060)))
    assert len(driver.state().ledger.merged) == 1
    assert ever(driver) == (2_060, "2060.00")
    driver.feed(viewed(day(30)))
    assert ever(driver) == (2_060, "2060.00")


def test_merging_adds_up_what_both_spent() -> None:
    driver = driver_of()
    driver.feed(order("o1", "100", day(0), "ben"), order("o2", "1", day(0), "ana"))
    driver.feed(order("o3", "10", day(30), "ben"), order("o4", "5", day(30), "ana"))
    driver.feed(merged("ana", day(30), "ben"))
    assert ever(driver) == (4, "116.00")


# -- tiers

BY_SPEND = Policy(
    window_days=7,
    tiers=(Tier("gold", min_spend_ever="1000"), Tier("base")),
    movement=AT_ONCE,
)
BY_ORDERS = Policy(
    window_days=7, tiers=(Tier("friend", min_orders_ever=3), Tier("base")), movement=AT_ONCE
)


def test_a_tier_by_spend_ever_stays_when_the_orders_left_the_window() -> None:
    driver = driver_of(BY_SPEND)
    driver.feed(order("o1", "600", day(0)), order("o2", "400", day(5)), viewed(day(300)))
    assert [change["tier"] for change in changes(driver)] == ["base", "gold"]
    assert of(driver.profile(), "tier", "keeps_until", "frequency") == ("gold", None, 0)


def test_crossed_names_the_condition_on_ever_with_money() -> None:
    driver = driver_of(BY_SPEND)
    driver.feed(order("o1", "600", day(0)), order("o2", "450", day(5)))
    [crossed] = changes(driver)[-1]["crossed"]
    assert of(crossed, "measure", "before", "after", "cutoff") == (
        "spend_ever",
        "600.00",
        "1050.00",
        "1000.00",
    )


def test_explain_says_how_much_of_spend_ever_is_missing() -> None:
    driver = driver_of(BY_SPEND)
    driver.feed(order("o1", "600", day(0)), viewed(day(30)))
    found = explain(driver.state(), driver.partition.rules, day_ms(30))
    assert found.tier.above is not None
    [condition] = found.tier.above.conditions
    assert Wording(words_in(), "USD").condition(condition) == (
        "spend ever ≥ 1,000.00 USD",
        "is 600.00 USD",
        "400.00 USD short",
    )
    assert (found.orders.spend_ever, found.orders.orders_ever) == ("600.00", 1)


def test_the_next_tier_takes_what_is_missing_of_spend_ever() -> None:
    driver = driver_of(BY_SPEND)
    driver.feed(order("o1", "600", day(0)), viewed(day(300)))
    assert driver.profile()["next_tier"]["order_amount_needed"] == "400.00"


@pytest.mark.parametrize(
    ("placed", "needed", "orders"), [(1, None, 2), (2, "0.00", 1)], ids=["one", "two"]
)
def test_the_next_tier_counts_orders_ever(placed: int, needed: str | None, orders: int) -> None:
    driver = driver_of(BY_ORDERS)
    driver.feed(*(order(f"o{n}", "1", day(10 * n)) for n in range(placed)))
    found = driver.profile()["next_tier"]
    assert of(found, "order_amount_needed", "orders_needed", "total_needed") == (
        needed,
        orders,
        "0.00",
    )


def test_what_keeps_a_tier_may_be_enough_orders_ever() -> None:
    """Loyal for three orders in the window, or for five ever."""
    tiers = (
        Tier("friend", min_orders_ever=5),
        Tier("loyal", min_frequency=3),
        Tier("base"),
    )
    driver = driver_of(Policy(window_days=30, tiers=tiers, movement=AT_ONCE))
    driver.feed(*(order(f"o{n}", "1", day(n)) for n in range(3)))
    assert of(driver.profile()["keep"], "orders_needed", "total_needed") == (1, "0.00")
    driver.feed(viewed(day(29)))
    assert driver.profile()["keeps_until"] == day(30, 0)
    assert of(driver.profile()["keep"], "orders_needed", "total_needed") == (1, "0.00")


def test_a_cancellation_takes_a_tier_by_orders_ever_at_once() -> None:
    driver = driver_of(BY_ORDERS)
    driver.feed(*(order(f"o{n}", "1", day(10 * n)) for n in range(3)))
    driver.feed(cancelled("o2", day(21)))
    fall = changes(driver)[-1]
    assert of(fall, "tier", "reason") == ("base", "cancellation")
    assert of(fall["crossed"][0], "measure", "before", "after") == ("orders_ever", 3, 2)


# -- ids


def test_a_busy_customer_whose_whole_history_is_sent_again_counts_each_order_once() -> None:
    """600 orders in the window, the oldest refunded; then all of it once more, under new ids."""
    policy = Policy(points=PointsPolicy())
    driver = driver_of(policy)
    for sent in ("first", "again"):
        driver.feed(
            *(
                order(f"o{n}", "10", day(n // 4, 6 * (n % 4)), event_id=f"{sent}-{n}")
                for n in range(600)
            )
        )
        driver.feed(refund("o3", "10", day(160), "r1", event_id=f"{sent} refund"))
    found = driver.profile()
    assert of(found, "frequency", "monetary", "spend_ever") == (599, "5990.00", "5990.00")
    assert found["points"]["balance"] == 5_990
    assert driver.duplicates == 601
    assert driver.dead_letters == []


def placed_again(driver: Driver, *lines: bytes) -> tuple[int, int]:
    """Orders ever, and duplicates, after lines came."""
    before = driver.partition.context.tally.duplicates["order.placed"]
    driver.feed(*lines)
    after = driver.partition.context.tally.duplicates["order.placed"]
    return driver.state().ledger.orders_ever, after - before


def test_an_order_that_left_the_window_is_a_duplicate_whatever_its_amount() -> None:
    driver = driver_of(Policy(window_days=7, points=PointsPolicy()))
    driver.feed(order("o1", "50", day(0)), viewed(day(30)))
    again = order("o1", "50", day(0), event_id="again"), order("o1", "9", day(30), event_id="new")
    assert placed_again(driver, *again) == (1, 2)
    assert driver.profile()["points"]["balance"] == 50
    assert driver.dead_letters == []


def test_an_order_that_did_not_count_is_a_duplicate_too() -> None:
    driver = driver_of()
    driver.feed(order("o1", "50", day(0)), cancelled("o1", day(0)), viewed(day(30)))
    assert placed_again(driver, order("o1", "50", day(30), event_id="again")) == (0, 1)


def test_an_order_that_came_after_its_window_is_a_duplicate_when_it_comes_again() -> None:
    driver = driver_of()
    driver.feed(viewed(day(30)), order("o1", "50", day(0)))
    assert placed_again(driver, order("o1", "50", day(0), event_id="again")) == (1, 1)


def test_256_ids_are_remembered_those_that_left_last() -> None:
    driver = driver_of()
    driver.feed(*(order(f"o{n}", "1", day(n)) for n in range(MAX_LEFT + 1)))
    driver.feed(viewed(day(400)))
    total = MAX_LEFT + 1
    assert placed_again(driver, order("o1", "1", day(400), event_id="known")) == (total, 1)
    assert placed_again(driver, order("o0", "1", day(400), event_id="gone")) == (total + 1, 0)


def test_of_one_day_the_older_order_is_forgotten_first() -> None:
    driver = driver_of()
    driver.feed(order("young", "1", day(0, 5)), order("old", "1", day(0, 1)))
    driver.feed(*(order(f"o{n}", "1", day(1)) for n in range(MAX_LEFT - 1)), viewed(day(40)))
    assert placed_again(driver, order("young", "1", day(40), event_id="known"))[1] == 1
    assert placed_again(driver, order("old", "1", day(40), event_id="gone"))[1] == 0


def test_ids_of_both_are_known_after_a_merge() -> None:
    driver = driver_of()
    driver.feed(order("o1", "1", day(0), "ben"), order("o2", "1", day(0), "ana"), viewed(day(30)))
    driver.feed(merged("ana", day(30), "ben"))
    again = (order(name, "1", day(30), event_id=f"{name} again") for name in ("o1", "o2"))
    assert placed_again(driver, *again) == (2, 2)


def test_an_id_is_found_only_where_one_begins() -> None:
    found = remember(b"", "o1", 10)
    assert holds(found, "o1")
    assert not holds(b"123" + found + b"45678", "o1")
    assert holds(b"123" + found + b"45678"[:5] + found, "o1")
    assert not holds(b"", "o1")


def test_two_lists_of_ids_keep_half_of_either() -> None:
    own, other = b"", b""
    for number in range(10):
        own = remember(own, f"own-{number}", 10)
        other = remember(other, f"other-{number}", 10)
    assert remember(own, "own-10", 10)[:-8] == own[8:]
    both = joined(own, other, 10)
    assert [n for n in range(10) if holds(both, f"own-{n}")] == [5, 6, 7, 8, 9]
    assert [n for n in range(10) if holds(both, f"other-{n}")] == [5, 6, 7, 8, 9]
    assert joined(own, other[:16], 10) == other[:16] + own[16:]
    assert joined(own, b"", 10) == own


# -- older formats


def test_a_partition_of_an_older_format_remembers_neither_ids_nor_values() -> None:
    driver = driver_of(format_number=FIRST)
    driver.feed(order("o1", "100", day(0)), order("o2", "20", day(30)))
    assert ever(driver) == (2, "20.00")
    assert placed_again(driver, order("o1", "100", day(30), event_id="again")) == (3, 0)
    driver.partition.store.pack_changed(1, FIRST)


def test_what_left_in_an_older_format_counts_no_value_until_the_state_is_rebuilt() -> None:
    lines = order("o1", "100", day(0)), viewed(day(30)), order("o2", "20", day(31))
    driver = driver_of(format_number=2)
    driver.feed(*lines)
    driver.activate(WEEK, format_number=3)
    driver.feed(viewed(day(60)))
    assert ever(driver) == (2, "20.00")
    rebuilt = run(lines, {"window_days": 7}).profiles["ana"]
    assert of(rebuilt, "orders_ever", "spend_ever") == (2, "120.00")
