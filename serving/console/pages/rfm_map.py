"""The recency-frequency grid with its segments; a click lists the customers of a cell."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from functools import lru_cache
from typing import Any

from nicegui import ui
from starlette.datastructures import QueryParams

from scoring.rfm import SEGMENTS
from serving.console import charts, marks
from serving.console.known_policy import PolicyWords
from serving.console.names import share, value_name
from serving.console.panel import Panels
from serving.console.visitor import Visitor

_DIGITS = (1, 2, 3, 4, 5)


def build(visitor: Visitor, query: QueryParams, panels: Panels) -> None:
    """Make the page."""
    words = visitor.words
    by = "spend" if query.get("by") == "spend" else "customers"
    with ui.element("div").classes("grid"):
        _choice(by, words)
        panels.add(
            words.say("Customers by recency and frequency"),
            lambda: visitor.api.get("/v1/rfm-grid"),
            lambda data: _grid(data, by, words),
            note=words.say("A click on a cell lists its customers."),
            width="two-thirds",
            is_empty=lambda data: not any(cell["customers"] for cell in data["cells"]),
        )
        panels.add(
            words.say("By segment"),
            lambda: visitor.api.get("/v1/figures", by="segment"),
            lambda data: _segments(data["rows"], by, words),
            width="third",
            is_empty=lambda data: not data["rows"],
        )


def _choice(by: str, words: PolicyWords) -> None:
    kinds = {"customers": words.say("Customers"), "spend": words.say("Revenue")}
    with ui.element("div").classes("full actions"):
        ui.label(words.say("Coloured by"))
        for kind, name in kinds.items():
            link = marks.anchor(name, marks.page_path("/map", by=kind)).classes("choice")
            if kind == by:
                link.props('aria-current="true"')


def _grid(data: dict[str, Any], by: str, words: PolicyWords) -> None:
    cells = [
        charts.Cell(cell["f"] - 1, cell["r"] - 1, float(cell[by]), _cell_text(cell, by, words))
        for cell in data["cells"]
    ]
    drawn = charts.heat_map(
        words.say("Customers by recency and frequency"),
        [_digit("F", digit, words) for digit in _DIGITS],
        [_digit("R", digit, words) for digit in _DIGITS],
        cells,
    )

    def open_cell(point: dict[str, Any]) -> None:
        x, y, _ = point["value"]
        marks.go(marks.page_path("/customers", rf=f"{y + 1}{x + 1}"))

    marks.chart(drawn, "high", open_cell)
    with ui.element("div").classes("actions cells"):
        ui.label(words.say("Cells with customers:"))
        for cell in data["cells"]:
            if cell["customers"]:
                digits = f"{cell['r']}{cell['f']}"
                name = f"R{cell['r']} F{cell['f']}"
                marks.anchor(name, marks.page_path("/customers", rf=digits))


def _digit(letter: str, digit: int, words: PolicyWords) -> str:
    ends = {
        ("R", 1): words.say("R 1 · long ago"),
        ("R", 5): words.say("R 5 · just now"),
        ("F", 1): words.say("F 1 · seldom"),
        ("F", 5): words.say("F 5 · often"),
    }
    return ends.get((letter, digit), f"{letter} {digit}")


def _cell_text(cell: dict[str, Any], by: str, words: PolicyWords) -> str:
    segment = words.term("segment", _usual_segment(cell["r"], cell["f"]))
    if not cell["customers"]:
        return segment
    value = cell[by]
    shown = words.number(value) if by == "customers" else words.compact(Decimal(value))
    return f"{segment}\n{shown} · {share(cell[f'{by}_share'], words)}"


@lru_cache
def _usual_segment(r: int, f: int) -> str:
    """The segment of most values of M in a cell."""
    found = Counter(SEGMENTS[100 * r + 10 * f + m] for m in _DIGITS)
    return found.most_common(1)[0][0]


def _segments(rows: list[dict[str, Any]], by: str, words: PolicyWords) -> None:
    rows = sorted(rows, key=lambda row: -Decimal(row[by]))
    shown = words.number if by == "customers" else words.money
    kind = words.say("Customers") if by == "customers" else words.say("Revenue")
    marks.table(
        [words.say("Segment"), marks.Number(kind), marks.Number(words.say("Share"))],
        [
            [
                marks.Link(
                    value_name("segment", row["value"], words),
                    marks.page_path("/customers", segment=row["value"]),
                ),
                marks.Number(shown(row[by])),
                marks.Number(share(row[f"{by}_share"], words)),
            ]
            for row in rows
        ],
    )
