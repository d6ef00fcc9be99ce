"""Customers as a table, on pages and in files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from serving.console import marks
from serving.console.client import ApiClient
from serving.console.known_policy import PolicyWords
from serving.console.names import tier_mark, value_name
from serving.console.palette import LEVELS, STAGES

_PAGE = 200
ROWS_MAX = 100_000
"""The most customers of a file."""

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


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


async def csv_lines(
    api: ApiClient, search: Mapping[str, Any], words: PolicyWords
) -> AsyncIterator[str]:
    """The customers of a search as CSV, page by page; values as the API has them.

    Raises:
        ApiProblem: the API refuses.
    """
    yield "\N{BYTE ORDER MARK}" + _line(list(_columns(words)))
    cursor, rows = None, 0
    while rows < ROWS_MAX:
        page = await api.get("/v1/customers", **search, limit=_PAGE, cursor=cursor)
        for profile in page["customers"]:
            yield _line([get(profile) for get in _columns(words).values()])
        rows += len(page["customers"])
        cursor = marks.cursor_of(page["next"])
        if cursor is None:
            return


def _columns(words: PolicyWords) -> dict[str, Any]:
    def plain(name: str) -> Any:
        return lambda profile: profile.get(name)

    return {
        words.say("Customer"): plain("customer_id"),
        words.say("Name"): lambda profile: profile["attributes"].get("name"),
        words.say("Tier"): plain("tier"),
        words.say("Stage"): plain("stage"),
        words.say("Segment"): plain("segment"),
        words.say("Level"): plain("level"),
        words.say("Owner"): plain("owner"),
        words.say("Revenue"): plain("monetary"),
        words.say("Orders"): plain("frequency"),
        words.say("Revenue ever"): plain("spend_ever"),
        words.say("Score"): plain("score"),
        words.say("Health"): lambda profile: (profile.get("health") or {}).get("score"),
        words.say("Keeps the tier until"): plain("keeps_until"),
        words.say("Last order"): plain("last_order_at"),
        words.say("Tags"): lambda profile: " ".join(
            tag["tag"] for tag in profile.get("tags") or ()
        ),
    }


def _line(values: Sequence[Any]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow([_harmless(value) for value in values])
    return written.getvalue()


def _harmless(value: Any) -> str:
    """A value that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    risky = text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text)
    return f"'{text}" if risky else text
