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
"""The profile's fields that are facets."""

_needed = st.sampled_from([None, {"tier": "A", "order_amount_needed": None}]) | st.sampled_from(
    ["0.01", "10.00", "10.01"]
).map(lambda amount: {"tier": "A", "order_amount_needed": amount})
_tags = st.lists(st.sampled_from(TAGS), unique=True).map(
    lambda tags: [{"tag": tag, "since": SINCE} for tag in tags]
)
_health: st.SearchStrategy[dict[str, Any]] = st.sampled_from([None, 0, 50, 100]).map(
    lambda score: {"score": score, "parts": {}}
)

_attributes = st.dictionaries(
    st.sampled_from(["gender", "region", "city_tier", "occupation", "birth_date", "shoe_size"]),
    st.sampled_from(["x", "高" * 21, "a:b"]),
)

changes: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        **{name: st.sampled_from(values) for name, values in FACETS.items()},
        "score": st.sampled_from([None, 0, 33, 100]),
        "monetary": st.sampled_from(["0.00", "12.50", "12.51", "90071992547409.91", "-3.10"]),
        "keeps_until": st.sampled_from(
            [
                None,
                "2026-03-01T00:00:00.000Z",
                "2026-03-01T00:00:00.001Z",
                "2026-03-01T00:44:59.999Z",
            ]
        ),
        "next_tier": st.just(None) | _needed,
        "r": st.sampled_from([None, 1, 5]),
        "frequency": st.sampled_from([0, 1, 4, 5, 19, 50]),
        "orders_ever": st.sampled_from([0, 1, 2, 10**6]),
        "spend_ever": st.sampled_from(["0.00", "12.51", "99999999999999.99"]),
        "marketing_consent": st.sampled_from([None, True, False]),
        "attributes": _attributes,
    },
    optional={
        "tags": _tags,
        "health": _health,
        "channel_consent": st.dictionaries(st.sampled_from(["sms", "wechat"]), st.booleans()),
        "satisfaction": st.fixed_dictionaries(
            {
                "csat_last": st.sampled_from([None, 1, 5]),
                "nps_last": st.sampled_from([None, 0]),
                "open_complaints": st.sampled_from([0, 1, 3]),
            }
        ),
        "open_tickets": st.sampled_from([0, 2]),
        "promises": st.lists(
            st.sampled_from(["2026-03-01T00:00:00.000Z", "2026-03-01T00:00:00.001Z"]).map(
                lambda due_at: {"ticket_id": "t", "stage": "response", "due_at": due_at}
            ),
            max_size=2,
        ),
        "points": st.sampled_from([-5, 0, 10**9]).map(lambda balance: {"balance": balance}),
        "first_order_at": st.sampled_from([None, "2025-12-31T23:59:59.999Z"]),
    },
)
"""What a profile says beside what all say."""
