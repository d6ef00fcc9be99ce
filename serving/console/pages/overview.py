"""The first page: who the customers are, what moves, and what happens just now."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from starlette.datastructures import QueryParams

from serving.console import charts, marks
from serving.console.known_policy import PolicyWords
from serving.console.live import live_feed
from serving.console.moves import moved, newest_moves, ups_and_downs
from serving.console.names import colours_of, in_order, share, value_name
from serving.console.palette import DOWN, UP
from serving.console.panel import Panels
from serving.console.visitor import Visitor

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
            lambda: newest_moves(visitor, _DAYS),
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
        "moves": await newest_moves(visitor, _WEEK),
    }


def _tiles(data: dict[str, Any], words: PolicyWords) -> list[marks.Tile]:
    total, rates = data["figures"]["total"], data["rates"]["total"]
    falls, moves = data["falls"], data["moves"]
    today = moved(day for day in moves["days"] if day["day"] == moves["to"])
    return [
        marks.Tile(words.say("Customers"), words.number(total["customers"])),
        marks.Tile(
            words.say("Revenue in the window"),
            words.money(total["spend"]),
            words.say("{amount} ever", amount=words.money(total["spend_ever"])),
        ),
        marks.Tile(
            words.say("Buy again"),
            share(rates["repeat_rate"], words),
            words.say("{share} have bought", share=share(rates["conversion"], words)),
        ),
        marks.Tile(
            words.say("Tier changes this week"),
            words.number(moved(moves["days"])),
            words.say("{count} on {day}", count=words.number(today), day=words.date(moves["to"])),
        ),
        marks.Tile(
            words.say("Fall within 7 days"),
            words.number(falls["customers"]),
            words.say("{amount} revenue behind them", amount=words.money(falls["spend"])),
        ),
    ]


def _shares(data: dict[str, Any], words: PolicyWords) -> None:
    """Customers and revenue as shares, and the figures below."""
    facet = data["by"]
    by_name = {row["value"]: row for row in data["rows"]}
    order = in_order(facet, data["rows"], words)
    colours = colours_of(facet, order, words)
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


def _row(facet: str, row: dict[str, Any], colour: str, words: PolicyWords) -> list[marks.CellValue]:
    mean = row["mean_order"]
    return [
        marks.Named(value_name(facet, row["value"], words), colour),
        marks.Number(words.number(row["customers"])),
        marks.Number(share(row["customers_share"], words)),
        marks.Number(words.money(row["spend"])),
        marks.Number(share(row["spend_share"], words)),
        marks.Number(marks.NONE if mean is None else words.money(mean)),
    ]


def _by_day(data: dict[str, Any], words: PolicyWords) -> None:
    ups, downs = ups_and_downs(data["days"], data["ranks"])
    days = [words.date(day["day"]) for day in data["days"]]
    rows = [
        charts.Series(words.say("Up"), ups, UP),
        charts.Series(words.say("Down"), [-count for count in downs], DOWN),
    ]
    marks.chart(charts.columns(words.say("Tier changes by day"), days, rows))
