"""Small pieces of pages: tiles, tables, links to customers, values in their colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from nicegui import ui
from nicegui.events import EChartPointClickEventArguments

from serving.console.charts import Options
from serving.console.visitor import BASE

NONE = "\N{EN DASH}"
"""Stands where there is no value."""


class Tile(NamedTuple):
    """A figure with its name, and a line below."""

    what: str
    figure: str
    more: str = ""


class Named(NamedTuple):
    """A value with the colour that it has everywhere."""

    text: str
    colour: str


class Link(NamedTuple):
    """A text that leads somewhere."""

    text: str
    target: str


class Number(NamedTuple):
    """A number as text, set to the right."""

    text: str


CellValue = str | Named | Link | Number


def tiles(found: Iterable[Tile]) -> None:
    """Figures side by side."""
    with ui.element("div").classes("tiles"):
        for tile in found:
            with ui.element("div").classes("tile"):
                ui.label(tile.what).classes("what")
                ui.label(tile.figure).classes("figure")
                if tile.more:
                    ui.label(tile.more).classes("more")


def table(head: Sequence[str | Number], rows: Iterable[Sequence[CellValue]]) -> None:
    """A table; a column whose head is a `Number` is set to the right."""
    with (
        ui.element("div").classes("scroll").props("tabindex=0"),
        ui.element("table").classes("plain"),
    ):
        with ui.element("thead"), ui.element("tr"):
            for cell in head:
                _cell("th", cell)
        with ui.element("tbody"):
            for row in rows:
                with ui.element("tr"):
                    for value in row:
                        _cell("td", value)


def _cell(kind: str, value: CellValue) -> None:
    with ui.element(kind) as cell:
        if isinstance(value, Number):
            cell.classes("number")
            ui.label(value.text)
        elif isinstance(value, Named):
            named(value)
        elif isinstance(value, Link):
            anchor(value.text, value.target)
        else:
            ui.label(value)


def named(value: Named) -> None:
    """A value behind a dot in its colour."""
    with ui.element("span").classes("named"):
        ui.element("span").classes("dot").style(f"background:{value.colour}")
        ui.label(value.text)


def facts(found: Iterable[tuple[str, CellValue]]) -> None:
    """Names and values, one pair a line."""
    with ui.element("div").classes("facts"):
        for what, value in found:
            ui.label(what).classes("what")
            _cell("div", value)


def chart(options: Options, height: str = "", on_click: Any = None) -> ui.echart:
    """A chart; `on_click` is called with the data of the point."""

    def clicked(event: EChartPointClickEventArguments) -> None:
        on_click(event.data)

    drawn = ui.echart(options, on_point_click=clicked if on_click else None)
    drawn.classes(f"chart {height}").props('role="img"')
    drawn.props["aria-label"] = options["aria"]["label"]["description"]
    return drawn


def customer_link(customer_id: str, name: str | None = None) -> Link:
    """To a customer's page, by their name where it is known."""
    text = f"{name} · {customer_id}" if name else customer_id
    return Link(text, page_path("/customer", id=customer_id))


def cursor_of(following: str | None) -> str | None:
    """The cursor in the path of a following page of the API."""
    if following is None:
        return None
    return parse_qs(urlsplit(following).query)["cursor"][0]


def anchor(text: str, target: str) -> ui.element:
    """A link to a path of this site.

    That of the framework puts the path of the console before it, but only some time after it was
    drawn.
    """
    with ui.element("a") as drawn:
        ui.label(text)
    drawn.props["href"] = target
    return drawn


def go(target: str) -> None:
    """Lead the visitor to a page; the framework adds the path of the console by itself."""
    ui.navigate.to(target.removeprefix(BASE))


def page_path(path: str, **query: Any) -> str:
    """The path of a page with its query."""
    given = {name: value for name, value in query.items() if value not in (None, "", [])}
    return f"{BASE}{path}" + (f"?{urlencode(given, doseq=True)}" if given else "")
