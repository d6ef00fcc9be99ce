"""What Redis must hold of some records of profiles, told in the simplest way.

Nothing here is taken from the code that writes the view.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

Contents = dict[str, Any]
"""By key, after what all keys of a generation begin with: a hash as a dict of texts, a set of
texts, a sorted set as a dict of numbers, a text."""


class Told(NamedTuple):
    """A record: the whole profile as a document, or None for a removal."""

    offset: int
    customer_id: str
    data: dict[str, Any] | None


def newest(records: Iterable[Told]) -> dict[str, Told]:
    """The last record of each customer who is there."""
    last = {record.customer_id: record for record in records}
    return {name: record for name, record in last.items() if record.data is not None}


def ranked(data: dict[str, Any]) -> dict[str, float]:
    """The values by which a customer is ranked."""
    values: dict[str, Any] = {
        "score": data["score"],
        "spend": data["monetary"],
        "next_fall": _epoch_ms(data["keeps_until"]),
        "needed": (data["next_tier"] or {}).get("order_amount_needed"),
        "health": data.get("health", {}).get("score"),
    }
    return {name: float(value) for name, value in values.items() if value is not None}


def facets(data: dict[str, Any]) -> set[tuple[str, str]]:
    """The values by which a customer is told apart."""
    names = ("tier", "stage", "segment", "level", "churn_answer", "owner")
    single = {(name, data[name]) for name in names if data.get(name)}
    return single | {("tag", entry["tag"]) for entry in data.get("tags", ())}


def contents(records: Iterable[Told]) -> Contents:
    """All that a generation holds beside its positions."""
    found: Contents = {}
    for name, record in newest(records).items():
        data = record.data
        assert data is not None
        found[f"profile:{name}"] = json.dumps(data)
        found[f"customer:{name}"] = _fields(record.offset, data)
        for rank, number in ranked(data).items():
            found.setdefault(f"rank:{rank}", {})[name] = number
        for facet, value in facets(data):
            found.setdefault(f"{facet}:{value}", set()).add(name)
            counts = found.setdefault(f"counts:{facet}", {})
            counts[value] = counts.get(value, 0) + 1
    return found


def _fields(offset: int, data: dict[str, Any]) -> dict[str, str]:
    fields = {"partition": "0", "offset": str(offset), "timestamp_ms": str(offset)}
    for name, value in data.items():
        if isinstance(value, str):
            fields[name] = value
        elif isinstance(value, int | float):
            fields[name] = json.dumps(value)
    return fields | {f"tag:{entry['tag']}": entry["since"] for entry in data.get("tags", ())}


def _epoch_ms(text: str | None) -> int | None:
    return None if text is None else round(datetime.fromisoformat(text).timestamp() * 1_000)
