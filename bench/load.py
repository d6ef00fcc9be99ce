"""The load: seeded events of many customers, with times that end near a given instant.

Customers are drawn evenly, which is the hardest case for whoever writes one record per changed
customer: hardly two events of a flush share one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from devtools.traffic.record import TrafficRecord
from scoring.timestamps import rfc3339
from streams.kafka.topics import topic_for

_BROWSE_SHARE = 0.60
_ORDER_SHARE = 0.30
_SUPPORT_SHARE = 0.05
_REFUND_SHARE = 0.04

_BROWSE_TYPES = ("page.viewed", "product.viewed", "product.viewed", "cart.updated")
CATEGORIES = ("books", "music", "films", "games", "garden", "kitchen")
_RECENT_ORDERS = 10_000


def browsing(draws: random.Random, number: int) -> dict[str, Any]:
    """The fields of a browse event, by its number in the load, without who and when."""
    category = draws.choice(CATEGORIES)
    return {
        "type": draws.choice(_BROWSE_TYPES),
        "channel": "web",
        "session_id": f"s{number // 8:09d}",
        "sku": f"{category}-{draws.randrange(500):03d}",
        "category": category,
        "url": f"https://shop.example/{category}/{draws.randrange(500)}",
    }


class Load(NamedTuple):
    """What to generate. Event times rise evenly over `span_ms` and end at `end_ms`."""

    events: int
    customers: int
    end_ms: int
    span_ms: int
    seed: int = 1

    def records(self) -> Iterator[TrafficRecord]:
        """The events as records for the input topics, in order of time."""
        generator = _Generator(random.Random(self.seed), self.customers)
        start_ms = self.end_ms - self.span_ms
        for number in range(self.events):
            at_ms = start_ms + number * self.span_ms // self.events
            yield generator.record(number, at_ms)


class _Generator:
    def __init__(self, draws: random.Random, customers: int) -> None:
        self._draws = draws
        self._customers = customers
        self._recent: list[tuple[str, str]] = []

    def record(self, number: int, at_ms: int) -> TrafficRecord:
        """The event of this number."""
        draws = self._draws
        customer_id = f"customer-{draws.randrange(self._customers):08d}"
        kind = draws.random()
        if kind < _BROWSE_SHARE:
            fields = browsing(self._draws, number)
        elif (kind := kind - _BROWSE_SHARE) < _ORDER_SHARE:
            fields = self._order(number, customer_id)
        elif (kind := kind - _ORDER_SHARE) < _SUPPORT_SHARE:
            fields = self._support(number)
        elif kind - _SUPPORT_SHARE < _REFUND_SHARE and self._recent:
            customer_id, fields = self._refund(number)
        else:
            fields = {"type": "profile.updated", "attributes": {"region": "north", "name": "Kim"}}
        document = {
            "event_id": f"e{number:010d}",
            "type": fields["type"],
            "customer_id": customer_id,
            "occurred_at": rfc3339(at_ms),
            **fields,
        }
        key = customer_id.encode()
        return TrafficRecord(at_ms, topic_for(fields["type"]), key, orjson.dumps(document))

    def _order(self, number: int, customer_id: str) -> dict[str, Any]:
        draws = self._draws
        order_id = f"o{number:010d}"
        self._recent.append((customer_id, order_id))
        if len(self._recent) > _RECENT_ORDERS:
            del self._recent[: _RECENT_ORDERS // 2]
        minor = draws.randrange(500, 20_000)
        category = draws.choice(CATEGORIES)
        return {
            "type": "order.placed",
            "channel": "web",
            "order_id": order_id,
            "amount": f"{minor // 100}.{minor % 100:02d}",
            "currency": "USD",
            "payment_status": "paid",
            "items": [{"sku": f"{category}-{draws.randrange(500)}", "quantity": 1}],
        }

    def _support(self, number: int) -> dict[str, Any]:
        if self._draws.random() < 0.5:
            return {"type": "survey.answered", "survey": "csat", "score": 4}
        return {"type": "ticket.opened", "ticket_id": f"t{number:010d}", "kind": "question"}

    def _refund(self, number: int) -> tuple[str, dict[str, Any]]:
        customer_id, order_id = self._draws.choice(self._recent)
        return customer_id, {
            "type": "order.refunded",
            "order_id": order_id,
            "refund_id": f"r{number:010d}",
            "amount": "1.00",
        }
