"""The policy in force: its tiers, levels and cut-offs, and who moved because of new versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
from nicegui import ui
from starlette.datastructures import QueryParams

from scoring.policy import Policy, Tier
from scoring.rules import MONEY
from serving.console import marks
from serving.console.known_policy import PolicyWords
from serving.console.moves import last_day, moves
from serving.console.names import tier_mark, value_name
from serving.console.panel import Panels
from serving.console.visitor import Visitor
from words.naming import label_of

_DAYS = 365


def build(visitor: Visitor, query: QueryParams, panels: Panels) -> None:
    """Make the page."""
    del query
    words = visitor.words

    async def load() -> Policy:
        return msgspec.convert(await visitor.api.get("/v1/policy"), Policy)

    parts = (
        (words.say("In words"), _in_words, "full"),
        (words.say("Tiers"), _tiers, "full"),
        (words.say("Digits of R, F and M"), _digits, "half"),
        (words.say("Levels of silence"), _levels, "half"),
    )
    with ui.element("div").classes("grid"):
        for title, draw, width in parts:
            _add(panels, title, load, draw, width, words)
        panels.add(
            words.say("Who moved because of a new policy"),
            lambda: _history(visitor),
            lambda data: _moved(data, words),
            is_empty=lambda data: not data,
            note=words.say("In the last 365 days, by day."),
            tall=False,
        )


def _add(panels: Panels, title: str, load: Any, draw: Any, width: str, words: PolicyWords) -> None:
    panels.add(title, load, lambda policy: draw(policy, words), width=width, tall=False)


def _in_words(policy: Policy, words: PolicyWords) -> None:
    counted = {"placed": words.say("when it is placed"), "paid": words.say("when it is paid")}
    marks.facts(
        [
            (words.say("Version"), policy.version),
            (words.say("Business days of"), policy.timezone),
            (words.say("Currency"), policy.currency),
            (
                words.say("Window"),
                words.plural("{count} day", "{count} days", policy.window_days),
            ),
            (words.say("An order counts"), counted[policy.count_orders]),
            (
                words.say("Loyal from"),
                words.plural("{count} order", "{count} orders", policy.loyal_min_orders),
            ),
            (
                words.say("Grace before a fall"),
                words.plural("{count} day", "{count} days", policy.movement.grace_days),
            ),
            (
                words.say("A fall goes"),
                words.say("one tier at a time")
                if policy.movement.soft_landing
                else words.say("to the tier that fits"),
            ),
        ]
    )


def _tiers(policy: Policy, words: PolicyWords) -> None:
    marks.table(
        [
            words.say("Tier"),
            words.say("Called"),
            words.say("Conditions, all of them"),
            words.say("Action on the way up"),
            words.say("Action on the way down"),
        ],
        [
            [
                tier_mark(tier.name, words),
                label_of(tier.label, words) or marks.NONE,
                words.listed(list(_conditions(tier, words)))
                or words.say("For everyone with a counted order."),
                words.action(tier.action) or marks.NONE,
                words.action(tier.action_down or tier.action) or marks.NONE,
            ]
            for tier in policy.tiers
        ],
    )


def _conditions(tier: Tier, words: PolicyWords) -> Iterator[str]:
    """Each condition of a tier, such as `score ≥ 70`."""
    for name, bound in msgspec.structs.asdict(tier).items():
        sign, _, measure = name.partition("_")
        if sign in ("min", "max") and bound is not None and not isinstance(bound, dict):
            shown = words.money(bound) if measure in MONEY else words.number(int(bound))
            called = words.term("measure", measure)
            yield f"{called} {'≥' if sign == 'min' else '≤'} {shown}"
    for dimension, least in tier.min_dimensions.items():
        yield f"{dimension} ≥ {words.number(least)}"
    for attribute in tier.attributes:
        yield words.say("a condition on {attribute}", attribute=attribute)


def _digits(policy: Policy, words: PolicyWords) -> None:
    cutoffs, weights = policy.cutoffs, policy.weights
    rows: list[list[marks.CellValue]] = []
    for name, bounds, weight in (
        ("recency_days", [words.number(days) for days in cutoffs.recency_days], weights.recency),
        ("frequency", [words.number(orders) for orders in cutoffs.frequency], weights.frequency),
        ("monetary", [words.money(value) for value in cutoffs.monetary], weights.monetary),
    ):
        rows.append([words.term("measure", name), " · ".join(bounds), marks.Number(str(weight))])
    marks.table(
        [words.say("Measure"), words.say("Cut-offs"), marks.Number(words.say("Weight"))], rows
    )


def _levels(policy: Policy, words: PolicyWords) -> None:
    found, actions = policy.dormancy, policy.dormancy.actions
    ui.label(words.term("basis", found.mode)).classes("note")
    marks.table(
        [words.say("Level"), marks.Number(words.say("After days")), words.say("Action")],
        [
            [
                value_name("level", level, words),
                marks.Number(words.number(days)),
                words.action(action) or marks.NONE,
            ]
            for level, days, action in (
                ("at_risk", found.at_risk_days, actions.at_risk),
                ("dormant", found.dormant_days, actions.dormant),
                ("churned", found.churned_days, actions.churned),
            )
        ],
    )


async def _history(visitor: Visitor) -> list[tuple[str, dict[str, Any]]]:
    """The moves that a policy alone made, with their day, the newest first."""
    last = await last_day(visitor)
    found = await moves(visitor, last - timedelta(days=_DAYS - 1), last)
    return [
        (day["day"], move)
        for day in reversed(found["days"])
        for move in day["moves"]
        if move["reason"] == "policy"
    ]


def _moved(found: list[tuple[str, dict[str, Any]]], words: PolicyWords) -> None:
    marks.table(
        [
            words.say("Day"),
            words.say("Tier before"),
            words.say("Tier after"),
            marks.Number(words.say("Customers")),
        ],
        [
            [
                words.date(day),
                tier_mark(move["previous_tier"], words),
                tier_mark(move["tier"], words),
                marks.Number(words.number(move["count"])),
            ]
            for day, move in found
        ],
    )
