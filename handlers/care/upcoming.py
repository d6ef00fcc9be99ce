"""When the next care reminder of a customer is due, and which ones are to come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from handlers.profile.birth_date import birth_date
from handlers.state.customer import Customer
from scoring.calendar import date_of_day
from scoring.care.dates import CareRule, HolidayRule, Reminded, remind_day
from scoring.care.lunar import LunarDate
from scoring.care.yearly_dates import EveryYear, LunarYearlyDate
from scoring.policy import Occasion
from scoring.rules import PROSPECT, Rules

BIRTHDAY, ANNIVERSARY, HOLIDAY = "birthday", "anniversary", "holiday"
CHECKIN, PROFILE_REFRESH = "checkin", "profile_refresh"


class Coming(NamedTuple):
    """A future reminder: when it goes out, its kind, and the date and name it is about."""

    at_ms: int
    kind: str
    due_on: str
    name: str


class YearlyOccasion(NamedTuple):
    """A yearly date of one customer: birthday or anniversary.

    Attributes:
        key: tells them apart.
        occasion: what the policy says of it.
        origin: the day number of the date itself.
        year: of the date itself, by the calendar of `yearly`.
        yearly: the date in every year.
    """

    key: str
    occasion: Occasion
    origin: int
    year: int
    yearly: EveryYear

    def next_after(self, after: int) -> int | None:
        """The first such date after a day number and after the original one."""
        return self.yearly.next_after(max(after, self.origin))

    def years_on(self, day: int) -> int:
        """The years from the original date to one of its returns."""
        return self.yearly.year_of(day) - self.year


def care_due_ms(rules: Rules, customer: Customer, now_ms: int) -> int | None:
    """When the next reminder is due after `now_ms` if nothing changes; None if none is."""
    rule, reminded = rules.care, customer.reminded
    if rule is None or reminded is None:
        return None
    calendar = rules.calendar
    day = _next_remind_day(rules, rule, customer, reminded, calendar.day(now_ms))
    dues = [] if day is None else [calendar.start(day)]
    silences = (
        checkin_due_ms(rules, rule, customer, reminded),
        refresh_due_ms(rules, rule, customer, reminded),
    )
    dues += [due for due in silences if due is not None and due > now_ms]
    return min(dues, default=None)


def coming(rules: Rules, customer: Customer, now_ms: int) -> Iterator[Coming]:
    """The next reminder of each kind after `now_ms` if nothing changes, in no order."""
    rule, reminded, calendar = rules.care, customer.reminded, rules.calendar
    if rule is None or reminded is None:
        return
    today = calendar.day(now_ms)
    dates: list[tuple[YearlyOccasion | HolidayRule, int, str]] = [
        (own, own.occasion.days_ahead, own.key) for own in own_days(rules, rule, customer)
    ]
    dates += [
        (holiday, holiday.days_ahead, holiday.name)
        for holiday in rule.holidays
        if is_for(holiday.tiers, customer, prospects=False)
    ]
    for each, days_ahead, name in dates:
        day = next_day(each, reminded, today)
        if day is not None:
            at_ms = calendar.start(remind_day(day, days_ahead, today))
            kind = HOLIDAY if isinstance(each, HolidayRule) else name
            yield Coming(at_ms, kind, date_of_day(day).isoformat(), name)
    silences = (
        (CHECKIN, checkin_due_ms(rules, rule, customer, reminded)),
        (PROFILE_REFRESH, refresh_due_ms(rules, rule, customer, reminded)),
    )
    for kind, due in silences:
        if due is not None and due > now_ms:
            yield Coming(due, kind, date_of_day(calendar.day(due)).isoformat(), kind)


def own_days(rules: Rules, rule: CareRule, customer: Customer) -> Iterator[YearlyOccasion]:
    """Birthday and anniversary, if they are known and the policy asks for them."""
    birthday, anniversary = rule.birthday, rule.anniversary
    if birthday is not None and is_for(birthday.tiers, customer, prospects=True):
        born = birth_date(customer)
        if born is not None:
            yearly = (
                LunarYearlyDate(born.date.month, born.date.day, born.date.is_leap)
                if isinstance(born.date, LunarDate)
                else rule.yearly(born.date.month, born.date.day)
            )
            yield YearlyOccasion(BIRTHDAY, birthday, born.day, born.date.year, yearly)
    if anniversary is not None and is_for(anniversary.tiers, customer, prospects=True):
        first_ms = customer.ledger.first_order_ms
        if first_ms is not None:
            first_day = rules.calendar.day(first_ms)
            first = date_of_day(first_day)
            yearly = rule.yearly(first.month, first.day)
            yield YearlyOccasion(ANNIVERSARY, anniversary, first_day, first.year, yearly)


def next_day(dates: YearlyOccasion | HolidayRule, reminded: Reminded, after: int) -> int | None:
    """The first date after a day and after all dates reminded of."""
    return dates.next_after(max(after, reminded.dates.get(dates.key, after)))


def is_for(tiers: tuple[str, ...] | None, customer: Customer, *, prospects: bool) -> bool:
    """Whether an occasion is for the customer's tier; without a list, `prospects` decides."""
    if tiers is not None:
        return customer.tier in tiers
    return prospects or customer.tier != PROSPECT


def checkin_due_ms(
    rules: Rules, rule: CareRule, customer: Customer, reminded: Reminded
) -> int | None:
    """When a check-in is due after the last interaction, also if that has passed."""
    silence, last_ms = rule.checkin.get(customer.tier), customer.last_interaction_ms
    if silence is None or last_ms is None or last_ms <= reminded.checkin_ms:
        return None
    return rules.calendar.start(rules.calendar.day(last_ms) + silence.days)


def refresh_due_ms(
    rules: Rules, rule: CareRule, customer: Customer, reminded: Reminded
) -> int | None:
    """When a profile refresh is due, also if that has passed."""
    refresh, since_ms = rule.refresh, refresh_since_ms(customer, reminded)
    if refresh is None or since_ms <= reminded.refresh_ms:
        return None
    if not is_for(refresh.tiers, customer, prospects=True):
        return None
    return rules.calendar.start(rules.calendar.day(since_ms) + refresh.days)


def refresh_since_ms(customer: Customer, reminded: Reminded) -> int:
    """Since when the profile is unchanged, as the rule of profile refresh sees it."""
    newest_ms = updated_ms(customer)
    return reminded.since_ms if newest_ms is None else max(newest_ms, reminded.since_ms)


def updated_ms(customer: Customer) -> int | None:
    """The time of the newest attribute."""
    return max((at_ms for _, at_ms in customer.attributes.values()), default=None)


def _next_remind_day(
    rules: Rules, rule: CareRule, customer: Customer, reminded: Reminded, today: int
) -> int | None:
    """The next business day on which to remind of a date."""
    soonest = None
    for own in own_days(rules, rule, customer):
        day = next_day(own, reminded, today)
        if day is not None:
            soonest = _sooner(soonest, remind_day(day, own.occasion.days_ahead, today))
    for upcoming in rule.upcoming(today):
        if soonest is not None and soonest <= upcoming.remind_day:
            break
        holiday = upcoming.holiday
        if not is_for(holiday.tiers, customer, prospects=False):
            continue
        day = upcoming.day
        if day <= reminded.dates.get(holiday.key, day - 1):
            day = next_day(holiday, reminded, today)
        if day is not None:
            soonest = _sooner(soonest, remind_day(day, holiday.days_ahead, today))
    return soonest


def _sooner(day: int | None, other: int) -> int:
    return other if day is None else min(day, other)
