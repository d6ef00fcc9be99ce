"""Work lists: whom to look after now, by account manager, with what the policy wants done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui
from starlette.datastructures import QueryParams

from serving.console import customer_table, marks
from serving.console.files import LISTS
from serving.console.known_policy import PolicyWords
from serving.console.names import tier_mark
from serving.console.panel import Panels
from serving.console.visitor import Visitor

_PAGE = 50
_SAME = "same-person"
_AHEAD: Mapping[str, Mapping[str, Any]] = {
    "about-to-fall": {"within": "30d"},
    "near-next-tier": {"amount": 1_000_000},
    "newly-dormant": {"since": "30d"},
}


def build(visitor: Visitor, query: QueryParams, panels: Panels) -> None:
    """Make the page."""
    words = visitor.words
    names = _names(words)
    chosen = query.get("list", "") if query.get("list") in names else LISTS[0]
    among = {name: query.getlist(name) for name in ("owner", "tier") if query.get(name)}
    with ui.element("div").classes("grid"):
        _choice(names, chosen, among)
        panels.add(
            words.say("Of whom"),
            lambda: visitor.api.get("/v1/distributions"),
            lambda data: _filters(data, chosen, among, words),
            is_empty=lambda _: False,
            tall=False,
        )
        if chosen == _SAME:
            _add_same(visitor, query, panels)
        else:
            _add_list(visitor, query, panels, chosen, among)


def _choice(names: Mapping[str, str], chosen: str, among: Mapping[str, Any]) -> None:
    with ui.element("div").classes("full actions"):
        for name, title in names.items():
            link = marks.anchor(title, marks.page_path("/lists", list=name, **among))
            link.classes("choice")
            if name == chosen:
                link.props('aria-current="true"')


def _add_list(
    visitor: Visitor, query: QueryParams, panels: Panels, chosen: str, among: Mapping[str, Any]
) -> None:
    words, asked = visitor.words, {**_AHEAD.get(chosen, {}), **among}

    async def load() -> Any:
        if chosen == "handover" and not among.get("owner"):
            return {"customers": [], "next": None}
        path = f"/v1/work-lists/{chosen}"
        return await visitor.api.get(path, **asked, limit=_PAGE, cursor=query.get("cursor"))

    panels.add(
        _names(words)[chosen],
        load,
        lambda data: _table(chosen, data, asked, among, words),
        note=_notes(words)[chosen],
        is_empty=lambda data: not data["customers"],
    )


def _names(words: PolicyWords) -> dict[str, str]:
    return {
        "about-to-fall": words.say("About to fall"),
        "near-next-tier": words.say("Near the next tier"),
        "newly-dormant": words.say("Newly dormant"),
        "complaints": words.say("Complaints"),
        "without-owner": words.say("Without an owner"),
        "handover": words.say("Handover"),
        _SAME: words.say("The same person?"),
    }


def _notes(words: PolicyWords) -> dict[str, str]:
    return {
        "about-to-fall": words.say(
            "They fall within 30 days if nothing happens, the soonest first."
        ),
        "near-next-tier": words.say("One more order lifts them, the smallest first."),
        "newly-dormant": words.say("They reached this level within 30 days, the latest first."),
        "complaints": words.say("Open complaints; the highest revenue first."),
        "without-owner": words.say("Nobody looks after them; the highest revenue first."),
        "handover": words.say("Choose an owner: all their customers, the highest revenue first."),
    }


def _filters(
    data: dict[str, Any], chosen: str, among: Mapping[str, list[str]], words: PolicyWords
) -> None:
    kinds = (("owner", words.say("Owner")), ("tier", words.say("Tier")))
    fields = {}
    with ui.element("div").classes("filters"):
        for facet, title in kinds:
            values = [value for value in data[facet] if facet != "tier" or value != "prospect"]
            options = {each: words.tier(each) if facet == "tier" else each for each in values}
            options |= {each: each for each in among.get(facet, []) if each not in options}
            field = ui.select(options, multiple=True, value=among.get(facet, []), label=title)
            fields[facet] = field.props("outlined dense use-chips")

        def show() -> None:
            wanted = {facet: field.value for facet, field in fields.items()}
            marks.go(marks.page_path("/lists", list=chosen, **wanted))

        ui.button(words.say("Show"), on_click=show).props("unelevated no-caps")


def _table(
    chosen: str,
    data: dict[str, Any],
    asked: Mapping[str, Any],
    among: Mapping[str, Any],
    words: PolicyWords,
) -> None:
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
                marks.customer_link(row["customer_id"], row["name"]),
                row["owner"] or marks.NONE,
                tier_mark(row["tier"], words),
                marks.Number(words.money(row["spend"])),
                cell(row),
                _action(row, words),
            ]
            for row in data["customers"]
        ],
    )
    cursor = marks.cursor_of(data["next"])
    with ui.element("div").classes("actions"):
        if cursor is not None:
            following = marks.page_path("/lists", list=chosen, **among, cursor=cursor)
            marks.anchor(words.say("Next page"), following)
        marks.anchor(words.say("Export CSV"), marks.page_path(f"/files/{chosen}.csv", **asked))
        marks.anchor(words.say("Export Excel"), marks.page_path(f"/files/{chosen}.xlsx", **asked))


def _action(row: Mapping[str, Any], words: PolicyWords) -> str:
    if row["suppressed"]:
        why = words.term("suppressed", row["suppressed"])
        return words.say("not to be acted on: {reason}", reason=why)
    return words.action(row["action"]) or marks.NONE


def _reason_column(
    chosen: str, words: PolicyWords
) -> tuple[str | marks.Number, Callable[[Mapping[str, Any]], marks.CellValue]]:
    def day_of(field: str) -> Callable[[Mapping[str, Any]], marks.CellValue]:
        return lambda row: customer_table.day(row[field], words)

    if chosen == "near-next-tier":
        return marks.Number(words.say("Order needed")), lambda row: marks.Number(
            words.money(row["order_amount_needed"])
        )
    if chosen == "complaints":
        return words.say("Open"), lambda row: _complaints(row, words)
    columns = {
        "about-to-fall": (words.say("Falls on"), day_of("keeps_until")),
        "newly-dormant": (words.say("Since"), day_of("reached_at")),
    }
    return columns.get(chosen, (words.say("Last order"), day_of("last_order_at")))


def _complaints(row: Mapping[str, Any], words: PolicyWords) -> str:
    count = words.number(row["open_complaints"] or row["open_tickets"])
    return words.say("{count}, overdue", count=count) if row["overdue"] else count


def _add_same(visitor: Visitor, query: QueryParams, panels: Panels) -> None:
    words = visitor.words
    by = query.get("by") if query.get("by") in ("phone", "email", "union_id") else "phone"
    panels.add(
        words.say("The same person?"),
        lambda: visitor.api.get("/v1/same-person", by=by, cursor=query.get("cursor")),
        lambda data: _groups(data, words),
        note=words.say("They share a phone number. Nobody is merged by this list."),
        is_empty=lambda data: not data["groups"],
    )


def _groups(data: dict[str, Any], words: PolicyWords) -> None:
    marks.table(
        [
            words.say("Customers"),
            words.say("Phone"),
            words.say("E-mail"),
            words.say("Tier"),
            marks.Number(words.say("Revenue ever")),
            words.say("Last order"),
        ],
        [
            [
                marks.customer_link(row["customer_id"], row["name"]),
                row["phone"] or marks.NONE,
                row["email"] or marks.NONE,
                tier_mark(row["tier"], words),
                marks.Number(words.money(row["spend_ever"])),
                customer_table.day(row["last_order_at"], words),
            ]
            for group in data["groups"]
            for row in group["customers"]
        ],
    )
