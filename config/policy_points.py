"""The optional section `[points]` of a policy."""

from __future__ import annotations

from fractions import Fraction

from config.tier_names import tier_keys
from config.toml_table import TomlTable
from scoring.money import RATE_DIGITS, is_rate
from scoring.points.terms import rate_of_tier
from scoring.policy import Activity, PointsPolicy, Tier
from scoring.rules import PROSPECT

MAX_ACTIVITIES = 64
_MOST_DAYS = 36_500
_MOST_TIMES = 10**6
_MOST_POINTS = 10**9
_HIGHEST_RATE = 10**6
_MOST_WARN_DAYS = 180


def read_points(root: TomlTable, tiers: tuple[Tier, ...]) -> PointsPolicy | None:
    """How points are earned and expire; None without the section."""
    table = root.optional_table("points")
    if table is None:
        return None
    defaults = PointsPolicy()
    declared = PointsPolicy(
        rate=_rate(table, "rate", defaults.rate),
        rates=_rates(table.table("rates"), tiers),
        min_amount=table.decimal("min_amount", defaults.min_amount),
        expire_after_days=table.optional_integer("expire_after_days", 1, _MOST_DAYS),
        activities=_activities(table.table("activities")),
        per=_per(table, "per"),
        pers=_pers(table.table("pers"), tiers),
        warn_days=table.optional_integer("warn_days", 1, _MOST_WARN_DAYS),
        warn_action=table.optional_text("warn_action", None),
    )
    _check_whole(table, declared)
    _check_warning(table, declared)
    if len(declared.activities) > MAX_ACTIVITIES:
        table.wrong("activities", f"must be at most {MAX_ACTIVITIES} tables")
    table.finish()
    return declared


def _tiers_in(table: TomlTable, tiers: tuple[Tier, ...]) -> list[str]:
    return tier_keys(table, {PROSPECT, *(tier.name for tier in tiers)})


def _rates(table: TomlTable, tiers: tuple[Tier, ...]) -> dict[str, str]:
    return {name: _rate(table, name, "0") for name in _tiers_in(table, tiers)}


def _pers(table: TomlTable, tiers: tuple[Tier, ...]) -> dict[str, str]:
    found = {name: _per(table, name) for name in _tiers_in(table, tiers)}
    return {name: per for name, per in found.items() if per is not None}


def _per(table: TomlTable, key: str) -> str | None:
    per = table.optional_decimal(key)
    if per is not None and not Fraction(per):
        table.wrong(key, "must be above 0: the amount that gives the points")
        return None
    return per


def _check_whole(table: TomlTable, declared: PointsPolicy) -> None:
    """For each full amount there are whole points."""
    places: list[tuple[str, str | None]] = [("rate", None)] if declared.per is not None else []
    places += [
        (f"rates.{tier}", tier)
        for tier in declared.rates
        if declared.per is not None or tier in declared.pers
    ]
    for place, tier in places:
        rate = rate_of_tier(declared, tier)
        if Fraction(rate).denominator != 1:
            table.wrong(place, f"must be whole points for each full amount of per, got {rate}")


def _check_warning(table: TomlTable, declared: PointsPolicy) -> None:
    if declared.warn_action is not None and declared.warn_days is None:
        table.wrong("warn_action", "needs warn_days: nobody is reminded")


def _rate(table: TomlTable, key: str, default: str) -> str:
    rate = table.decimal(key, default)
    if not is_rate(rate, _HIGHEST_RATE):
        table.wrong(
            key,
            f"must be at most {_HIGHEST_RATE} points for each major unit, and have at most "
            f"{RATE_DIGITS} significant digits",
        )
    return rate


def _activities(table: TomlTable) -> dict[str, Activity]:
    return {name: _activity(table.table(name)) for name in table.names()}


def _activity(table: TomlTable) -> Activity:
    points = table.optional_integer("points", 1, _MOST_POINTS)
    if not table.has("points"):
        table.wrong("points", f"is missing, a whole number from 1 to {_MOST_POINTS}")
    activity = Activity(
        points=points or 0,
        per_day=table.optional_integer("per_day", 1, _MOST_TIMES),
        in_all=table.optional_integer("in_all", 1, _MOST_TIMES),
    )
    table.finish()
    return activity
