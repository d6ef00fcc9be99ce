"""Random customers under caps and quiet hours, checked from the outputs alone.

No day over its cap, nothing to be sent in quiet hours, of each instant the message that stands
first in the priority goes, and nothing is held back while there is room.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.builders import (
    cancelled,
    consent,
    day_ms,
    order,
    profile,
    ticket_opened,
    ticket_resolved,
    viewed,
)
from tests.driver import Run, run

CUSTOMERS = 10_000
DAYS = 120
ZONES = ("Asia/Shanghai", "America/New_York", "UTC", "Europe/Berlin")
FORMS = {"tier.changed": "direction", "dormancy.alert": "level"}
NAMES = (
    "tier.changed",
    "tier.changed:down",
    "dormancy.alert",
    "dormancy.alert:churned",
    "customer.reactivated",
    "birthday.upcoming",
    "holiday.upcoming",
    "checkin.due",
    "anniversary.upcoming",
)


def random_policy(random: Random) -> dict[str, Any]:
    quiet_from = random.randrange(24 * 60)
    quiet_to = (quiet_from + random.randrange(1, 22 * 60)) % (24 * 60)
    caps = [
        {"messages": random.randint(1, 3), "days": random.choice([1, 1, 2, 7, 30])}
        for _ in range(random.randint(1, 4))
    ]
    exempt = random.sample(NAMES, 2) if random.random() < 0.3 else []
    return {
        "version": "random",
        "timezone": random.choice(ZONES),
        "tiers": [
            {"name": "gold", "min_monetary": "100", "action": "gift", "action_down": "sorry"},
            {"name": "base", "action": "nurture"},
        ],
        "window_days": 20,
        "movement": {"grace_days": 0},
        "dormancy": {"at_risk_days": 5, "dormant_days": 8, "churned_days": 13},
        "care": {
            "birthday": {"days_ahead": 3, "action": "card"},
            "anniversary": {"days_ahead": 2, "action": "thanks"},
            "holidays": [
                {"name": "new", "dates": ["02-01", "03-01"], "days_ahead": 0, "action": "greet"},
                {"name": "old", "dates": ["02-01", "03-02"], "days_ahead": 0, "action": "greet"},
            ],
            "checkin": {
                "gold": {"days": 4, "action": "call"},
                "base": {"days": 6, "action": "mail"},
            },
        },
        "audience": {"checkin.due": "staff"} if random.random() < 0.3 else {},
        "contact": {
            "quiet": {"from": _clock(quiet_from), "to": _clock(quiet_to)},
            "caps": caps,
            "priority": random.sample(NAMES, random.randint(0, len(NAMES))),
            "exempt": exempt,
        },
    }


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def history(random: Random, who: str, at_ms: int) -> list[tuple[int, bytes]]:
    """A few events of one customer, each at a time of its own."""
    found: list[tuple[int, bytes]] = []
    for number in range(random.randint(1, 7)):
        at_ms += random.randrange(1, 12 * 86_400_000)
        kind = random.random()
        if kind < 0.5:
            line = order(f"{who}-{number}", random.choice(["5", "120"]), at_ms, who)
        elif kind < 0.6:
            line = cancelled(f"{who}-{random.randrange(7)}", at_ms, who)
        elif kind < 0.75:
            born = f"1990-0{random.randint(1, 4)}-{random.randint(10, 28)}"
            line = profile({"birth_date": born}, at_ms, who)
        elif kind < 0.85:
            line = viewed(at_ms, who)
        elif kind < 0.9:
            line = consent(random.random() < 0.5, at_ms, who)
        elif kind < 0.95:
            line = ticket_opened(f"{who}-t", at_ms, who, kind="complaint")
        else:
            line = ticket_resolved(f"{who}-t", at_ms, who)
        found.append((at_ms, line))
    return found


def checked(done: Run, policy: dict[str, Any]) -> tuple[int, int]:
    """Check every customer; how many messages went, and how many were capped."""
    outputs = [
        each
        for each in (*done.tier_changes, *done.dormancy_alerts, *done.care_reminders)
        if each["action"] is not None and each["audience"] == "customer"
    ]
    outputs.sort(key=lambda each: (each["customer_id"], each["sequence"]))
    went = capped = 0
    for _, own in groupby(outputs, key=lambda each: each["customer_id"]):
        sent: list[tuple[int, bool]] = []
        for _, group in groupby(own, key=lambda each: each["effective_at"]):
            weighed = [each for each in group if each["suppressed"] in (None, "frequency_cap")]
            _check_instant(weighed, sent, policy)
            went += sum(each["suppressed"] is None for each in weighed)
            capped += sum(each["suppressed"] is not None for each in weighed)
    return went, capped


def _check_instant(
    weighed: list[dict[str, Any]], sent: list[tuple[int, bool]], policy: dict[str, Any]
) -> None:
    """Check the messages of one instant after those that were sent before it."""
    contact, zone = policy["contact"], ZoneInfo(policy["timezone"])
    places = [_place(each, contact["priority"]) for each in weighed]
    for place, each in sorted(zip(places, weighed, strict=True), key=lambda pair: pair[0]):
        day = _day(each, contact, zone)
        is_exempt = not {each["type"], _form(each)}.isdisjoint(contact["exempt"])
        has_room = all(
            sum(day - cap["days"] < on <= day for on, _ in sent) < cap["messages"]
            for cap in contact["caps"]
        )
        assert (each["suppressed"] is None) == (is_exempt or has_room), (place, each)
        if each["suppressed"] is None:
            sent.append((day, is_exempt))


def _form(output: dict[str, Any]) -> str:
    key = FORMS.get(output["type"])
    return output["type"] if key is None else f"{output['type']}:{output[key]}"


def _place(output: dict[str, Any], priority: list[str]) -> int:
    for name in (_form(output), output["type"]):
        if name in priority:
            return priority.index(name)
    return len(priority)


def _day(output: dict[str, Any], contact: dict[str, Any], zone: ZoneInfo) -> int:
    """The day on which a message counts; its times are outside the quiet hours."""
    effective = datetime.fromisoformat(output["effective_at"]).astimezone(zone)
    until = output["not_before"]
    at = effective if until is None else datetime.fromisoformat(until).astimezone(zone)
    assert not _is_quiet(at, contact["quiet"])
    assert (until is not None) == _is_quiet(effective, contact["quiet"])
    if until is not None:
        assert timedelta(0) < at - effective <= timedelta(hours=25)
    return at.date().toordinal()


def _is_quiet(at: datetime, quiet: dict[str, str]) -> bool:
    start, stop, clock = quiet["from"], quiet["to"], at.strftime("%H:%M")
    return start <= clock < stop if start < stop else clock >= start or clock < stop


def messages_of(seed: int, customers: int) -> tuple[int, int]:
    """Check so many customers under a random policy; how many messages went, and were capped."""
    random = Random(seed)
    policy = random_policy(random)
    events = [
        event
        for number in range(customers)
        for event in history(random, f"c{number}", day_ms(0) + random.randrange(86_400_000))
    ]
    events.sort(key=lambda event: event[0])
    done = run([line for _, line in events], policy, until_ms=day_ms(DAYS))
    return checked(done, policy)


@pytest.mark.slow
@pytest.mark.always
@pytest.mark.parametrize("seed", range(10))
def test_no_day_of_10_000_customers_is_over_its_cap_and_the_first_by_priority_goes(
    seed: int,
) -> None:
    went, capped = messages_of(seed, CUSTOMERS // 10)
    assert went > 1_000
    assert capped > 50


@pytest.mark.parametrize("seed", range(10, 13))
def test_no_day_is_over_its_cap_and_the_first_by_priority_goes(seed: int) -> None:
    went, capped = messages_of(seed, 60)
    assert went
    assert capped


def test_restarts_change_nothing() -> None:
    random = Random(99)
    policy = random_policy(random)
    events = sorted(
        event
        for number in range(60)
        for event in history(random, f"c{number}", day_ms(0) + random.randrange(86_400_000))
    )
    lines = [line for _, line in events]
    whole = run(lines, policy, until_ms=day_ms(DAYS))
    again = run(lines, policy, until_ms=day_ms(DAYS), restarts=Random(5))
    assert again.collected.outputs == whole.collected.outputs
    assert any(each["suppressed"] == "frequency_cap" for each in whole.care_reminders)
