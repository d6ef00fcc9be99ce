"""Records of `customer-profiles`, as the engine writes them."""

from __future__ import annotations

import json
from typing import Any


def profile(customer_id: str, **changes: Any) -> bytes:
    """The value of a profile record."""
    data = {
        "customer_id": customer_id,
        "sequence": 1,
        "attributes": {"region": "north"},
        "marketing_consent": True,
        "tier": "C",
        "stage": "new",
        "level": "active",
        "recency_days": 3,
        "frequency": 1,
        "monetary": "12.50",
        "r": 5,
        "f": 1,
        "m": 1,
        "score": 33,
        "segment": "New Customers",
        "orders_ever": 1,
        "spend_ever": "12.50",
        "last_order_at": "2026-01-01T00:00:00.000Z",
        "last_interaction_at": None,
        "open_tickets": 0,
        "next_tier": {"tier": "B", "order_amount_needed": "37.50"},
        "keeps_until": None,
        "as_of": "2026-01-04T00:00:00.000Z",
        "policy_version": "default-1",
    } | changes
    envelope = {
        "specversion": "1.0",
        "id": f"{customer_id}:{data['sequence']}",
        "source": "tierstream/test",
        "type": "customer.profile",
        "subject": customer_id,
        "time": "2026-01-04T00:00:00.000Z",
        "datacontenttype": "application/json",
        "data": data,
    }
    return json.dumps(envelope).encode()
