"""An explanation of the API as tables."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from serving.console import marks
from serving.console.known_policy import PolicyWords


def draw_explanation(why: dict[str, Any], words: PolicyWords) -> None:
    """Why the tier is what it is, what happens next by itself, and the orders that count."""
    _conditions(why["tier"], words)
    _due(why, words)
    _orders(why["orders"], words)


def _title(text: str) -> None:
    with ui.element("h3").classes("part"):
        ui.label(text)


def _conditions(tier: dict[str, Any], words: PolicyWords) -> None:
    for title, held in (
        (words.say("This tier"), tier["current"]),
        (words.say("The tier above"), tier["above"]),
    ):
        if held is None:
            continue
        _title(f"{title}: {words.tier(held['name'])}")
        if not held["conditions"]:
            ui.label(words.say("For everyone with a counted order."))
            continue
        marks.table(
            [
                words.say("Condition"),
                marks.Number(words.say("Required")),
                marks.Number(words.say("Found")),
                "",
            ],
            [_condition(each, words) for each in held["conditions"]],
        )


def _condition(found: dict[str, Any], words: PolicyWords) -> list[marks.CellValue]:
    return [
        words.term("measure", found["measure"]),
        marks.Number(_bound(found, words)),
        marks.Number(_value(found["found"], words)),
        words.say("holds") if found["holds"] else words.say("does not hold"),
    ]


def _bound(found: dict[str, Any], words: PolicyWords) -> str:
    required = found["required"]
    if isinstance(required, list):
        return words.listed(required)
    if required is None:
        return marks.NONE
    sign = {"at_least": "≥", "at_most": "≤"}.get(found["comparison"], "")
    return f"{sign} {_value(required, words)}".strip()


def _value(found: Any, words: PolicyWords) -> str:
    if found is None:
        return marks.NONE
    return words.number(found) if isinstance(found, int) else str(found)


def _due(why: dict[str, Any], words: PolicyWords) -> None:
    coming: list[tuple[str, str]] = []
    if why["due"]:
        at, kinds = why["due"]["at"], _due_kinds(words)
        coming = [(at, kinds.get(each["kind"], each["kind"])) for each in why["due"]["reasons"]]
    reminders = _reminder_kinds(words)
    coming += [
        (each["at"], reminders.get(each["kind"], each["kind"])) for each in why["reminders"] or ()
    ]
    if coming:
        _title(words.say("What comes next by itself"))
        marks.table(
            [words.say("When"), words.say("What")],
            [[words.moment(at), what] for at, what in sorted(coming)],
        )


def _due_kinds(words: PolicyWords) -> dict[str, str]:
    return {
        "order_leaves": words.say("an order leaves the window"),
        "merged_leave": words.say("older orders leave the window"),
        "recency_passes": words.say("the last order counts as older"),
        "grace_ends": words.say("the grace of the tier ends"),
        "hold_ends": words.say("the hold after the last rise ends"),
        "override_ends": words.say("the tier by hand ends"),
        "approval_ends": words.say("the wait for approval ends"),
        "level": words.say("the next level of silence"),
        "reminder": words.say("a reminder"),
        "points_expire": words.say("points expire"),
        "tags_change": words.say("a tag changes"),
    }


def _reminder_kinds(words: PolicyWords) -> dict[str, str]:
    return {
        "birthday": words.term("output", "birthday.upcoming"),
        "anniversary": words.term("output", "anniversary.upcoming"),
        "holiday": words.term("output", "holiday.upcoming"),
        "checkin": words.term("output", "checkin.due"),
        "profile_refresh": words.term("output", "profile.refresh_due"),
        "tier_expiring": words.term("output", "tier.expiring"),
        "points_expiring": words.term("output", "points.expiring"),
        "survey": words.term("output", "survey.due"),
        "followup": words.term("output", "followup.due"),
        "visit": words.term("output", "visit.due"),
        "ticket": words.term("output", "ticket.overdue"),
        "retention": words.term("output", "retention.due"),
    }


def _orders(orders: dict[str, Any], words: PolicyWords) -> None:
    if not orders["in_window"]:
        return
    _title(words.say("Orders in the window"))
    currency = orders["currency"]
    marks.table(
        [
            words.say("Order"),
            words.say("Placed"),
            marks.Number(words.say("Amount")),
            marks.Number(words.say("Refunded")),
            words.say("Counts until"),
        ],
        [
            [
                order["order_id"],
                words.moment(order["placed_at"]),
                marks.Number(words.money(order["amount"], currency)),
                marks.Number(words.money(order["refunded"], currency)),
                words.date(order["leaves_at"]),
            ]
            for order in reversed(orders["in_window"])
        ],
    )
