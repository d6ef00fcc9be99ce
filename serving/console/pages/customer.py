"""One customer: who they are, why this tier, what keeps it, and what comes next."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from starlette.datastructures import QueryParams

from serving.console import charts, marks, palette
from serving.console.client import customer_path
from serving.console.customer_table import day
from serving.console.explanation import draw_explanation
from serving.console.known_policy import PolicyWords
from serving.console.names import attribute_name, value_name
from serving.console.palette import STAGES
from serving.console.panel import Panels
from serving.console.sentences import told
from serving.console.visitor import Visitor

_ENTRIES = 100


def build(visitor: Visitor, query: QueryParams, panels: Panels) -> None:
    """Make the page."""
    words, customer_id = visitor.words, query.get("id", "")
    path = customer_path(customer_id)
    with ui.element("div").classes("grid"):
        panels.add(
            customer_id,
            lambda: visitor.api.get(path),
            lambda profile: _head(profile, words),
            tall=False,
        )
        panels.add(
            words.say("What is known"),
            lambda: visitor.api.get(path),
            lambda profile: _profile(profile, words),
            width="third",
        )
        panels.add(
            words.say("Month by month"),
            lambda: visitor.api.get(f"{path}/trend"),
            lambda data: _trend(data["months"], words),
            note=words.say("Revenue that came to count in each month, and the score at its end."),
            width="two-thirds",
            is_empty=lambda data: not data["months"],
        )
        panels.add(
            words.say("What happened"),
            lambda: visitor.api.get(f"{path}/timeline", limit=_ENTRIES),
            lambda data: _timeline(data["entries"], words),
            width="third",
            is_empty=lambda data: not data["entries"],
        )
        panels.add(
            words.say("Why this tier, and what is next"),
            lambda: visitor.api.get(f"{path}/explain"),
            lambda why: draw_explanation(why, words),
            note=words.say("Read from the state of the stream; this takes some seconds."),
            width="two-thirds",
        )


def _head(profile: dict[str, Any], words: PolicyWords) -> None:
    stage = profile["stage"]
    health = (profile.get("health") or {}).get("score")
    points = (profile.get("points") or {}).get("balance")
    found = [
        marks.Tile(
            words.say("Tier"), value_name("tier", profile["tier"], words), _keeps(profile, words)
        ),
        marks.Tile(
            words.say("Stage"),
            words.term("stage", stage),
            value_name("segment", profile["segment"], words),
        ),
        marks.Tile(
            words.say("Revenue in the window"),
            words.money(profile["monetary"]),
            words.plural("{count} order", "{count} orders", profile["frequency"]),
        ),
        marks.Tile(words.say("Score"), _number(profile["score"], words), _digits(profile)),
    ]
    if health is not None:
        found.append(marks.Tile(words.say("Health"), words.number(health)))
    if points is not None:
        found.append(marks.Tile(words.say("Points"), words.number(points)))
    marks.tiles(found)
    _ahead(profile, words)


def _keeps(profile: dict[str, Any], words: PolicyWords) -> str:
    until = profile["keeps_until"]
    return words.say("until {day}", day=day(until, words)) if until else ""


def _digits(profile: dict[str, Any]) -> str:
    if profile["r"] is None:
        return ""
    return f"R{profile['r']} F{profile['f']} M{profile['m']}"


def _ahead(profile: dict[str, Any], words: PolicyWords) -> None:
    """What keeps the tier and what raises it, in a sentence each."""
    keep, above = profile.get("keep"), profile["next_tier"]
    if keep and profile["keeps_until"]:
        ui.label(
            words.say(
                "To keep {tier}: {orders}, {amount} in all, before {day}.",
                tier=value_name("tier", profile["tier"], words),
                orders=_orders(keep["orders_needed"], words),
                amount=_money(keep["total_needed"], words),
                day=day(profile["keeps_until"], words),
            )
        )
    if above and above.get("orders_needed"):
        ui.label(
            words.say(
                "To reach {tier}: {orders}, {amount} in all, today.",
                tier=value_name("tier", above["tier"], words),
                orders=_orders(above["orders_needed"], words),
                amount=_money(above.get("total_needed"), words),
            )
        )


def _orders(count: int | None, words: PolicyWords) -> str:
    return marks.NONE if count is None else words.plural("{count} order", "{count} orders", count)


def _money(amount: str | None, words: PolicyWords) -> str:
    return marks.NONE if amount is None else words.money(amount)


def _number(value: float | None, words: PolicyWords) -> str:
    return marks.NONE if value is None else words.number(value)


def _profile(profile: dict[str, Any], words: PolicyWords) -> None:
    stage = profile["stage"]
    marks.facts(
        [
            *[
                (attribute_name(name, words), str(value))
                for name, value in sorted(profile["attributes"].items())
            ],
            (words.say("Stage"), marks.Named(words.term("stage", stage), STAGES[stage])),
            (words.say("Owner"), profile.get("owner") or marks.NONE),
            (words.say("First order"), day(profile.get("first_order_at"), words)),
            (words.say("Last order"), day(profile.get("last_order_at"), words)),
            (words.say("Last seen"), day(profile.get("last_interaction_at"), words)),
            (words.say("Orders ever"), words.number(profile["orders_ever"])),
            (words.say("Revenue ever"), words.money(profile["spend_ever"])),
            (words.say("Open tickets"), words.number(profile["open_tickets"])),
            (words.say("May be contacted"), _consent(profile["marketing_consent"], words)),
            *[
                (words.say("By {channel}", channel=channel), _consent(agreed, words))
                for channel, agreed in sorted(profile.get("channel_consent", {}).items())
            ],
            (words.say("Profile as of"), words.moment(profile["as_of"])),
        ]
    )
    tags = profile.get("tags") or []
    with ui.element("div"):
        for tag in tags:
            marks.anchor(tag["tag"], marks.page_path("/customers", tag=tag["tag"])).classes("chip")


def _consent(agreed: bool | None, words: PolicyWords) -> str:
    return words.term("consent", None if agreed is None else str(agreed).lower())


def _trend(months: list[dict[str, Any]], words: PolicyWords) -> None:
    names = [words.month(each["month"]) for each in months]
    spend = charts.Series(
        words.say("Revenue"), [float(each["spend"]) for each in months], palette.ACCENT
    )
    score = charts.Series(words.say("Score"), [each["score"] for each in months], palette.UP)
    marks.chart(charts.columns_and_line(words.say("Month by month"), names, spend, score))


def _timeline(entries: list[dict[str, Any]], words: PolicyWords) -> None:
    with ui.element("div").classes("feed").props("tabindex=0"):
        for entry in entries:
            with ui.element("div").classes("entry"):
                ui.label(words.moment(entry["effective_at"])).classes("when")
                with ui.element("div"):
                    ui.label(words.term("output", entry["type"])).classes("why")
                    ui.label(told(entry["type"], entry, words))
