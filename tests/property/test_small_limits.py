"""What is kept of orders, against the naive oracle, where little is kept and much is sent again."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scoring.orders.joining
import scoring.orders.ledger
import scoring.orders.order_limits
import tests.oracle.customer
import tests.oracle.ledger
import tests.oracle.merging
from tests import oracle
from tests.driver import run
from tests.property.test_against_oracle import compare
from tests.support.shop_histories import ShopHistory, random_shop_policy

pytestmark = [pytest.mark.slow, pytest.mark.always]

ORDERS, IDS = 6, 4
"""Orders kept one by one, and ids of orders out of the window."""
RETRIES: tuple[dict[str, Any], ...] = (
    {"sent_at": 1},
    {"attempt": [2], "channel": None},
    {"items": [{"sku": "a", "quantity": "2", "colour": "red"}]},
    {"items": [{"sku": "a", "quantity": 2.0}]},
    {"channel": "web"},
)


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring.orders.order_limits, "MAX_ORDERS", ORDERS)
    monkeypatch.setattr(scoring.orders.ledger, "MAX_LEFT", IDS)
    monkeypatch.setattr(scoring.orders.joining, "MAX_LEFT", IDS)
    for module in (tests.oracle.ledger, tests.oracle.customer):
        monkeypatch.setattr(module, "MOST_ORDERS_IN_WINDOW", ORDERS)
    for module in (tests.oracle.customer, tests.oracle.merging):
        monkeypatch.setattr(module, "MOST_GONE", IDS)


def sent_again(random: Random, lines: list[bytes]) -> list[bytes]:
    """Lines with retries of some, and with old orders under new event ids."""
    found, orders = [], []
    for number, line in enumerate(lines):
        found.append(line)
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        if not isinstance(fields, dict) or "occurred_at" not in fields:
            continue
        if random.random() < 0.1:
            found.append(json.dumps({**fields, **random.choice(RETRIES)}).encode())
        if fields.get("type") == "order.placed":
            orders.append(fields)
        if orders and random.random() < 0.15:
            again = {**random.choice(orders), "event_id": f"again-{number}"}
            if random.random() < 0.5:
                again["occurred_at"] = fields["occurred_at"]
            found.append(json.dumps(again).encode())
    return found


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_what_is_known_of_old_orders_is_that_of_a_naive_recomputation(seed: int) -> None:
    random = Random(seed)
    policy = {**random_shop_policy(random), "window_days": random.choice([3, 7, 20, 60])}
    for section in ("tags", "care"):
        policy.pop(section, None)  # their days must fit the window
    history = ShopHistory(random, 3, random.choice([30, 120, 400]), merges=random.random() < 0.5)
    lines = sent_again(random, history.lines(80))
    compare(run(lines, policy), oracle.run(lines, policy))
