"""Random policies for whom outputs concern, how often customers are contacted, and tickets."""

from __future__ import annotations

from random import Random
from typing import Any

_TYPES = (
    "tier.changed",
    "dormancy.alert",
    "customer.reactivated",
    "birthday.upcoming",
    "anniversary.upcoming",
    "holiday.upcoming",
    "checkin.due",
    "profile.refresh_due",
    "tier.expiring",
    "points.expiring",
    "survey.due",
    "followup.due",
    "ticket.overdue",
)
_FORMS = (
    "tier.changed:up",
    "tier.changed:down",
    "dormancy.alert:at_risk",
    "dormancy.alert:churned",
)


def add_contact(random: Random, policy: dict[str, Any]) -> None:
    """Some of `[audience]`, `[contact]` and the owner."""
    names = (*_TYPES, *_FORMS)
    if random.random() < 0.6:
        told = random.sample(names, random.randint(0, 5))
        policy["audience"] = {name: random.choice(["staff", "customer"]) for name in told}
    if random.random() < 0.6:
        policy.setdefault("care", {})["owner_attribute"] = random.choice(["manager", "region"])
    if random.random() < 0.7:
        policy["contact"] = _contact(random, names)
    if random.random() < 0.7:
        _let_messages_go(policy)


def _let_messages_go(policy: dict[str, Any]) -> None:
    """Nobody needs to have agreed, and most of what goes out asks for something to be done."""
    policy["consent"] = "opt_out"
    for tier in policy["tiers"]:
        tier.setdefault("action", "write")
    levels = ("at_risk", "dormant", "churned", "reactivated", "returned")
    policy["dormancy"]["actions"] = dict.fromkeys(levels, "write")
    for rule in ("birthday", "anniversary", "profile_refresh"):
        if rule in policy.get("care", {}):
            policy["care"][rule]["action"] = "write"


def _contact(random: Random, names: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if random.random() < 0.7:
        start, stop = random.sample(range(0, 24 * 60, 15), 2)
        found["quiet"] = {"from": _clock(start), "to": _clock(stop)}
    if random.random() < 0.8:
        found["caps"] = [
            {"messages": random.randint(1, 3), "days": random.choice([1, 2, 7, 30, 90])}
            for _ in range(random.randint(1, 4))
        ]
    if random.random() < 0.6:
        found["priority"] = random.sample(names, random.randint(0, len(names)))
    if random.random() < 0.4:
        found["exempt"] = random.sample(names, 2)
    return found


def add_tickets(random: Random, policy: dict[str, Any]) -> None:
    """Some promises for tickets, mostly with hours that count."""
    if random.random() < 0.3:
        return
    care = policy.setdefault("care", {})
    care["tickets"] = [_terms(random) for _ in range(random.randint(0, 2))]
    care["tickets"].append(_promises(random))
    if random.random() < 0.6:
        care["hours"] = _hours(random)


def _terms(random: Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if random.random() < 0.4:
        found["kind"] = random.choice(["complaint", "question"])
    if random.random() < 0.3:
        found["severity"] = random.sample(range(1, 6), random.randint(1, 4))
    if random.random() < 0.3:
        found["tiers"] = random.choice([["A"], ["B", "C"], ["C", "prospect"]])
    return found | _promises(random)


def _promises(random: Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    stages = random.choice([["response"], ["resolution"], ["response", "resolution"]])
    for stage in stages:
        found[f"{stage}_hours"] = random.choice([1, 2, 8, 24, 60, 200])
    if random.random() < 0.6:
        hours = sorted(random.sample([1, 3, 24, 72, 100], random.randint(1, 3)))
        names = ["manager", "director", "board"]
        found["escalate"] = [
            {"after_hours": after, "to": to} for after, to in zip(hours, names, strict=False)
        ]
    return found


def _hours(random: Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if random.random() < 0.7:
        found["weekdays"] = random.sample(range(1, 8), random.randint(1, 7))
    if random.random() < 0.7:
        start, stop = sorted(random.sample(range(0, 24 * 60 + 1, 15), 2))
        found |= {"from": _clock(start), "to": _clock(stop)}
    if random.random() < 0.4:
        days = random.sample(range(1, 29), 5)
        found["closed"] = [f"2023-{random.randint(1, 12):02d}-{day:02d}" for day in days]
    return found


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
