"""The search of a page's query: what the API is asked, and what stays in links."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import QueryParams

SEVERAL = ("tier", "stage", "segment", "level", "churn_answer", "owner", "rf", "tag")
BOUNDS = ("spend_min", "spend_max", "health_min", "health_max", "score_min", "score_max")
DEFAULT_ORDER = "-spend"


def search_of(query: QueryParams) -> dict[str, Any]:
    """The filters and the order of a query, of those that the API knows."""
    found: dict[str, Any] = {name: query.getlist(name) for name in SEVERAL if query.get(name)}
    found |= {name: query[name] for name in BOUNDS if query.get(name)}
    return found | {"order": query.get("order") or DEFAULT_ORDER}
