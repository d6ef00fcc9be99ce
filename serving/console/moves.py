"""Moves between tiers, as pages need them."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from serving.console.names import ranked_tiers
from serving.console.visitor import Visitor

Day = Mapping[str, Any]


async def moves(visitor: Visitor, first: date, last: date) -> dict[str, Any]:
    """`/v1/migrations` of a period by day, with `ranks`: the tiers from the best down."""
    found: dict[str, Any] = await visitor.api.get(
        "/v1/migrations", **{"from": first.isoformat(), "to": last.isoformat()}, by_day=True
    )
    figures = await visitor.api.get("/v1/figures")
    return found | {"ranks": ranked_tiers(figures["rows"], visitor.words)}


async def newest_moves(visitor: Visitor, days: int) -> dict[str, Any]:
    """Those of the last days that the view knows, `to` the last of them: a replay ends earlier."""
    month_ends, today = await last_day(visitor), datetime.now(UTC).date()
    found = await moves(visitor, month_ends - timedelta(days=days + 31), month_ends)
    known = found["days"]
    last = date.fromisoformat(known[-1]["day"]) if known and month_ends < today else month_ends
    return found | {"days": of_last(known, last, days), "to": last.isoformat()}


def of_last(days: Iterable[Day], last: date, count: int) -> list[Day]:
    """The last of some days."""
    first = (last - timedelta(days=count - 1)).isoformat()
    return [day for day in days if day["day"] >= first]


async def last_day(visitor: Visitor) -> date:
    """Today, or the end of the month of the newest profile where that is past."""
    today = datetime.now(UTC).date()
    months = (await visitor.api.get("/v1/completeness"))["as_of"]
    if not months:
        return today
    year, month = map(int, max(months).split("-"))
    return min(today, date(year, month, calendar.monthrange(year, month)[1]))


def moved(days: Iterable[Day]) -> int:
    """How many moves there were."""
    return sum(move["count"] for day in days for move in day["moves"])


def ups_and_downs(days: Iterable[Day], ranks: Sequence[str]) -> tuple[list[int], list[int]]:
    """How many rose and how many fell on each day; a prospect is below every tier."""
    rank = {tier: place for place, tier in enumerate(ranks)}
    lowest = len(rank)
    ups, downs = [], []
    for day in days:
        steps = [
            (rank.get(move["previous_tier"], lowest) - rank.get(move["tier"], lowest), move)
            for move in day["moves"]
        ]
        ups.append(sum(move["count"] for rise, move in steps if rise > 0))
        downs.append(sum(move["count"] for rise, move in steps if rise < 0))
    return ups, downs
