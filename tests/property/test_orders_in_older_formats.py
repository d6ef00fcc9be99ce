"""A partition of an older format takes whatever is told of an order, by the rules it had."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.state.formats import FIRST, NEWEST
from scoring.policy import PointsPolicy, Policy
from tests.builders import (
    cancelled,
    day,
    edited,
    merged,
    order,
    paid,
    payment_failed,
    refund,
    refund_cancelled,
    returned,
    updated,
)
from tests.driver import Driver

POLICY = Policy(
    window_days=20, currency_rates={"JPY": "0.0067", "KWD": "3.25"}, points=PointsPolicy()
)


def any_line(random: Random, number: int) -> bytes:
    """Anything about one of three orders of one of two customers."""
    order_id, at = f"o{random.randrange(3)}", day(random.randrange(12) + number // 3)
    customer, amount = random.choice(["ana", "ben"]), random.choice(["5", "2.50", 3, "0", "9.125"])
    refund_id, currency = f"r{random.randrange(3)}", random.choice(["USD", "JPY", "KWD"])
    status = random.choice([None, "paid", "failed", "pending"])
    line = random.choice(
        [
            order(order_id, amount, at, customer, currency=currency, payment_status=status),
            paid(order_id, at, customer),
            cancelled(order_id, at, customer),
            payment_failed(order_id, at, customer),
            refund(order_id, amount, at, refund_id, customer),
            refund(order_id, amount, at, refund_id, customer, currency=currency),
            returned(amount, at, refund_id, customer),
            refund_cancelled(order_id, at, refund_id, customer),
            updated(order_id, amount, at, customer),
        ]
    )
    return edited(line, event_id=f"e{number}")


@pytest.mark.parametrize("number", [FIRST, NEWEST - 1, NEWEST])
@settings(max_examples=50)
@given(random=st.randoms(use_true_random=False))
def test_whatever_is_told_of_orders_can_be_kept(number: int, random: Random) -> None:
    """`pack` raises if a state has something that the format cannot hold."""
    told = Driver(POLICY, format_number=number)
    lines = [any_line(random, at) for at in range(40)]
    told.feed(*lines[:25], merged("ana", day(14), "ben"), *lines[25:])
    told.pack()
    told.raise_format(NEWEST)
    told.feed(*(any_line(random, at) for at in range(40, 60)))
    told.pack()
    assert told.partition.failures == []
    ledger = told.state().ledger
    assert ledger.monetary == sum(each.value for each in ledger.orders if each.counts)
    assert ledger.frequency == sum(each.counts for each in ledger.orders)
    assert all(0 <= each.value <= each.amount for each in ledger.orders)


def test_a_failure_that_waited_is_kept_in_an_older_format() -> None:
    told = Driver(POLICY, format_number=NEWEST - 1)
    told.feed(payment_failed("o1", day(1)), order("o1", "5", day(0), payment_status="paid"))
    told.pack()
    assert told.profile()["frequency"] == 0
