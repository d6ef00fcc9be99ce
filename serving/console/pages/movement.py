"""How customers move between tiers in a period, and who falls next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from nicegui import ui
from starlette.datastructures import QueryParams

from serving.console import charts, marks
from serving.console.known_policy import PolicyWords
from serving.console.moves import last_day, moves, ups_and_downs
from serving.console.names import colours_of, value_name
from serving.console.palette import DOWN, UP, tier_colours
from serving.console.panel import Panels
from serving.console.visitor import Visitor

_PERIODS = (7, 30, 90, 365)
_AHEAD = (7, 30, 90)
_NO_FALL = {"customers": 0}


def build(visitor: Visitor, query: QueryParams, panels: Panels) -> None:
    """Make the page."""
    words = visitor.words
    days = _chosen(query.get("days"), _PERIODS, 30)
    ahead = _chosen(query.get("ahead"), _AHEAD, 30)
    with ui.element("div").classes("grid"):
        _choice(words.say("Period"), "days", days, {"ahead": ahead}, words, _PERIODS)
        panels.add(
            words.say("From tier to tier"),
            lambda: _period(visitor, query, days),
            lambda data: _flow(data, words),
            width="half",
            is_empty=lambda data: not data["moves"],
        )
        panels.add(
            words.say("Ups and downs"),
            lambda: _period(visitor, query, days),
            lambda data: _by_day(data, words),
            width="half",
            is_empty=lambda data: not data["days"],
        )
        _choice(words.say("Falls within"), "ahead", ahead, {"days": days}, words, _AHEAD)
        panels.add(
            words.say("Falls ahead, if nothing happens"),
            lambda: visitor.api.get("/v1/falls", days=ahead),
            lambda data: _falls(data, words),
            is_empty=lambda data: not data["days"],
        )


def _chosen(text: str | None, allowed: Sequence[int], default: int) -> int:
    return (
        int(text)
        if text and text.isascii() and text.isdigit() and int(text) in allowed
        else (default)
    )


def _choice(
    title: str,
    name: str,
    chosen: int,
    kept: Mapping[str, int],
    words: PolicyWords,
    of: Sequence[int],
) -> None:
    with ui.element("div").classes("full actions"):
        ui.label(title)
        for days in of:
            text = words.plural("{count} day", "{count} days", days)
            link = marks.anchor(text, marks.page_path("/movement", **kept, **{name: days}))
            link.classes("choice")
            if days == chosen:
                link.props('aria-current="true"')


async def _period(visitor: Visitor, query: QueryParams, days: int) -> dict[str, Any]:
    """The moves of a period that ends with the newest day, or as the query says."""
    try:
        last = date.fromisoformat(query.get("to", ""))
    except ValueError:
        last = await last_day(visitor)
    return await moves(visitor, last - timedelta(days=days - 1), last)


def _flow(data: dict[str, Any], words: PolicyWords) -> None:
    # The nodes of the two sides have names of their own: a flow may not go in a circle.
    tiers = _ordered(data)
    colours = tier_colours(data["ranks"])
    before = {tier: _side(words.say("before"), tier, words) for tier in tiers}
    after = {tier: _side(words.say("after"), tier, words) for tier in tiers}
    flows = [
        charts.Flow(before[source], after[target], count)
        for source, targets in data["matrix"].items()
        for target, count in targets.items()
        if count
    ]
    used = {end for flow in flows for end in (flow.source, flow.target)}
    nodes = {
        side[tier]: colours.get(tier, colours["prospect"])
        for side in (before, after)
        for tier in tiers
        if side[tier] in used
    }
    marks.chart(charts.flow(words.say("From tier to tier"), nodes, flows))
    marks.table(
        [words.say("From \N{RIGHTWARDS ARROW} to"), *[_number_head(tier, words) for tier in tiers]],
        [
            [
                value_name("tier", source, words),
                *[
                    marks.Number(_count(data["matrix"].get(source, {}).get(target), words))
                    for target in tiers
                ],
            ]
            for source in tiers
        ],
    )
    _reasons(data["by_reason"], words)


def _ordered(data: dict[str, Any]) -> list[str]:
    named = {move[end] for move in data["moves"] for end in ("previous_tier", "tier")}
    ranks = [tier for tier in data["ranks"] if tier in named]
    unknown = sorted(named - set(ranks) - {"prospect"})
    last = ["prospect"] if "prospect" in named else []
    return [*[tier for tier in ranks if tier != "prospect"], *unknown, *last]


def _side(side: str, tier: str, words: PolicyWords) -> str:
    return f"{value_name('tier', tier, words)} ({side})"


def _number_head(tier: str, words: PolicyWords) -> marks.Number:
    return marks.Number(value_name("tier", tier, words))


def _count(count: int | None, words: PolicyWords) -> str:
    return words.number(count) if count else marks.NONE


def _reasons(by_reason: Mapping[str, int], words: PolicyWords) -> None:
    parts = [
        f"{words.term('reason', reason)} {words.number(count)}"
        for reason, count in sorted(by_reason.items(), key=lambda each: -each[1])
    ]
    if parts:
        ui.label(words.say("By reason: {reasons}", reasons=words.listed(parts))).classes("note")


def _by_day(data: dict[str, Any], words: PolicyWords) -> None:
    ups, downs = ups_and_downs(data["days"], data["ranks"])
    marks.tiles(
        [
            marks.Tile(words.say("Up"), words.number(sum(ups))),
            marks.Tile(words.say("Down"), words.number(sum(downs))),
        ]
    )
    days = [words.date(day["day"]) for day in data["days"]]
    rows = [
        charts.Series(words.say("Up"), ups, UP),
        charts.Series(words.say("Down"), [-count for count in downs], DOWN),
    ]
    marks.chart(charts.columns(words.say("Ups and downs"), days, rows))
    if data["complete_from"] and data["complete_from"] > data["from"]:
        day = words.date(data["complete_from"])
        ui.label(words.say("Complete from {day} on.", day=day)).classes("note")


def _falls(data: dict[str, Any], words: PolicyWords) -> None:
    by_tier: dict[str, dict[str, Any]] = defaultdict(dict)
    for day in data["days"]:
        by_tier[day["tier"]][day["day"]] = day
    days = sorted({day["day"] for day in data["days"]})
    marks.tiles(
        [
            marks.Tile(words.say("Customers"), words.number(data["customers"])),
            marks.Tile(words.say("Revenue behind them"), words.money(data["spend"])),
        ]
    )
    tiers = [tier for tier in words.tiers if tier in by_tier]
    tiers += sorted(set(by_tier) - set(tiers))
    colours = colours_of("tier", tiers, words)
    rows = [
        charts.Series(
            value_name("tier", tier, words),
            [by_tier[tier].get(day, _NO_FALL)["customers"] for day in days],
            colours[tier],
        )
        for tier in tiers
    ]
    names = [words.date(day) for day in days]
    marks.chart(charts.columns(words.say("Falls ahead, if nothing happens"), names, rows))
    marks.table(
        [
            words.say("Tier"),
            marks.Number(words.say("Customers")),
            marks.Number(words.say("Revenue behind them")),
        ],
        [
            [
                marks.Named(value_name("tier", tier, words), colours[tier]),
                marks.Number(words.number(sum(day["customers"] for day in by_tier[tier].values()))),
                marks.Number(words.money(_spend(by_tier[tier].values()))),
            ]
            for tier in tiers
        ],
    )


def _spend(days: Iterable[dict[str, Any]]) -> Decimal:
    return sum((Decimal(day["spend"]) for day in days), Decimal())
