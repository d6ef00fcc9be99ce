"""The numbers by which a customer is ranked."""

from __future__ import annotations

import math
import re
from typing import Any

from scoring.timestamps import parse_rfc3339

_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


def rank_values(data: dict[str, Any]) -> tuple[str, ...]:
    """A profile's value in each of `RANKS`, as decimal text that Redis reads; empty for none.

    Args:
        data: the profile, as it may have been written by anybody.
    """
    return (
        _number(data.get("score")),
        _number(data.get("monetary")),
        _instant(data.get("keeps_until")),
        _number(_inside(data, "next_tier", "order_amount_needed")),
        _number(_inside(data, "health", "score")),
    )


def _inside(data: dict[str, Any], name: str, inner: str) -> object:
    found = data.get(name)
    return found.get(inner) if isinstance(found, dict) else None


def _number(value: object) -> str:
    """A number or decimal text as Redis reads it, empty for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    text = value if isinstance(value, str) else repr(value)
    if isinstance(value, float) and math.isfinite(value):
        return text
    return text if _DECIMAL.fullmatch(text) else ""


def _instant(value: object) -> str:
    at_ms = parse_rfc3339(value) if isinstance(value, str) else None
    return "" if at_ms is None else str(at_ms)
