"""Random profiles in which few values are shared by many customers, so that ties are common."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

CUSTOMERS = ["ana", "ben", "cai", "a", "高", "a:b", "tag:vip", "z" * 80]
TAGS = ["vip", "region:north", "region:高", "x" * 70]
SINCE = "2026-01-01T00:00:00.000Z"

FACETS: dict[str, list[str | None]] = {
    "tier": ["A", "B", "prospect"],
    "stage": ["new", "loyal"],
    "segment": ["Champions", "At Risk", None],
    "level": ["active", "dormant"],
    "churn_answer": ["price", "too far", None],
    "owner": ["wang", "li", None],
}

_needed = st.sampled_from([None, {"tier": "A", "order_amount_needed": None}]) | st.sampled_from(
    ["0.01", "10.00", "10.01"]
).map(lambda amount: {"tier": "A", "order_amount_needed": amount})
_tags = st.lists(st.sampled_from(TAGS), unique=True).map(
    lambda tags: [{"tag": tag, "since": SINCE} for tag in tags]
)
_health: st.SearchStrategy[dict[str, Any]] = st.sampled_from([None, 0, 50, 100]).map(
    lambda score: {"score": score, "parts": {}}
)

changes: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        **{name: st.sampled_from(values) for name, values in FACETS.items()},
        "score": st.sampled_from([None, 0, 33, 100]),
        "monetary": st.sampled_from(["0.00", "12.50", "12.51", "90071992547409.91", "-3.10"]),
        "keeps_until": st.sampled_from(
            [None, "2026-03-01T00:00:00.000Z", "2026-03-01T00:00:00.001Z"]
        ),
        "next_tier": st.just(None) | _needed,
    },
    optional={"tags": _tags, "health": _health},
)
"""What a profile says beside what all say."""
