"""Orders of two customers who became one: each order once, with all that was told of it."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from scoring.money import Amount
from scoring.orders.change import CANCEL, FAIL, PAY, REFUND, Change
from scoring.orders.joining import Joined, join_ledgers
from scoring.orders.ledger import MAX_WAITING, Ledger
from scoring.orders.order import FAILED, PAID, PENDING, Foreign, Order
from scoring.orders.order_limits import MAX_ORDERS
from scoring.orders.refunds import MAX_REFUND_IDS
from scoring.points.terms import Earned, Terms
from scoring.policy import Policy
from scoring.rules import Rules
from tests.builders import DAY_MS

RULES = Rules(Policy(window_days=100))
TERMS = Terms(1, 100, 0)


def order(order_id: str, day: int, amount: int = 1_000, payment: int = PENDING) -> Order:
    return Order(order_id, day * DAY_MS, day, amount, payment)


def ledger(*orders: Order, today: int = 10) -> Ledger:
    found = Ledger()
    for each in orders:
        found.place(each, RULES, today)
    return found


def refunded(found: Ledger, order_id: str, refund_id: str, units: int) -> Ledger:
    found.change(Change(REFUND, order_id, refund_id, units), RULES)
    return found


def join(own: Ledger, other: Ledger, today: int = 10) -> Joined:
    return join_ledgers(own, other, RULES, today)


# Each order once


def test_orders_of_both_stand_in_the_order_of_their_times() -> None:
    own = ledger(order("o2", 2), order("o4", 4))
    join(own, ledger(order("o1", 1), order("o3", 3)))
    assert [each.order_id for each in own.orders] == ["o1", "o2", "o3", "o4"]
    assert (own.frequency, own.monetary, own.orders_ever) == (4, 4_000, 4)
    assert (own.first_order_ms, own.last_order_ms) == (1 * DAY_MS, 4 * DAY_MS)


def test_an_order_seen_under_both_ids_with_one_amount_is_one_order() -> None:
    own = ledger(order("o1", 2))
    joined = join(own, ledger(order("o1", 1)))
    assert [(each.order_id, each.day) for each in own.orders] == [("o1", 2)]
    assert (own.frequency, own.monetary) == (1, 1_000)
    assert [each.day for each in joined.duplicates] == [1]


def test_with_another_amount_both_stand() -> None:
    own = ledger(order("o1", 2))
    join(own, ledger(order("o1", 1, 999)))
    assert (own.frequency, own.monetary) == (2, 1_999)


def test_of_two_orders_of_one_id_the_one_of_the_same_amount_is_the_same() -> None:
    own = ledger(order("o1", 2))
    join(own, ledger(order("o1", 5, 999)))
    join(own, ledger(order("o1", 9)))
    assert sorted(each.amount for each in own.orders) == [999, 1_000]


def test_the_same_amount_in_another_currency_is_another_order() -> None:
    own, other = ledger(order("o1", 2)), order("o1", 2)
    other.foreign = Foreign("EUR", 1_000, 1, 1)
    join(own, ledger(other))
    assert own.frequency == 2


def test_an_order_in_a_foreign_currency_is_known_by_its_own_amount() -> None:
    """Also when the rate was another by then."""
    own, other = order("o1", 2, 1_085), order("o1", 2, 1_090)
    own.foreign, other.foreign = (
        Foreign("EUR", 1_000, 1_085, 1_000),
        Foreign("EUR", 1_000, 109, 100),
    )
    found = ledger(own)
    join(found, ledger(other))
    assert (found.frequency, found.monetary) == (1, 1_085)


# What became of it elsewhere


def test_it_is_cancelled_if_either_is() -> None:
    for cancelled_side in (0, 1):
        sides = ledger(order("o1", 2)), ledger(order("o1", 2))
        sides[cancelled_side].change(Change(CANCEL, "o1"), RULES)
        join(*sides)
        assert (sides[0].frequency, sides[0].orders_ever) == (0, 0)
        assert sides[0].last_order_ms is None


def test_the_survivors_payment_counts_unless_it_is_pending() -> None:
    for own, other, expected in (
        (PENDING, PAID, PAID),
        (PENDING, FAILED, FAILED),
        (PAID, FAILED, PAID),
        (FAILED, PAID, FAILED),
    ):
        found = ledger(order("o1", 2, payment=own))
        join(found, ledger(order("o1", 2, payment=other)))
        assert found.orders[0].payment == expected


def test_refunds_of_both_are_taken_off_each_id_once() -> None:
    own = refunded(refunded(ledger(order("o1", 2)), "o1", "r1", 100), "o1", "r2", 30)
    join(own, refunded(refunded(ledger(order("o1", 2)), "o1", "r2", 30), "o1", "r3", 7))
    assert own.monetary == 1_000 - 137
    assert own.is_duplicate_refund("o1", "r3", Amount(7, 2), None, RULES) is True
    assert own.is_duplicate_refund("o1", "r1", Amount(99, 2), None, RULES) is False


def test_what_was_refunded_by_ids_forgotten_since_is_not_taken_off_twice() -> None:
    own, other = ledger(order("o1", 2)), ledger(order("o1", 2))
    for number in range(MAX_REFUND_IDS + 6):
        refunded(own, "o1", f"r{number}", 10)
        refunded(other, "o1", f"r{number}", 10)
    join(own, other)
    assert own.monetary == 1_000 - 10 * (MAX_REFUND_IDS + 6)


def test_refunds_are_worth_what_they_are_at_the_rate_of_the_order_that_stays() -> None:
    own, other = order("o1", 2, 500), order("o1", 2, 2_000)
    own.foreign, other.foreign = Foreign("EUR", 1_000, 1, 2), Foreign("EUR", 1_000, 2, 1)
    found = ledger(own)
    join(found, refunded(ledger(other), "o1", "r1", 900))
    assert found.monetary == 50


def test_the_points_an_order_gave_stay_with_it_also_if_only_the_other_gave_some() -> None:
    own, other = order("o1", 2), order("o1", 2)
    other.earned = Earned(TERMS, 10, 2)
    found = ledger(own)
    joined = join(found, ledger(other))
    assert found.orders[0].earned == Earned(TERMS, 10, 2)
    assert [each.earned for each in joined.duplicates] == [None]


# What waited


def test_a_cancellation_that_waited_on_one_side_reaches_an_order_of_the_other() -> None:
    for waits_here in (True, False):
        own, other = ledger(), ledger()
        own.place(order("o1", 2), RULES, 10) if not waits_here else other.place(
            order("o1", 2), RULES, 10
        )
        (own if waits_here else other).change(Change(CANCEL, "o1"), RULES)
        joined = join(own, other)
        assert (own.frequency, own.waiting) == (0, [])
        assert [(each.order_id, before) for each, before in joined.changed] == [("o1", True)]


def test_a_refund_that_waited_under_both_ids_waits_once() -> None:
    own = refunded(ledger(), "o1", "r1", 100)
    joined = join(own, refunded(ledger(), "o1", "r1", 100))
    assert (len(own.waiting), joined.unmatched) == (1, 0)
    own.place(order("o1", 3), RULES, 10)
    assert own.monetary == 900


def test_a_refund_that_contradicts_another_is_counted_as_unmatched() -> None:
    own = refunded(ledger(), "o1", "r1", 100)
    joined = join(own, refunded(ledger(), "o1", "r1", 200))
    assert (own.waiting, joined.unmatched) == ([Change(REFUND, "o1", "r1", 100)], 1)
    stands = refunded(ledger(order("o1", 2)), "o1", "r1", 100)
    assert join(stands, refunded(ledger(), "o1", "r1", 200)).unmatched == 1
    assert stands.monetary == 900


def test_what_waits_for_nobody_keeps_to_its_limit_and_the_rest_is_counted() -> None:
    own, other = ledger(), ledger()
    for number in range(MAX_WAITING):
        own.change(Change(PAY, f"own-{number}"), RULES)
        other.change(Change(FAIL, f"other-{number}"), RULES)
    joined = join(own, other)
    assert (len(own.waiting), joined.unmatched) == (MAX_WAITING, MAX_WAITING)
    assert own.waiting[-1].order_id == f"other-{MAX_WAITING - 1}"


def test_an_order_that_counts_by_other_rules_alone_counted_before() -> None:
    """It left where orders had to be paid, and arrives where they need not be."""
    paid_only = Rules(Policy(window_days=100, count_orders="paid"))
    other = Ledger()
    other.place(order("o1", 2), paid_only, 10)
    own = refunded(ledger(), "o1", "r1", 100)
    joined = join(own, other)
    assert [(each.order_id, before) for each, before in joined.changed] == [("o1", True)]
    assert (own.frequency, own.monetary) == (1, 900)


# The window and its limit


def test_orders_that_left_the_window_stay_in_the_totals_ever() -> None:
    own = ledger(order("o1", 200), today=200)
    other = ledger(order("old", 1), order("o2", 190), today=150)
    join(own, other, today=200)
    assert (own.frequency, own.orders_ever) == (2, 3)
    assert (own.first_order_ms, own.last_order_ms) == (1 * DAY_MS, 200 * DAY_MS)


def test_what_left_the_survivors_window_leaves_it_at_once() -> None:
    own = ledger(order("o1", 200), today=200)
    join(own, ledger(order("o2", 100), order("o3", 101), today=150), today=200)
    assert [each.order_id for each in own.orders] == ["o3", "o1"]
    assert (own.frequency, own.orders_ever) == (2, 3)


def test_beyond_2048_orders_the_oldest_are_merged_by_day() -> None:
    own = ledger(*(order(f"own-{n}", n % 90, 1) for n in range(MAX_ORDERS)), today=90)
    other = ledger(*(order(f"other-{n}", n % 90, 1) for n in range(MAX_ORDERS + 50)), today=90)
    join(own, other, today=90)
    assert len(own.orders) == MAX_ORDERS
    assert own.frequency == own.monetary == own.orders_ever == 2 * MAX_ORDERS + 50
    assert [merged.day for merged in own.merged] == sorted({m.day for m in own.merged})
    assert own.evict(RULES, 89 + RULES.window_days)
    own.evict(RULES, 400)
    assert (own.frequency, own.monetary, own.merged) == (0, 0, [])
    assert own.orders_ever == 2 * MAX_ORDERS + 50


@given(st.randoms(use_true_random=False))
def test_split_over_two_ids_and_joined_again_orders_come_to_the_same(random: Random) -> None:
    """All orders, then all that became of them, each under a random id; then the merge."""
    whole, own, other = Ledger(), Ledger(), Ledger()
    for number in range(20):
        placed = random.randint(0, 60), random.randint(1, 9)
        for found in (whole, random.choice((own, other))):
            found.place(order(f"o{number}", *placed), RULES, 60)
    for number in range(30):
        kind = random.choice((CANCEL, REFUND))
        change = Change(kind, f"o{random.randrange(24)}", f"r{number}", random.randint(0, 3))
        for found in (whole, random.choice((own, other))):
            found.change(change, RULES)
    join(own, other, today=60)
    waiting = sorted(whole.waiting, key=str)
    assert sorted(own.waiting, key=str) == waiting
    for found in (whole, own):
        found.waiting = []
        found.orders.sort(key=lambda each: each.order_id)
        for each in found.orders:
            if each.refunds is not None:
                each.refunds.seen = b""
    assert own == whole
