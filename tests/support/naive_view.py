"""What Redis must hold of some records of profiles, told in the simplest way.

Nothing here is taken from the code that writes the view.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
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
        "complaints": data.get("satisfaction", {"open_complaints": data["open_tickets"]}).get(
            "open_complaints"
        )
        or None,
        "promised": _epoch_ms(min([one["due_at"] for one in data.get("promises", ())] or [None])),
    }
    return {name: float(value) for name, value in values.items() if value is not None}


def facets(data: dict[str, Any]) -> set[tuple[str, str]]:
    """The values by which a customer is told apart."""
    names = ("tier", "stage", "segment", "level", "churn_answer", "owner")
    single = {(name, data[name]) for name in names if data.get(name)}
    if data["r"] and data["f"]:
        single.add(("rf", f"{data['r']}{data['f']}"))
    if data.get("owner", "somebody") is None:
        single.add(("unowned", "true"))
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
    for key, counter in [*counts(records).items(), *sums(records).items()]:
        if kept := {value: number for value, number in counter.items() if number}:
            found[key] = kept
    return found


def axes(data: dict[str, Any]) -> set[tuple[str, str]]:
    """The values by which a customer is counted and not found."""
    attributes, quality = data["attributes"], data.get("satisfaction") or {}
    known = ["birth_date", "gender", "region", "city_tier", "occupation", "registered_at"]
    known += ["name", "email", "phone"]
    found: list[tuple[str, Any]] = [
        (name, attributes.get(name)) for name in ("gender", "region", "city_tier", "occupation")
    ]
    found += [("known", str(known.index(name))) for name in attributes if name in known]
    found += [("known_count", str(sum(name in known for name in attributes)))]
    if data["marketing_consent"] is not None:
        found += [("marketing_consent", json.dumps(data["marketing_consent"]))]
    found += [
        ("consented_channel", name)
        for name, agreed in data.get("channel_consent", {}).items()
        if agreed
    ]
    found += [("score", data["score"]), ("health", data.get("health", {}).get("score"))]
    found += [("csat", quality.get("csat_last")), ("nps", quality.get("nps_last"))]
    for name in ("first_order", "last_order"):
        found += [(name, (data.get(f"{name}_at") or "")[:7] or None)]
    found += [("as_of", data["as_of"][:7]), ("decimals", "2")]
    found += [("orders", _band(data["frequency"])), ("orders_ever", _band(data["orders_ever"]))]
    if data["frequency"]:
        found += [("mean_order", _step(Decimal(data["monetary"]) / data["frequency"]))]
    return {(axis, str(value)) for axis, value in found if value is not None}


def counts(records: Iterable[Told]) -> dict[str, Counter[str]]:
    """How many customers have each value, and how many of each tier, stage and segment."""
    found: dict[str, Counter[str]] = {}
    for record in newest(records).values():
        data = record.data
        assert data is not None
        for axis, value in facets(data) | axes(data):
            found.setdefault(f"counts:{axis}", Counter())[value] += 1
            for name in ("tier", "stage", "segment"):
                if data[name]:
                    key = f"counts:{axis}:{name}:{data[name]}"
                    found.setdefault(key, Counter())[value] += 1
    return found


def sums(records: Iterable[Told]) -> dict[str, Counter[str]]:
    """What the customers of each value have together."""
    found: dict[str, Counter[str]] = {}
    for record in newest(records).values():
        data = record.data
        assert data is not None
        spend, ever = (int(Decimal(data[name]) * 10_000) for name in ("monetary", "spend_ever"))
        adds = {
            "customers": 1,
            "spend_high": spend // 10**9,
            "spend_low": spend % 10**9,
            "spend_ever_high": ever // 10**9,
            "spend_ever_low": ever % 10**9,
            "orders": data["frequency"],
            "orders_ever": data["orders_ever"],
            "points": data.get("points", {}).get("balance", 0),
        }
        groups = {(facet, value) for facet, value in facets(data) if facet != "tag"}
        if data["keeps_until"]:
            at_ms = _epoch_ms(data["keeps_until"]) or 0
            groups.add(("fall", f"{at_ms - at_ms % 900_000} {data['tier']}"))
        for facet, value in groups:
            for measure, number in list(adds.items())[: 3 if facet == "fall" else None]:
                found.setdefault(f"sums:{facet}", Counter())[f"{measure}:{value}"] += number
    return found


def _band(orders: int) -> str:
    if orders < 5:
        return str(orders)
    return "5-9" if orders < 10 else "10-19" if orders < 20 else "20-49" if orders < 50 else "50+"


def _step(mean: Decimal) -> int:
    steps = [digit * 10**power for power in range(16) for digit in (1, 2, 5)]
    return max((step for step in steps if step <= mean), default=0)


def _fields(offset: int, data: dict[str, Any]) -> dict[str, str]:
    fields = {"partition": "0", "offset": str(offset), "timestamp_ms": str(offset)}
    if data["r"] and data["f"]:
        fields["rf"] = f"{data['r']}{data['f']}"
    if data.get("owner", "somebody") is None:
        fields["unowned"] = "true"
    for name, value in data.items():
        if isinstance(value, str):
            fields[name] = value
        elif isinstance(value, int | float):
            fields[name] = json.dumps(value)
    return fields | {f"tag:{entry['tag']}": entry["since"] for entry in data.get("tags", ())}


def _epoch_ms(text: str | None) -> int | None:
    return None if text is None else round(datetime.fromisoformat(text).timestamp() * 1_000)
