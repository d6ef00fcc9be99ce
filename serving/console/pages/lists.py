"""Work lists: whom to look after now, each with what the policy wants done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import ui
from starlette.datastructures import QueryParams

from scoring.policy import Policy
from serving.console import customer_table, marks
from serving.console.known_policy import PolicyWords
from serving.console.names import tier_mark
from serving.console.panel import Panels
from serving.console.visitor import Visitor

_PAGE = 50


def build(visitor: Visitor, query: QueryParams, panels: Panels) -> None:
    """Make the page."""
    words = visitor.words
    names = _names(words)
    chosen = query.get("list", "") if query.get("list") in names else next(iter(names))
    with ui.element("div").classes("grid"):
        with ui.element("div").classes("full actions"):
            for name, title in names.items():
                link = marks.anchor(title, marks.page_path("/lists", list=name)).classes("choice")
                if name == chosen:
                    link.props('aria-current="true"')
        load = _LOADS[chosen]
        panels.add(
            names[chosen],
            lambda: load(visitor, query),
            lambda data: _table(chosen, data, words),
            note=_notes(words)[chosen],
            is_empty=lambda data: not data["customers"],
        )


def _names(words: PolicyWords) -> dict[str, str]:
    return {
        "falling": words.say("About to fall"),
        "near": words.say("Near the next tier"),
        "at_risk": words.say("Newly at risk"),
        "dormant": words.say("Newly dormant"),
        "churned": words.say("Newly churned"),
        "back": words.say("Back again"),
    }


def _notes(words: PolicyWords) -> dict[str, str]:
    return {
        "falling": words.say("They fall within 30 days if nothing happens, the soonest first."),
        "near": words.say("One more order lifts them, the smallest first."),
        "at_risk": words.say("They reached this level within 30 days, the latest first."),
        "dormant": words.say("They reached this level within 30 days, the latest first."),
        "churned": words.say("They reached this level within 30 days, the latest first."),
        "back": words.say("They came back within 30 days, the latest first."),
    }


async def _falling(visitor: Visitor, query: QueryParams) -> Any:
    return await visitor.api.get(
        "/v1/about-to-fall", within="30d", limit=_PAGE, cursor=query.get("cursor")
    )


async def _near(visitor: Visitor, query: QueryParams) -> Any:
    return await visitor.api.get(
        "/v1/near-next-tier", amount=100_000_000, limit=_PAGE, cursor=query.get("cursor")
    )


def _reached(level: str) -> Callable[[Visitor, QueryParams], Awaitable[Any]]:
    async def load(visitor: Visitor, query: QueryParams) -> Any:
        found = await visitor.api.get(
            "/v1/reached", level=level, since="30d", limit=_PAGE, cursor=query.get("cursor")
        )
        customers = [
            {**each["profile"], "reached_at": each["reached_at"]} for each in found["customers"]
        ]
        return {"customers": customers, "next": found["next"]}

    return load


_LOADS: Mapping[str, Callable[[Visitor, QueryParams], Awaitable[Any]]] = {
    "falling": _falling,
    "near": _near,
    "at_risk": _reached("at_risk"),
    "dormant": _reached("dormant"),
    "churned": _reached("churned"),
    "back": _reached("active"),
}


def _table(chosen: str, data: dict[str, Any], words: PolicyWords) -> None:
    head, cell = _reason_column(chosen, words)
    marks.table(
        [
            words.say("Customer"),
            words.say("Owner"),
            words.say("Tier"),
            marks.Number(words.say("Revenue")),
            head,
            words.say("Action of the policy"),
        ],
        [
            [
                marks.customer_link(profile["customer_id"], profile["attributes"].get("name")),
                profile.get("owner") or marks.NONE,
                tier_mark(profile["tier"], words),
                marks.Number(words.money(profile["monetary"])),
                cell(profile),
                words.action(_action(chosen, profile, words.policy)) or marks.NONE,
            ]
            for profile in data["customers"]
        ],
    )
    cursor = marks.cursor_of(data["next"])
    if cursor is not None:
        path = marks.page_path("/lists", list=chosen, cursor=cursor)
        marks.anchor(words.say("Next page"), path)


def _reason_column(
    chosen: str, words: PolicyWords
) -> tuple[str | marks.Number, Callable[[Mapping[str, Any]], marks.CellValue]]:
    if chosen == "falling":
        return words.say("Falls on"), lambda profile: customer_table.day(
            profile["keeps_until"], words
        )
    if chosen == "near":
        return marks.Number(words.say("Order needed")), lambda profile: marks.Number(
            words.money(profile["next_tier"]["order_amount_needed"])
        )
    return words.say("Since"), lambda profile: customer_table.day(profile["reached_at"], words)


def _action(chosen: str, profile: Mapping[str, Any], policy: Policy | None) -> str | None:
    """The action that the policy names for whoever is on a list: of their tier or their level."""
    if policy is None:
        return None
    actions = policy.dormancy.actions
    by_level = {
        "at_risk": actions.at_risk,
        "dormant": actions.dormant,
        "churned": actions.churned,
        "back": actions.reactivated,
    }
    if chosen in by_level:
        return by_level[chosen]
    return next((tier.action for tier in policy.tiers if tier.name == profile["tier"]), None)
