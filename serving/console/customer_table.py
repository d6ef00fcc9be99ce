"""Customers as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serving.console import marks
from serving.console.known_policy import PolicyWords
from serving.console.names import tier_mark, value_name
from serving.console.palette import LEVELS, STAGES


def draw(profiles: Sequence[Mapping[str, Any]], words: PolicyWords) -> None:
    """The table of a page; each customer leads to their own page."""
    marks.table(
        [
            words.say("Customer"),
            words.say("Tier"),
            words.say("Stage"),
            words.say("Segment"),
            marks.Number(words.say("Revenue")),
            marks.Number(words.say("Orders")),
            marks.Number(words.say("Score")),
            marks.Number(words.say("Health")),
            words.say("Keeps the tier until"),
            words.say("Last order"),
        ],
        [_row(profile, words) for profile in profiles],
    )


def _row(profile: Mapping[str, Any], words: PolicyWords) -> list[marks.CellValue]:
    stage = profile["stage"]
    return [
        marks.customer_link(profile["customer_id"], profile["attributes"].get("name")),
        tier_mark(profile["tier"], words),
        marks.Named(words.term("stage", stage), STAGES.get(stage, LEVELS["active"])),
        value_name("segment", profile["segment"], words),
        marks.Number(words.money(profile["monetary"])),
        marks.Number(words.number(profile["frequency"])),
        marks.Number(_number(profile["score"], words)),
        marks.Number(_number((profile.get("health") or {}).get("score"), words)),
        day(profile["keeps_until"], words),
        day(profile["last_order_at"], words),
    ]


def _number(value: float | None, words: PolicyWords) -> str:
    return marks.NONE if value is None else words.number(value)


def day(instant: str | None, words: PolicyWords) -> str:
    """The date of an instant, in UTC."""
    return marks.NONE if instant is None else words.date(instant)
