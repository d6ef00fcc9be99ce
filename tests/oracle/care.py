"""Reminders: at the start of every business day, every date that might be near is looked at."""

import calendar
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache
from typing import Any

from tests.oracle.births import birth_of
from tests.oracle.customer import Customer
from tests.oracle.lunar import LunarDate, birthday_on, is_holiday
from tests.oracle.policy import Policy
from tests.oracle.suppression import marks
from tests.oracle.tiers import PROSPECT
from tests.oracle.times import business_day, start_of_day, time_text


def watch(customer: Customer, at_ms: int, policy: Policy) -> None:
    """Whoever is met for the first time is cared for from now on."""
    if "care" in policy.sections and customer.cared_for_since_ms is None:
        customer.cared_for_since_ms = at_ms


def rewatch(customer: Customer, at_ms: int, former: Policy, policy: Policy) -> None:
    """A new rule of profile refresh begins anew for those who are still to be reminded."""
    watch(customer, at_ms, policy)
    if "care" not in policy.sections:
        return
    rule = policy.sections["care"].get("profile_refresh")
    former_rule = former.sections.get("care", {}).get("profile_refresh")
    begins_ms = _refresh_begins_ms(customer)
    if rule != former_rule and not _is_told(begins_ms, customer.refreshes_told_ms):
        customer.cared_for_since_ms = at_ms


def start_day(customer: Customer, at_ms: int, policy: Policy) -> list[dict[str, Any]]:
    """The reminders of the business day that begins at an instant, after its tier and levels."""
    care = policy.sections.get("care")
    if care is None:
        return []
    told = []
    leap_day = care.get("leap_day", "02-28")
    if "birthday" in care and is_for(care["birthday"], customer, prospects=True):
        born = birth_of(customer)
        if born is not None:
            told += _birthdays(customer, care["birthday"], born, leap_day, at_ms, policy)
    if "anniversary" in care and is_for(care["anniversary"], customer, prospects=True):
        times = [order.at_ms for order in customer.counted(policy)]
        if times:
            told += _anniversaries(
                customer, care["anniversary"], min(times), leap_day, at_ms, policy
            )
    for holiday in care.get("holidays", []):
        if is_for(holiday, customer, prospects=False):
            told += _holidays(customer, holiday, leap_day, at_ms, policy)
    return told + _checkin(customer, at_ms, policy) + _refresh(customer, at_ms, policy)


def is_for(rule: dict[str, Any], customer: Customer, *, prospects: bool) -> bool:
    if "tiers" in rule:
        return customer.tier in rule["tiers"]
    return prospects or customer.tier != PROSPECT


def _falls_on(day: date, month: int, number: int, leap_day: str) -> bool:
    """Whether a day of every year is remembered on a day."""
    if (month, number) == (2, 29) and not calendar.isleap(day.year):
        return f"{day:%m-%d}" == leap_day
    return (day.month, day.day) == (month, number)


def _near(
    customer: Customer,
    key: str,
    days_ahead: int,
    at_ms: int,
    policy: Policy,
    is_it: Callable[[date], bool],
) -> Iterator[date]:
    """Days that are so near now and were not told; each is told once, and none before it later."""
    for day in _days_from(at_ms, days_ahead, policy.timezone):
        if is_it(day) and all(day > before for before in customer.dates_told.get(key, [])):
            customer.dates_told.setdefault(key, []).append(day)
            yield day


@cache
def _days_from(at_ms: int, days_ahead: int, zone: str) -> tuple[date, ...]:
    """The days that begin now or later, and so many days ahead of which have begun."""
    today = business_day(at_ms, zone)
    days = (today + timedelta(days=offset) for offset in range(-3, days_ahead + 3))
    return tuple(
        day
        for day in days
        if start_of_day(day - timedelta(days=days_ahead), zone) <= at_ms <= start_of_day(day, zone)
    )


def _birthdays(
    customer: Customer,
    rule: dict[str, Any],
    born: date | LunarDate,
    leap_day: str,
    at_ms: int,
    policy: Policy,
) -> list[dict[str, Any]]:
    def age_on(day: date) -> int | None:
        """The age on a birthday; None on any other day."""
        if isinstance(born, LunarDate):
            return birthday_on(born, day)
        is_it = day > born and _falls_on(day, born.month, born.day, leap_day)
        return day.year - born.year if is_it else None

    def is_it(day: date) -> bool:
        return age_on(day) is not None

    days = _near(customer, "birthday", rule.get("days_ahead", 7), at_ms, policy, is_it)
    return [
        reminder(customer, "birthday.upcoming", day, rule, at_ms, policy) | {"age": age_on(day)}
        for day in days
    ]


