"""Customers found by filters, sorted, page by page, and as a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement
from starlette.datastructures import QueryParams

from serving.console import customer_table, marks
from serving.console.known_policy import PolicyWords
from serving.console.names import value_name
from serving.console.panel import Panels
from serving.console.search import DEFAULT_ORDER, SEVERAL, search_of
from serving.console.visitor import Visitor

_PAGE = 50
_CHOICES = ("tier", "stage", "segment", "level", "owner", "tag")
_BOUNDS = ("spend_min", "spend_max", "health_min", "health_max")


def build(visitor: Visitor, query: QueryParams, panels: Panels) -> None:
    """Make the page."""
    words, search = visitor.words, search_of(query)
    with ui.element("div").classes("grid"):
        panels.add(
            words.say("Find"),
            lambda: visitor.api.get("/v1/distributions"),
            lambda data: _filters(data, query, words),
            is_empty=lambda _: False,
            tall=False,
        )
        panels.add(
            words.say("Customers"),
            lambda: _found(visitor, search, query.get("cursor")),
            lambda data: _results(data, search, words),
            note=_note(search, words),
            is_empty=lambda data: not data["customers"],
        )


async def _found(visitor: Visitor, search: Mapping[str, Any], cursor: str | None) -> Any:
    return await visitor.api.get("/v1/customers", **search, limit=_PAGE, cursor=cursor)


def _results(data: dict[str, Any], search: Mapping[str, Any], words: PolicyWords) -> None:
    customer_table.draw(data["customers"], words)
    cursor = marks.cursor_of(data["next"])
    with ui.element("div").classes("actions"):
        if cursor is not None:
            marks.anchor(
                words.say("Next page"), marks.page_path("/customers", **search, cursor=cursor)
            )
        for title, kind in ((words.say("Export CSV"), "csv"), (words.say("Export Excel"), "xlsx")):
            marks.anchor(title, marks.page_path(f"/files/customers.{kind}", **search))


def _note(search: Mapping[str, Any], words: PolicyWords) -> str:
    """The filters that hold, in words."""
    parts = [
        f"{filter_names(words)[name]}: "
        + words.listed([value_name(name, value, words) for value in search[name]])
        for name in SEVERAL
        if name in search
    ]
    return " · ".join(parts)


def filter_names(words: PolicyWords) -> dict[str, str]:
    """What filters are called."""
    return {
        "tier": words.say("Tier"),
        "stage": words.say("Stage"),
        "segment": words.say("Segment"),
        "level": words.say("Level"),
        "owner": words.say("Owner"),
        "tag": words.say("Tag"),
        "rf": words.say("R and F"),
        "churn_answer": words.say("Why they left"),
        "spend_min": words.say("Revenue from"),
        "spend_max": words.say("Revenue to"),
        "health_min": words.say("Health from"),
        "health_max": words.say("Health to"),
    }


def _orders(words: PolicyWords) -> dict[str, str]:
    return {
        "-spend": words.say("Highest revenue"),
        "spend": words.say("Lowest revenue"),
        "-score": words.say("Highest score"),
        "score": words.say("Lowest score"),
        "-health": words.say("Best health"),
        "health": words.say("Worst health"),
        "next_fall": words.say("Falls soonest"),
        "needed": words.say("Nearest to the next tier"),
    }


def _filters(data: dict[str, Any], query: QueryParams, words: PolicyWords) -> None:
    names = filter_names(words)
    chosen: dict[str, ValueElement[Any]] = {}
    with ui.element("div").classes("filters"):
        for facet in _CHOICES:
            if data[facet]:
                options = {value: value_name(facet, value, words) for value in data[facet]}
                options |= {value: value for value in query.getlist(facet) if value not in options}
                chosen[facet] = ui.select(
                    options,
                    multiple=True,
                    value=query.getlist(facet),
                    label=names[facet],
                    with_input=len(options) > 12,
                ).props("outlined dense use-chips")
        for bound in _BOUNDS:
            field = ui.number(names[bound], value=_number(query.get(bound)))
            chosen[bound] = field.props("outlined dense").classes("bound")
        orders = _orders(words)
        order = query.get("order") or DEFAULT_ORDER
        chosen["order"] = ui.select(
            orders, value=order if order in orders else DEFAULT_ORDER, label=words.say("Sorted by")
        ).props("outlined dense")
        customer = ui.input(words.say("Customer id")).props("outlined dense")

        def find() -> None:
            if customer.value:
                marks.go(marks.page_path("/customer", id=customer.value.strip()))
                return
            wanted = {name: field.value for name, field in chosen.items()}
            marks.go(marks.page_path("/customers", **wanted, rf=query.getlist("rf")))

        customer.on("keydown.enter", find)
        ui.button(words.say("Find"), on_click=find).props("unelevated no-caps")
        marks.anchor(words.say("Clear"), marks.page_path("/customers"))


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
