"""Examples for the description."""

from __future__ import annotations

from typing import Any

PROFILE: dict[str, Any] = {
    "customer_id": "ana",
    "sequence": 2,
    "attributes": {"name": "Ana", "region": "north"},
    "marketing_consent": True,
    "tier": "A",
    "stage": "loyal",
    "level": "active",
    "recency_days": 0,
    "frequency": 4,
    "monetary": "1120.00",
    "r": 5,
    "f": 3,
    "m": 5,
    "score": 83,
    "segment": "Need Attention",
    "orders_ever": 4,
    "first_order_at": "2025-01-05T10:00:00.000Z",
    "last_order_at": "2025-02-01T10:00:00.000Z",
    "last_interaction_at": "2025-02-01T10:00:00.000Z",
    "open_tickets": 0,
    "next_tier": None,
    "keeps_until": "2025-05-03T00:00:00.000Z",
    "as_of": "2025-02-01T10:00:00.000Z",
    "policy_version": "default-1",
    "tags": [{"tag": "region:north", "since": "2025-01-05T10:00:00.000Z"}],
}