def _anniversaries(
    customer: Customer,
    rule: dict[str, Any],
    first_ms: int,
    leap_day: str,
    at_ms: int,
    policy: Policy,
) -> list[dict[str, Any]]:
    first = business_day(first_ms, policy.timezone)

    def is_it(day: date) -> bool:
        return day > first and _falls_on(day, first.month, first.day, leap_day)

    days = _near(customer, "anniversary", rule.get("days_ahead", 7), at_ms, policy, is_it)
    return [
        reminder(customer, "anniversary.upcoming", day, rule, at_ms, policy)
        | {"years": day.year - first.year, "first_order_at": time_text(first_ms)}
        for day in days
    ]


def _holidays(
    customer: Customer, rule: dict[str, Any], leap_day: str, at_ms: int, policy: Policy
) -> list[dict[str, Any]]:
    def is_it(day: date) -> bool:
        if rule.get("calendar") == "lunar":
            return is_holiday(rule["month"], rule["day"], day)
        return any(_is_date(day, text, leap_day) for text in rule["dates"])

    key = f"holiday {rule['name']}"
    days = _near(customer, key, rule.get("days_ahead", 7), at_ms, policy, is_it)
    return [
        reminder(customer, "holiday.upcoming", day, rule, at_ms, policy) | {"holiday": rule["name"]}
        for day in days
    ]


@cache
def _is_date(day: date, text: str, leap_day: str) -> bool:
    """Whether a day is that of a text as `2026-10-01`, or of one as `10-01` in any year."""
    if len(text) == 5:
        return _falls_on(day, int(text[:2]), int(text[3:]), leap_day)
    return day.isoformat() == text


def _checkin(customer: Customer, at_ms: int, policy: Policy) -> list[dict[str, Any]]:
    rule = policy.sections["care"].get("checkin", {}).get(customer.tier)
    last_ms = customer.last_interaction_ms()
    if rule is None or last_ms is None or _is_told(last_ms, customer.checkins_told_ms):
        return []
    due = business_day(last_ms, policy.timezone) + timedelta(days=rule["days"])
    if start_of_day(due, policy.timezone) != at_ms:
        return []
    customer.checkins_told_ms.append(last_ms)
    told = reminder(customer, "checkin.due", due, rule, at_ms, policy)
    return [told | {"last_interaction_at": time_text(last_ms), "silent_days": rule["days"]}]


def _is_told(begins_ms: int, told_ms: list[int]) -> bool:
    """Whether a silence, or a later one, was told; a merge may let one begin earlier."""
    return any(begins_ms <= each for each in told_ms)


def _refresh_begins_ms(customer: Customer) -> int:
    updates = [at_ms for at_ms, attributes in customer.updates if attributes]
    assert customer.cared_for_since_ms is not None
    return max([customer.cared_for_since_ms, *updates])


def _refresh(customer: Customer, at_ms: int, policy: Policy) -> list[dict[str, Any]]:
    rule = policy.sections["care"].get("profile_refresh")
    if rule is None or not is_for(rule, customer, prospects=True):
        return []
    begins_ms = _refresh_begins_ms(customer)
    due = business_day(begins_ms, policy.timezone) + timedelta(days=rule["days"])
    is_due = start_of_day(due, policy.timezone) == at_ms
    if not is_due or _is_told(begins_ms, customer.refreshes_told_ms):
        return []
    customer.refreshes_told_ms.append(begins_ms)
    updates = [updated_ms for updated_ms, attributes in customer.updates if attributes]
    told = reminder(customer, "profile.refresh_due", due, rule, at_ms, policy)
    last = time_text(max(updates, default=None))
    return [told | {"last_updated_at": last, "unchanged_days": rule["days"]}]


def reminder(
    customer: Customer,
    name: str,
    due_on: date,
    rule: dict[str, Any],
    at_ms: int,
    policy: Policy,
) -> dict[str, Any]:
    """What every reminder says."""
    customer.sequence += 1
    return {
        "type": name,
        "customer_id": customer.customer_id,
        "sequence": customer.sequence,
        "effective_at": time_text(at_ms),
        "due_on": due_on.isoformat(),
        "tier": customer.tier,
        "action": rule.get("action"),
        "reason": "time",
        **marks(customer, at_ms, policy),
    }
