"""The events that every peer reads, and the figures that follow from them.

Orders, browsing and support of customers of unequal popularity: the weight of the k-th is
1 / (k + q), with q a hundredth of the number of customers (Zipf's law as Mandelbrot corrected it).
So the busiest customer has some hundred times the events of the quietest, as in a shop, and not a
share of all events, as under Zipf's law alone. Times rise evenly over more days than the window
has, so that orders leave it.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from bench.load import CATEGORIES, browsing
from bench.peers.rules.rfm import PROSPECT, Figures, Rules, day_of_ms
from devtools.traffic.record import TrafficRecord, encode_json
from handlers.decode.schema import InputTopic
from scoring.timestamps import rfc3339

RULES = Rules(
    window_days=30,
    recency_days=(5, 10, 20, 28),
    frequency=(2, 4, 8, 16),
    monetary_minor=(5_000, 15_000, 40_000, 100_000),
    tiers=(("A", 70), ("B", 40), ("C", 0)),
)
SPAN_DAYS = 40

_ORDERS, _BROWSING = 0.20, 0.70
_MS_PER_DAY = 86_400_000
_AT_A_TIME = 10_000


class DataSet(NamedTuple):
    """What to generate. Event times rise evenly over `SPAN_DAYS` and end at `end_ms`."""

    events: int
    customers: int
    end_ms: int
    seed: int = 1


def name_of(customer: int) -> str:
    """The id of a customer by number; 0 is the busiest."""
    return f"customer-{customer:08d}"


class Reference:
    """What the events say, kept as they came: for exact figures by plain counting."""

    def __init__(self) -> None:
        self.last_ms: dict[str, int] = {}
        """Of each customer's newest event."""
        self._orders: dict[str, array[int]] = {}
        """Day and cents of each order, by turns."""

    def add(self, customer_id: str, at_ms: int, minor: int | None) -> None:
        """Note an event, with the cents if it is an order."""
        self.last_ms[customer_id] = max(at_ms, self.last_ms.get(customer_id, at_ms))
        if minor is not None:
            orders = self._orders.setdefault(customer_id, array("q"))
            orders.extend((day_of_ms(at_ms), minor))

    def orders_of(self, customer_id: str) -> int:
        """How many orders a customer placed."""
        return len(self._orders.get(customer_id, ())) // 2

    def figures(self, rules: Rules, customer_id: str, as_of_ms: int | None = None) -> Figures:
        """The figures of a customer as of an instant; by default of the newest event."""
        today = day_of_ms(self.last_ms[customer_id] if as_of_ms is None else as_of_ms)
        kept = self._orders.get(customer_id, array("q"))
        pairs = zip(kept[::2], kept[1::2], strict=True)
        orders = [(day, minor) for day, minor in pairs if day <= today]
        if not orders:
            return Figures(None, 0, 0, PROSPECT)
        recency_days = today - max(day for day, _ in orders)
        inside = [minor for day, minor in orders if day > today - rules.window_days]
        tier = rules.tier_of(recency_days, len(inside), sum(inside))
        return Figures(recency_days, len(inside), sum(inside), tier)


def generate(data_set: DataSet, reference: Reference) -> Iterator[TrafficRecord]:
    """The events in order of time, noted in the reference as they are taken."""
    draws = random.Random(data_set.seed)
    customers = data_set.customers
    offset = max(1, customers // 100)
    weights = list(accumulate(1 / (rank + offset) for rank in range(1, customers + 1)))
    span_ms = SPAN_DAYS * _MS_PER_DAY
    start_ms = data_set.end_ms - span_ms
    for first in range(0, data_set.events, _AT_A_TIME):
        count = min(_AT_A_TIME, data_set.events - first)
        chosen = draws.choices(range(customers), cum_weights=weights, k=count)
        for number, customer in enumerate(chosen, first):
            at_ms = start_ms + number * span_ms // data_set.events
            customer_id = name_of(customer)
            topic, fields, minor = _event(draws, number)
            reference.add(customer_id, at_ms, minor)
            document = {
                "event_id": f"e{number:010d}",
                "type": fields.pop("type"),
                "customer_id": customer_id,
                "occurred_at": rfc3339(at_ms),
                **fields,
            }
            yield TrafficRecord(at_ms, topic, customer_id.encode(), encode_json(document))


def _event(draws: random.Random, number: int) -> tuple[InputTopic, dict[str, Any], int | None]:
    """The topic, the fields and, of an order, the cents."""
    kind = draws.random()
    if kind < _ORDERS:
        minor = draws.randrange(500, 20_000)
        fields = {
            "type": "order.placed",
            "channel": "web",
            "order_id": f"o{number:010d}",
            "amount": f"{minor // 100}.{minor % 100:02d}",
            "currency": "USD",
            "payment_status": "paid",
            "items": [{"sku": f"{draws.choice(CATEGORIES)}-{draws.randrange(500)}", "quantity": 1}],
        }
        return "orders", fields, minor
    if kind < _ORDERS + _BROWSING:
        return "browse", browsing(draws, number), None
    if draws.random() < 0.5:
        return "support", {"type": "survey.answered", "survey": "csat", "score": 4}, None
    fields = {"type": "ticket.opened", "ticket_id": f"t{number:010d}", "kind": "question"}
    return "support", fields, None
