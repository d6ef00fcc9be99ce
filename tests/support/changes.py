"""Records of the topics of outputs, as the engine writes them."""

from __future__ import annotations

import json
from typing import Any

from scoring.timestamps import rfc3339

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def tier_changed(
    customer_id: str,
    sequence: int,
    *,
    at_ms: int = 0,
    previous_tier: str = "C",
    tier: str = "B",
    reason: str = "order",
    **more: Any,
) -> bytes:
    """The value of a `tier.changed` record."""
    data: dict[str, Any] = {
        "previous_tier": previous_tier,
        "tier": tier,
        "direction": "up",
        "reason": reason,
        "late": False,
        "caused_by": ["e1"],
        "before": None,
        "after": None,
        "crossed": [],
        "next_tier": None,
        "keeps_until": None,
    }
    return output("tier.changed", customer_id, sequence, at_ms, **data | more)


def level_changed(
    customer_id: str,
    sequence: int,
    *,
    at_ms: int = 0,
    level: str = "dormant",
    previous_level: str = "at_risk",
    kind: str = "dormancy.alert",
    **more: Any,
) -> bytes:
    """The value of a record of `dormancy-alerts`."""
    data: dict[str, Any] = {
        "level": level,
        "previous_level": previous_level,
        "last_order_at": None,
        "last_interaction_at": None,
        "threshold_days": 90.0,
        "basis": "fixed",
        "withdraws": [],
        "tier": "C",
        "open_tickets": 0,
        "suppressed": None,
    }
    return output(kind, customer_id, sequence, at_ms, **data | more)


def output(kind: str, customer_id: str, sequence: int, at_ms: int = 0, **data: Any) -> bytes:
    """The value of a record of any type, with this in its `data` beside the common fields."""
    common = {
        "customer_id": customer_id,
        "sequence": sequence,
        "effective_at": rfc3339(at_ms),
        "action": None,
        "reason": "order",
        "suppressed": None,
        "backfill": False,
        "consented_channels": [],
        "policy_version": "default-1",
        "marketing_consent": None,
    }
    envelope = {
        "specversion": "1.0",
        "id": f"{customer_id}:{sequence}",
        "source": "tierstream/test",
        "type": kind,
        "subject": customer_id,
        "time": rfc3339(at_ms),
        "datacontenttype": "application/json",
        "data": common | data,
    }
    return json.dumps(envelope).encode()
