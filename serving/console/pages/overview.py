"""The first page: who the customers are, what moves, and what happens just now."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from nicegui import ui
from starlette.datastructures import QueryParams

from serving.console import charts, marks
from serving.console.live import live_feed
from serving.console.palette import DOWN, STAGES, UP, tier_colours
from serving.console.panel import Panels
from serving.console.tiers import ranked_tiers
from serving.console.visitor import Visitor
from words import Words

_REFRESH_S = 15.0
_DAYS = 30
_WEEK = 7


def build(visitor: Visitor, query: QueryParams, panels: Panels) -> None:
    """Make the page."""
    del query
    words = visitor.words
    with ui.element("div").classes("grid"):
        panels.add(
            words.say("At a glance"),
            lambda: _glance(visitor),
            lambda data: marks.tiles(_tiles(data, words)),
            tall=False,
        )
        _by(visitor, panels, words.say("By tier"), "tier")
        _by(visitor, panels, words.say("By stage"), "stage")
        panels.add(
            words.say("Tier changes by day"),
            lambda: _moves(visitor),
            lambda data: _by_day(data, words),
            width="half",
            is_empty=lambda data: not data["days"],
        )
        live_feed(visitor, width="half")
    ui.timer(_REFRESH_S, panels.refresh, immediate=False)


def _by(visitor: Visitor, panels: Panels, title: str, facet: str) -> None:
    panels.add(
        title,
        lambda: visitor.api.get("/v1/figures", by=facet),
        lambda data: _shares(data, visitor.words),
        width="half",
        is_empty=lambda data: not data["total"]["customers"],
    )


async def _glance(visitor: Visitor) -> dict[str, Any]:
    return {
        "figures": await visitor.api.get("/v1/figures"),
        "rates": await visitor.api.get("/v1/rates"),
        "falls": await visitor.api.get("/v1/falls", days=7),
        "moves": await _moves(visitor),
    }


def _tiles(data: dict[str, Any], words: Words) -> list[marks.Tile]:
    total, rates = data["figures"]["total"], data["rates"]["total"]
    falls, moves = data["falls"], data["moves"]
    today = _count(day for day in moves["week"] if day["day"] == moves["to"])
    return [
        marks.Tile(words.say("Customers"), words.number(total["customers"])),
        marks.Tile(
            words.say("Revenue in the window"),
            words.money(total["spend"]),
            words.say("{amount} ever", amount=words.money(total["spend_ever"])),
        ),
        marks.Tile(
            words.say("Buy again"),
            _percent(rates["repeat_rate"], words),
            words.say("{share} have bought", share=_percent(rates["conversion"], words)),
        ),
        marks.Tile(
            words.say("Tier changes this week"),
            words.number(_count(moves["week"])),
            words.say("{count} on {day}", count=words.number(today), day=words.date(moves["to"])),
        ),
        marks.Tile(
            words.say("Fall within 7 days"),
            words.number(falls["customers"]),
            words.say("{amount} revenue behind them", amount=words.money(falls["spend"])),
        ),
    ]


def _count(days: Iterable[dict[str, Any]]) -> int:
    return sum(move["count"] for day in days for move in day["moves"])


def _percent(share: float | None, words: Words) -> str:
    return marks.NONE if share is None else words.percent(share, 1)


def _shares(data: dict[str, Any], words: Words) -> None:
    """Customers and revenue as shares, and the figures below."""
    facet, rows = data["by"], data["rows"]
    names = [row["value"] for row in rows]
    order = ranked_tiers(rows) if facet == "tier" else [name for name in STAGES if name in names]
    colours = tier_colours(order) if facet == "tier" else STAGES
    by_name = {row["value"]: row for row in rows}
    rows = [by_name[name] for name in order]
    label = words.say("Shares of customers and revenue")
    kinds = (("customers_share", words.say("Customers")), ("spend_share", words.say("Revenue")))
    drawn = charts.shares(
        label,
        [name for _, name in kinds],
        [
            charts.Series(
                value_name(facet, row["value"], words),
                [round(100 * (row[kind] or 0), 2) for kind, _ in kinds],
                colours[row["value"]],
            )
            for row in rows
        ],
    )
    marks.chart(drawn, "low")
    marks.table(
        [
            "",
            marks.Number(words.say("Customers")),
            marks.Number(words.say("Share")),
            marks.Number(words.say("Revenue")),
            marks.Number(words.say("Share")),
            marks.Number(words.say("Mean order")),
        ],
        [_row(facet, row, colours[row["value"]], words) for row in rows],
    )


def _row(facet: str, row: dict[str, Any], colour: str, words: Words) -> list[marks.CellValue]:
    mean = row["mean_order"]
    return [
        marks.Named(value_name(facet, row["value"], words), colour),
        marks.Number(words.number(row["customers"])),
        marks.Number(_percent(row["customers_share"], words)),
        marks.Number(words.money(row["spend"])),
        marks.Number(_percent(row["spend_share"], words)),
        marks.Number(marks.NONE if mean is None else words.money(mean)),
    ]


def value_name(facet: str, value: str, words: Words) -> str:
    """What a value of a facet is called."""
    if facet in ("stage", "level", "segment"):
        return words.term(facet, value)
    return words.term("stage", value) if value == "prospect" else value


async def _moves(visitor: Visitor) -> dict[str, Any]:
    """Moves of the last days that the view knows, `to` the last of them: a replay ends earlier."""
    month_ends, today = await last_day(visitor), datetime.now(UTC).date()
    first = month_ends - timedelta(days=2 * _DAYS)
    found = await visitor.api.get(
        "/v1/migrations", **{"from": first.isoformat(), "to": month_ends.isoformat()}, by_day=True
    )
    days = found["days"]
    last = date.fromisoformat(days[-1]["day"]) if days and month_ends < today else month_ends
    figures = await visitor.api.get("/v1/figures")
    return {
        "days": _within(days, last, _DAYS),
        "week": _within(days, last, _WEEK),
        "to": last.isoformat(),
        "ranks": ranked_tiers(figures["rows"]),
    }


def _within(days: list[dict[str, Any]], last: date, count: int) -> list[dict[str, Any]]:
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


def _by_day(data: dict[str, Any], words: Words) -> None:
    ups, downs = ups_and_downs(data)
    days = [words.date(day["day"]) for day in data["days"]]
    rows = [
        charts.Series(words.say("Up"), ups, UP),
        charts.Series(words.say("Down"), [-count for count in downs], DOWN),
    ]
    marks.chart(charts.columns(words.say("Tier changes by day"), days, rows))


def ups_and_downs(data: dict[str, Any]) -> tuple[list[int], list[int]]:
    """How many rose and how many fell on each day; a prospect is below every tier."""
    rank = {tier: place for place, tier in enumerate(data["ranks"])}
    lowest = len(rank)
    ups, downs = [], []
    for day in data["days"]:
        moved = [
            (rank.get(move["previous_tier"], lowest) - rank.get(move["tier"], lowest), move)
            for move in day["moves"]
        ]
        ups.append(sum(move["count"] for steps, move in moved if steps > 0))
        downs.append(sum(move["count"] for steps, move in moved if steps < 0))
    return ups, downs
