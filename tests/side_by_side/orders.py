"""The orders that every contender gets, and what must come of them.

The amount of a customer's order number k is 8^k minor units, so that the sum of what an application
counted tells for each order how often it did: read in base 8, digit k is that number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from random import Random
from typing import NamedTuple

from scoring.timestamps import rfc3339

FEWEST, MOST = 3, 12
"""Orders of a customer."""
_BASE = 8
_STAY = 10_000
"""Orders of all customers, from the first of one to the last: half a minute of the load."""
PROSPECT = "prospect"
TIERS = (("gold", 9), ("silver", 5), ("bronze", 1))
"""Best first, with the number of orders from which on a customer belongs to it."""

Change = tuple[str, str]
"""The tier before and the tier after."""


class Order(NamedTuple):
    """An order as a record of the input topic."""

    customer_id: str
    value: bytes


class Figures(NamedTuple):
    """What an application knows of a customer."""

    frequency: int
    monetary_minor: int


def tier_of(frequency: int) -> str:
    """The tier of a customer with so many orders."""
    return next((name for name, least in TIERS if frequency >= least), PROSPECT)


def make_orders(seed: int, count: int, began_ms: int) -> list[Order]:
    """About `count` orders, each customer's in the order of their numbers.

    A customer comes, orders now and then among the others, and is not seen again: what is wrong
    then stays wrong.

    Args:
        began_ms: time of the first; the others follow a millisecond apart.
    """
    random = Random(f"orders {seed}")
    turns: list[tuple[float, str]] = []
    while len(turns) < count:
        customer_id = f"customer-{len(turns):06d}"
        came = random.uniform(-_STAY / 2, count - _STAY / 2)
        orders_of = range(random.randint(FEWEST, MOST))
        turns += [(came + random.uniform(0, _STAY), customer_id) for _ in orders_of]
    had = {customer_id: 0 for _, customer_id in turns}
    orders = []
    for number, (_, customer_id) in enumerate(sorted(turns)):
        nth = had[customer_id]
        had[customer_id] += 1
        orders.append(Order(customer_id, _value(number, customer_id, nth, began_ms + number)))
    return orders


def _value(number: int, customer_id: str, nth: int, at_ms: int) -> bytes:
    minor = _BASE**nth
    order = {
        "event_id": f"event-{number}",
        "type": "order.placed",
        "customer_id": customer_id,
        "occurred_at": rfc3339(at_ms),
        "order_id": f"{customer_id}/{nth}",
        "amount": f"{minor // 100}.{minor % 100:02d}",
        "currency": "USD",
    }
    return json.dumps(order).encode()


class Truth(NamedTuple):
    """What must be known, and what must have been told, of each customer."""

    figures: Mapping[str, Figures]
    changes: Mapping[str, tuple[Change, ...]]


def truth_of(values: Iterable[bytes]) -> Truth:
    """From the records of the input topic; of one customer they are in order."""
    figures: dict[str, Figures] = {}
    changes: dict[str, list[Change]] = {}
    for value in values:
        order = json.loads(value)
        customer_id = order["customer_id"]
        frequency, monetary_minor = figures.get(customer_id, Figures(0, 0))
        before, after = tier_of(frequency), tier_of(frequency + 1)
        if before != after:
            changes.setdefault(customer_id, []).append((before, after))
        minor = int(order["amount"].replace(".", ""))
        figures[customer_id] = Figures(frequency + 1, monetary_minor + minor)
    return Truth(figures, {name: tuple(found) for name, found in changes.items()})


def times_counted(monetary_minor: int) -> tuple[int, ...]:
    """How often each of a customer's orders is in a sum; an order counted 8 times is not seen."""
    return tuple(monetary_minor // _BASE**nth % _BASE for nth in range(MOST))
