"""The optional section `[care]` of a policy."""

from __future__ import annotations

from typing import Any

from config.policy_service import read_hours, read_tickets, read_visits
from config.policy_surveys import read_surveys
from config.tier_names import listed_tiers, tier_keys
from config.toml_table import TomlTable
from scoring.care.dates import is_month_and_day
from scoring.care.lunar import LAST_DAY
from scoring.policy import CarePolicy, Holiday, Occasion, Refresh, Silence, Tier
from scoring.rules import PROSPECT
from scoring.timestamps import parse_date

MAX_HOLIDAYS = 64
MAX_DATES = 64
MAX_DAYS_AHEAD = 180
_MOST_DAYS = 36_500
_DEFAULT_DAYS_AHEAD = 7


def read_care(root: TomlTable, tiers: tuple[Tier, ...], window_days: int) -> CarePolicy | None:
    """Of what to remind, and when; None without the section."""
    table = root.optional_table("care")
    if table is None:
        return None
    names = (*(tier.name for tier in tiers), PROSPECT)
    declared = CarePolicy(
        leap_day=table.choice("leap_day", "02-28", ("02-28", "03-01")),
        birthday=_occasion(table.optional_table("birthday"), names),
        anniversary=_occasion(table.optional_table("anniversary"), names),
        holidays=_holidays(table, names),
        checkin=_checkin(table.table("checkin"), names),
        profile_refresh=_refresh(table.optional_table("profile_refresh"), names),
        surveys=read_surveys(table.optional_table("surveys"), names, window_days),
        tickets=read_tickets(table, names),
        hours=read_hours(table),
        visits=read_visits(table, names),
        owner_attribute=_owner_attribute(table),
    )
    if declared.hours is not None and not declared.tickets:
        table.wrong("hours", "needs [[care.tickets]]: nothing counts the hours")
    table.finish()
    return declared


def _owner_attribute(table: TomlTable) -> str | None:
    return table.text("owner_attribute", "owner") if table.has("owner_attribute") else None


def _occasion(table: TomlTable | None, names: tuple[str, ...]) -> Occasion | None:
    if table is None:
        return None
    occasion = Occasion(
        days_ahead=_days_ahead(table),
        action=table.optional_text("action", None),
        tiers=listed_tiers(table, names),
    )
    table.finish()
    return occasion


def _holidays(care: TomlTable, names: tuple[str, ...]) -> tuple[Holiday, ...]:
    tables = care.tables("holidays") or []
    if len(tables) > MAX_HOLIDAYS:
        care.wrong("holidays", f"must be at most {MAX_HOLIDAYS} tables")
    holidays = tuple(_holiday(table, names) for table in tables)
    known = [holiday.name for holiday in holidays]
    for table, name in zip(tables, known, strict=True):
        if known.count(name) > 1:
            table.wrong("name", f"{name!r} stands twice, give one holiday several dates")
    return holidays


def _holiday(table: TomlTable, names: tuple[str, ...]) -> Holiday:
    holiday = Holiday(
        name=table.text("name", "", 64),
        dates=table.texts("dates", MAX_DATES, len("2026-02-17")),
        days_ahead=_days_ahead(table),
        action=table.optional_text("action", None),
        tiers=listed_tiers(table, names),
        **_lunar_date(table),
    )
    if holiday.calendar is not None:
        if table.has("dates"):
            table.wrong("dates", 'a holiday with calendar = "lunar" has month and day instead')
    elif not holiday.dates:
        table.wrong("dates", "must be a list of dates such as 12-25 or 2026-02-17")
    for text in holiday.dates:
        if not is_month_and_day(text) and parse_date(text) is None:
            table.wrong("dates", f"{text!r} is no date such as 12-25 or 2026-02-17")
    table.finish()
    return holiday


def _lunar_date(table: TomlTable) -> dict[str, Any]:
    """The month and day of a holiday of the Chinese calendar; nothing for others."""
    found: dict[str, Any] = {
        "month": table.optional_integer("month", 1, 12),
        "day": table.integer_or_word("day", 1, LAST_DAY, "last"),
    }
    if not table.has("calendar"):
        for key in found:
            if table.has(key):
                table.wrong(key, 'goes with calendar = "lunar"; other holidays have dates')
        return {}
    for key, value in (("month", "1 to 12"), ("day", f'1 to {LAST_DAY} or "last"')):
        if not table.has(key):
            table.wrong(key, f"is missing, {value} of the Chinese calendar")
    return found | {"calendar": table.choice("calendar", "lunar", ("lunar",))}


def _checkin(table: TomlTable, names: tuple[str, ...]) -> dict[str, Silence]:
    return {name: _silence(table.table(name)) for name in tier_keys(table, names)}


def _silence(table: TomlTable) -> Silence:
    silence = Silence(days=_days(table), action=table.optional_text("action", None))
    table.finish()
    return silence


def _refresh(table: TomlTable | None, names: tuple[str, ...]) -> Refresh | None:
    if table is None:
        return None
    refresh = Refresh(
        days=_days(table),
        action=table.optional_text("action", None),
        tiers=listed_tiers(table, names),
    )
    table.finish()
    return refresh


def _days_ahead(table: TomlTable) -> int:
    return table.integer("days_ahead", _DEFAULT_DAYS_AHEAD, 0, MAX_DAYS_AHEAD)


def _days(table: TomlTable) -> int:
    days = table.optional_integer("days", 1, _MOST_DAYS)
    if not table.has("days"):
        table.wrong("days", f"is missing, a whole number from 1 to {_MOST_DAYS}")
    return days or 1
