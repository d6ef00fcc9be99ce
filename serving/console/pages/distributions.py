"""Every axis of the customers, of all or of a tier, stage or segment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from nicegui import ui
from starlette.datastructures import QueryParams

from serving.console import charts, marks
from serving.console.known_policy import PolicyWords
from serving.console.names import attribute_name, share, value_name
from serving.console.palette import ACCENT, LEVELS, STAGES
from serving.console.panel import Panels
from serving.console.visitor import Visitor

_FILTERS = ("tier", "stage", "segment")
_BARS_MAX = 12
_STEPS = ("orders", "mean_order", "score", "health", "csat", "nps", "first_order", "last_order")


class _Axis(NamedTuple):
    title: str
    axis: str
    prefix: str = ""


def build(visitor: Visitor, query: QueryParams, panels: Panels) -> None:
    """Make the page."""
    words = visitor.words
    among = {name: query[name] for name in _FILTERS if query.get(name)}
    with ui.element("div").classes("grid"):
        panels.add(
            words.say("Of whom"),
            lambda: visitor.api.get("/v1/distributions"),
            lambda data: _filters(data, among, words),
            is_empty=lambda _: False,
            tall=False,
        )
        for axis in _axes(words):
            _add(visitor, panels, axis, among)
        for title, path, draw in (
            (words.say("Buying and coming back, by tier"), "/v1/rates", _rates),
            (words.say("Satisfaction by tier"), "/v1/satisfaction", _satisfaction),
        ):
            _add_table(visitor, panels, title, path, draw)
        panels.add(
            words.say("What is known of customers"),
            lambda: visitor.api.get("/v1/completeness", **among),
            lambda data: _completeness(data, words),
            width="half",
            is_empty=lambda data: not data["customers"],
        )


def _axes(words: PolicyWords) -> list[_Axis]:
    return [
        _Axis(words.say("Stage"), "stage"),
        _Axis(words.say("Segment"), "segment"),
        _Axis(words.say("Orders in the window"), "orders"),
        _Axis(words.say("Mean order from"), "mean_order"),
        _Axis(words.say("Score"), "score"),
        _Axis(words.say("Age"), "tag", "age:"),
        _Axis(words.say("Gender"), "gender"),
        _Axis(words.say("Region"), "region"),
        _Axis(words.say("City tier"), "city_tier"),
        _Axis(words.say("Occupation"), "occupation"),
        _Axis(words.say("Interests"), "tag", "interest:"),
        _Axis(words.say("Channel"), "tag", "channel:"),
        _Axis(words.say("Hour of the day"), "tag", "hour:"),
        _Axis(words.say("All tags"), "tag"),
        _Axis(words.say("CSAT"), "csat"),
        _Axis(words.say("NPS"), "nps"),
        _Axis(words.say("Health"), "health"),
        _Axis(words.say("Why they left"), "churn_answer"),
        _Axis(words.say("Last order"), "last_order"),
        _Axis(words.say("Agreed channels"), "consented_channel"),
    ]


def _add(visitor: Visitor, panels: Panels, axis: _Axis, among: Mapping[str, str]) -> None:
    panels.add(
        axis.title,
        lambda: visitor.api.get("/v1/distribution", axis=axis.axis, prefix=axis.prefix, **among),
        lambda data: _bars(axis, data, visitor.words),
        width="third",
        is_empty=lambda data: not data["values"],
        tall=False,
    )


def _bars(axis: _Axis, data: dict[str, Any], words: PolicyWords) -> None:
    found = _ordered(axis.axis, data["values"])
    total = data["customers"] or 1
    shown = [
        charts.Bar(
            value_name(axis.axis, value, words),
            count,
            f"{words.number(count)} · {words.percent(count / total, 1)}",
            (STAGES | LEVELS).get(value, ACCENT),
        )
        for value, count in found[:_BARS_MAX]
    ]
    drawn = marks.chart(charts.bars(axis.title, shown), "bars")
    drawn.style(f"height: {26 * len(shown) + 16}px")
    rest = sum(count for _, count in found[_BARS_MAX:])
    notes = []
    if rest:
        notes.append(words.say("{count} with other values", count=words.number(rest)))
    if data["without"]:
        notes.append(words.say("{count} without a value", count=words.number(data["without"])))
    if notes:
        ui.label(words.listed(notes)).classes("note after")


def _ordered(axis: str, values: Mapping[str, int]) -> list[tuple[str, int]]:
    """In the order of the steps where the axis has steps, else the most first."""
    if axis not in _STEPS:
        return list(values.items())
    return sorted(values.items(), key=lambda each: (_start(each[0]), each[0]))


def _start(value: str) -> float:
    digits = value.rstrip("+").partition("-")[0]
    return float(digits) if digits.replace(".", "", 1).isdigit() else 0.0


def _filters(data: dict[str, Any], among: Mapping[str, str], words: PolicyWords) -> None:
    titles = {
        "tier": words.say("Tier"),
        "stage": words.say("Stage"),
        "segment": words.say("Segment"),
    }
    with ui.element("div").classes("actions"):
        everyone = marks.anchor(words.say("All customers"), marks.page_path("/distributions"))
        everyone.classes("choice")
        if not among:
            everyone.props('aria-current="true"')
        for facet, title in titles.items():
            ui.label(title).classes("note")
            for value in data[facet]:
                name = value_name(facet, value, words)
                link = marks.anchor(name, marks.page_path("/distributions", **{facet: value}))
                link.classes("choice")
                if among.get(facet) == value:
                    link.props('aria-current="true"')


def _add_table(visitor: Visitor, panels: Panels, title: str, path: str, draw: Any) -> None:
    panels.add(
        title,
        lambda: visitor.api.get(path),
        lambda data: draw([data["total"], *data["rows"]], visitor.words),
        width="half",
        is_empty=lambda data: not data["total"]["customers"],
        tall=False,
    )


def _group(row: Mapping[str, Any], words: PolicyWords) -> str:
    value = row["value"]
    return words.say("All customers") if value is None else value_name("tier", value, words)


def _rates(rows: list[dict[str, Any]], words: PolicyWords) -> None:
    heads = (words.say("Customers"), words.say("Have bought"), words.say("Bought again"))
    marks.table(
        ["", *map(marks.Number, heads)],
        [
            [
                _group(row, words),
                marks.Number(words.number(row["customers"])),
                marks.Number(share(row["conversion"], words)),
                marks.Number(share(row["repeat_rate"], words)),
            ]
            for row in rows
        ],
    )


def _satisfaction(rows: list[dict[str, Any]], words: PolicyWords) -> None:
    heads = (words.say("CSAT"), words.say("Answers"), words.say("NPS"), words.say("Answers"))
    marks.table(
        ["", *map(marks.Number, heads)],
        [
            [
                _group(row, words),
                marks.Number(_number(row["csat"]["mean"], words)),
                marks.Number(words.number(row["csat"]["answers"])),
                marks.Number(_number(row["nps"]["score"], words)),
                marks.Number(words.number(row["nps"]["answers"])),
            ]
            for row in rows
        ],
    )


def _completeness(data: dict[str, Any], words: PolicyWords) -> None:
    mean = words.number(data["mean_known"] or 0)
    ui.label(words.say("{count} of 9 attributes on average", count=mean)).classes("note")
    marks.table(
        [
            words.say("Attribute"),
            marks.Number(words.say("Known of")),
            marks.Number(words.say("Share")),
        ],
        [
            [
                attribute_name(each["name"], words),
                marks.Number(words.number(each["customers"])),
                marks.Number(share(each["share"], words)),
            ]
            for each in data["attributes"]
        ],
    )


def _number(found: float | None, words: PolicyWords) -> str:
    return marks.NONE if found is None else words.number(found)
