"""What member programmes add to random histories: contacts, lunar dates, purposes, silences."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

_LUNAR_HOLIDAYS: list[dict[str, Any]] = [
    {"name": "New Year", "calendar": "lunar", "month": 1, "day": 1},
    {"name": "mid-autumn", "calendar": "lunar", "month": 8, "day": 15},
    {"name": "last of a month", "calendar": "lunar", "month": 2, "day": "last"},
    {"name": "thirtieth", "calendar": "lunar", "month": 4, "day": 30},
    {"name": "New Year's Eve", "calendar": "lunar", "month": 12, "day": "last"},
]


def add_member_keys(random: Random, policy: dict[str, Any]) -> None:
    """Puts some of visits, lunar holidays and retention into a policy."""
    if random.random() < 0.5:
        names = [tier["name"] for tier in policy["tiers"]] + ["prospect"]
        asked = random.sample(names, random.randint(1, len(names)))
        policy.setdefault("care", {})["visits"] = {
            "activities": random.choice([["visit"], ["visit", "call"]]),
            "days": {name: random.choice([1, 2, 5, 12, 30, 80]) for name in asked},
        }
    if random.random() < 0.4:
        holidays = policy.setdefault("care", {}).setdefault("holidays", [])
        for one in random.sample(_LUNAR_HOLIDAYS, random.randint(1, 3)):
            holidays.append({**one, "days_ahead": random.choice([0, 1, 7, 30])})
    if random.random() < 0.35:
        policy["retention"] = {
            "inactive_days": random.choice([1, 3, 10, 25, 60]),
            "notice_days": random.choice([1, 2, 7, 20]),
        }


def random_contact(random: Random) -> dict[str, Any]:
    """What account managers do, and something that is no contact."""
    name = random.choice(["visit", "visit", "call", "referral"])
    return {"type": "activity.recorded", "activity": name}


def random_lunar_profile(random: Random, now: datetime) -> dict[str, Any]:
    """A birth date near now by either calendar, the calendar, or both."""
    near = now + timedelta(days=random.randint(-60, 40))
    year = random.choice([1960, 1984, 1995, 2004, 2020, near.year, 1900, 2101])
    day = random.choice([f"{near.day:02d}", "29", "30", "30", "31", "00"])
    told = {
        "birth_date": f"{year}-{near.month:02d}-{day}",
        "birth_calendar": random.choice(["lunar", "lunar", "lunar", "gregorian", "", True, []]),
        "birth_leap_month": random.choice([True, "true", "false", "yes", ""]),
    }
    names = random.sample(sorted(told), random.choice([1, 2, 3, 3]))
    return {"type": "profile.updated", "attributes": {name: told[name] for name in names}}


def random_purposes(random: Random) -> dict[str, Any]:
    """Words on what may be concluded; now and then so many that they cannot be kept."""
    names = random.sample(["profiling", "profiling", "research"], random.randint(1, 2))
    told: dict[str, Any] = {name: random.choice([True, False, False, None]) for name in names}
    if random.random() < 0.1:
        told |= {f"use {n}": True for n in range(random.choice([5, 8, 9]))}
    return {"type": "consent.changed", "purposes": told}
