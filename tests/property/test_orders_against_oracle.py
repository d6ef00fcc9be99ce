"""What becomes of orders after they were placed, against the naive oracle.

Few orders, few ids and few times, so that changes meet in every way: before their order, twice, at
one time, in another currency, after the window.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import oracle
from tests.builders import (
    cancelled,
    day,
    edited,
    order,
    paid,
    payment_failed,
    redeemed,
    refund,
    refund_cancelled,
    returned,
    updated,
    viewed,
)
from tests.driver import run
from tests.property.test_against_oracle import compare

pytestmark = [pytest.mark.slow, pytest.mark.always]

_AMOUNTS = ("5", "2.50", 3, "0", "9.125", "10.005", "1.2345", "0.01", "100", "2.00001", "7")
_CURRENCIES = ("USD", "USD", "USD", "JPY", "KWD", "GBP")


def random_policy(random: Random) -> dict[str, Any]:
    """A policy with a short window, short silences and no grace."""
    policy: dict[str, Any] = {
        "window_days": random.choice([5, 12, 30]),
        "count_orders": random.choice(["placed", "paid"]),
        "currency_rates": {"JPY": "0.0067", "KWD": "3.25"},
        "cutoffs": {
            "recency_days": [1, 3, 6, 9],
            "frequency": [1, 2, 3, 4],
            "monetary": ["1", "4", "9", "20"],
        },
        "dormancy": {"at_risk_days": 3, "dormant_days": 5, "churned_days": 8},
        "movement": {"grace_days": 0},
    }
    if random.random() < 0.5:
        policy["points"] = {"rate": "1.5", "expire_after_days": random.choice([7, 60])}
    return policy


def random_lines(random: Random, count: int) -> list[bytes]:
    """Events of two customers."""
    lines = []
    for number in range(count):
        line = _any_line(random, number)
        lines.append(edited(line, event_id=f"e{random.choice([number, number, number // 2])}"))
        if random.random() < 0.1:
            lines.append(random.choice(lines))
    return lines


def _any_line(random: Random, number: int) -> bytes:
    customer = random.choice(["ana", "ana", "ben"])
    order_id, refund_id = f"o{random.randrange(4)}", f"r{random.randrange(4)}"
    at = day(max(0, number // 4 + random.choice([0, 0, 0, 1, -1, -3, -9])), random.choice([0, 12]))
    amount = random.choice(_AMOUNTS)
    told = {} if random.random() < 0.5 else {"currency": random.choice(_CURRENCIES)}
    status = {"payment_status": random.choice([None, None, "pending", "paid", "failed"])}
    makers = [
        lambda: order(
            order_id, amount, at, customer, currency=random.choice(_CURRENCIES), **status
        ),
        lambda: order(order_id, "7", at, customer, **status),
        lambda: order(order_id, "7", at, customer, **status),
        lambda: paid(order_id, at, customer),
        lambda: cancelled(order_id, at, customer),
        lambda: payment_failed(order_id, at, customer),
        lambda: refund(order_id, amount, at, refund_id, customer, **told),
        lambda: refund(order_id, random.choice(["3", "4", "7"]), at, refund_id, customer),
        lambda: refund_cancelled(order_id, at, refund_id, customer),
        lambda: updated(order_id, amount, at, customer, **told),
        lambda: updated(order_id, random.choice(["0", "3", "7", "9"]), at, customer),
        lambda: returned(amount, at, refund_id, customer, **told),
        lambda: viewed(at, customer),
        lambda: redeemed(random.randrange(1, 9), at, customer, redemption_id=f"p{number}"),
    ]
    return random.choice(makers)()


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_orders_come_to_what_a_naive_recomputation_says(seed: int) -> None:
    random = Random(seed)
    policy, lines = random_policy(random), random_lines(random, 60)
    compare(run(lines, policy), oracle.run(lines, policy))
