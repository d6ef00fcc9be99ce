"""Customer tiers in Faust as its documentation has it: a table, an agent, a topic.

Run by `faust -A tests.side_by_side.plain_faust worker`. The comparison sets where the broker is,
and a session timeout that is the other contender's; all else is Faust's default, or, with
SIDE_BY_SIDE_TUNED, what those who run it in production set.
"""

from __future__ import annotations

import os
from datetime import datetime
from decimal import Decimal
from typing import Any

import faust

_TUNED: dict[str, Any] = {
    "cython_optimizations": True,
    "broker_commit_interval": 1.0,
    "producer_linger": 0.005,
    "producer_max_batch_size": 256 * 1024,
    "producer_request_timeout": 40.0,
    "stream_buffer_maxsize": 1_024,
    "stream_wait_empty": True,
    "topic_allow_declare": False,
}

app = faust.App(
    os.environ["SIDE_BY_SIDE_APP_ID"],
    broker=os.environ["SIDE_BY_SIDE_BROKER"],
    broker_session_timeout=float(os.environ["SIDE_BY_SIDE_SESSION_S"]),
    topic_partitions=int(os.environ["SIDE_BY_SIDE_PARTITIONS"]),
    datadir=os.environ["SIDE_BY_SIDE_FOLDER"],
    store="memory://",
    **(_TUNED if os.environ.get("SIDE_BY_SIDE_TUNED") else {}),
)


class Order(faust.Record, coerce=True):
    """An order; the producer keys it by customer."""

    customer_id: str
    order_id: str
    amount: Decimal
    occurred_at: datetime


class Customer(faust.Record, coerce=True):
    """Recency, frequency and monetary value of a customer."""

    last_order_at: datetime
    frequency: int
    monetary: Decimal
    tier: str


class TierChange(faust.Record):
    """A customer's tier is another than before."""

    customer_id: str
    previous_tier: str
    tier: str


orders = app.topic(os.environ["SIDE_BY_SIDE_ORDERS"], value_type=Order)
tier_changes = app.topic(os.environ["SIDE_BY_SIDE_CHANGES"], value_type=TierChange)
customers = app.Table("customers", value_type=Customer)


def tier_of(frequency: int) -> str:
    """Simple cut-offs."""
    if frequency >= 9:
        return "gold"
    return "silver" if frequency >= 5 else "bronze"


@app.agent(orders)
async def classify(stream: faust.StreamT[Order]) -> None:
    """Count each order, and tell when the tier changes."""
    async for order in stream:
        known = customers.get(order.customer_id)
        frequency = 1 if known is None else known.frequency + 1
        monetary = order.amount if known is None else known.monetary + order.amount
        previous_tier = "prospect" if known is None else known.tier
        tier = tier_of(frequency)
        customers[order.customer_id] = Customer(order.occurred_at, frequency, monetary, tier)
        if tier != previous_tier:
            change = TierChange(order.customer_id, previous_tier, tier)
            await tier_changes.send(key=order.customer_id, value=change)
