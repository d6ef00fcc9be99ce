"""Options of ECharts for the console's charts; texts come in the reader's language already.

Tooltips are drawn as text, never as HTML, and no data is ever the name of an option.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from serving.console.palette import ACCENT, SCALE

Options = dict[str, Any]

_INK = "#7d8794"
_LINE = "rgba(125,135,148,0.22)"
_TEXT = {"color": _INK, "fontSize": 12}


class Bar(NamedTuple):
    """A bar: what it is of, its value, the value as text, and its colour."""

    name: str
    value: float
    shown: str
    colour: str = ACCENT


class Series(NamedTuple):
    """One of several rows of values over the same categories."""

    name: str
    values: Sequence[float]
    colour: str


def _base(label: str) -> Options:
    return {
        "animationDuration": 300,
        "aria": {"enabled": True, "label": {"description": label}},
        "textStyle": {"fontFamily": "inherit", "color": _INK},
        "tooltip": {"renderMode": "richText", "confine": True},
        "grid": {"left": 8, "right": 16, "top": 16, "bottom": 8, "containLabel": True},
    }


def _categories(names: Sequence[str], **more: Any) -> Options:
    return {
        "type": "category",
        "data": list(names),
        "axisTick": {"show": False},
        "axisLine": {"lineStyle": {"color": _LINE}},
        "axisLabel": {**_TEXT, "overflow": "truncate", "width": 130},
        **more,
    }


def _values(**more: Any) -> Options:
    return {
        "type": "value",
        "splitLine": {"lineStyle": {"color": _LINE}},
        "axisLabel": dict(_TEXT),
        "splitNumber": 4,
        **more,
    }


def bars(label: str, found: Sequence[Bar]) -> Options:
    """Horizontal bars, the first on top, each with its value at its end."""
    data = [
        {
            "name": bar.name,
            "value": bar.value,
            "itemStyle": {"color": bar.colour, "borderRadius": [0, 4, 4, 0]},
            "label": {"formatter": bar.shown},
        }
        for bar in found
    ]
    return _base(label) | {
        "grid": {"left": 8, "right": 84, "top": 4, "bottom": 4, "containLabel": True},
        "tooltip": {"show": False},
        "xAxis": {"type": "value", "show": False},
        "yAxis": _categories([bar.name for bar in found], inverse=True, axisLine={"show": False}),
        "series": [
            {
                "type": "bar",
                "data": data,
                "barMaxWidth": 22,
                "label": {"show": True, "position": "right", **_TEXT},
            }
        ],
    }


def columns(label: str, categories: Sequence[str], rows: Sequence[Series]) -> Options:
    """Columns over time or steps, stacked if there are several rows; values may be below zero."""
    return _base(label) | {
        "legend": {"show": len(rows) > 1, "top": 0, "textStyle": _TEXT, "itemHeight": 10},
        "grid": {
            "left": 8,
            "right": 16,
            "top": 34 if len(rows) > 1 else 12,
            "bottom": 8,
            "containLabel": True,
        },
        "tooltip": {"renderMode": "richText", "confine": True, "trigger": "axis"},
        "xAxis": _categories(categories),
        "yAxis": _values(),
        "series": [
            {
                "name": row.name,
                "type": "bar",
                "stack": "all",
                "barMaxWidth": 34,
                "data": list(row.values),
                "itemStyle": {"color": row.colour},
            }
            for row in rows
        ],
    }


def columns_and_line(label: str, categories: Sequence[str], bars_: Series, line: Series) -> Options:
    """Columns, and a line by an axis of its own on the right."""
    drawn = columns(label, categories, [bars_])
    drawn["legend"] |= {"show": True}
    drawn["grid"] |= {"top": 34}
    drawn["yAxis"] = [_values(), _values(splitLine={"show": False}, position="right")]
    drawn["series"].append(
        {
            "name": line.name,
            "type": "line",
            "yAxisIndex": 1,
            "symbolSize": 7,
            "data": list(line.values),
            "lineStyle": {"color": line.colour, "width": 2},
            "itemStyle": {"color": line.colour},
        }
    )
    return drawn


def shares(label: str, kinds: Sequence[str], rows: Sequence[Series]) -> Options:
    """One bar of a hundred percent for each kind, divided by the rows."""
    return _base(label) | {
        "legend": {"top": 0, "left": 0, "textStyle": _TEXT, "itemHeight": 10, "itemWidth": 14},
        "grid": {"left": 8, "right": 24, "top": 44, "bottom": 4, "containLabel": True},
        "tooltip": {
            "renderMode": "richText",
            "confine": True,
            "trigger": "item",
            "formatter": "{b} · {a}: {c} %",
        },
        "xAxis": _values(max=100, interval=25, axisLabel={**_TEXT, "formatter": "{value} %"}),
        "yAxis": _categories(kinds, inverse=True, axisLine={"show": False}),
        "series": [
            {
                "name": row.name,
                "type": "bar",
                "stack": "all",
                "barMaxWidth": 38,
                "data": list(row.values),
                "itemStyle": {"color": row.colour},
            }
            for row in rows
        ],
    }


class Cell(NamedTuple):
    """A cell of the grid: its place from the left and from below, its value, and its text."""

    x: int
    y: int
    value: float
    shown: str


def heat_map(
    label: str, columns_: Sequence[str], rows: Sequence[str], cells: Sequence[Cell]
) -> Options:
    """A grid coloured by value; each cell has its text, on a ground that lets it be read."""
    most = max((cell.value for cell in cells), default=0) or 1
    data = [
        {
            "value": [cell.x, cell.y, cell.value],
            "label": {
                "formatter": cell.shown,
                "color": "#ffffff" if cell.value > 0.45 * most else "#1b2330",
            },
        }
        for cell in cells
    ]
    return _base(label) | {
        "tooltip": {"show": False},
        "grid": {"left": 8, "right": 8, "top": 8, "bottom": 8, "containLabel": True},
        "xAxis": _categories(columns_, splitArea={"show": False}),
        "yAxis": _categories(rows),
        "visualMap": {
            "show": False,
            "min": 0,
            "max": most,
            "dimension": 2,
            "inRange": {"color": list(SCALE)},
        },
        "series": [
            {
                "type": "heatmap",
                "data": data,
                "label": {"show": True, "fontSize": 12, "lineHeight": 16},
                "itemStyle": {
                    "borderColor": "rgba(125,135,148,0.35)",
                    "borderWidth": 2,
                    "borderRadius": 6,
                },
            }
        ],
    }


class Flow(NamedTuple):
    """How much goes from one node to another."""

    source: str
    target: str
    value: float


def flow(label: str, nodes: Mapping[str, str], flows: Sequence[Flow]) -> Options:
    """A flow between nodes, each with its colour."""
    return _base(label) | {
        "tooltip": {"renderMode": "richText", "confine": True, "trigger": "item"},
        "series": [
            {
                "type": "sankey",
                "left": 8,
                "right": 110,
                "top": 10,
                "bottom": 10,
                "draggable": False,
                "layoutIterations": 0,  # nodes stay in the order of the tiers
                "nodeGap": 14,
                "data": [
                    {"name": name, "itemStyle": {"color": colour}} for name, colour in nodes.items()
                ],
                "links": [each._asdict() for each in flows],
                "lineStyle": {"color": "gradient", "opacity": 0.35},
                "label": _TEXT,
            }
        ],
    }
