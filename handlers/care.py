"""Care reminders: dates that come near, and silence that lasts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from handlers import outputs
from handlers.context import Context
from handlers.outputs import (
    AnniversaryUpcoming,
    BirthdayUpcoming,
    CheckinDue,
    HolidayUpcoming,
    ProfileRefreshDue,
    ReminderHead,
    optional_time,
)
from handlers.state.customer import Customer
from handlers.suppression import suppressed
from scoring.calendar import date_of_day, day_of_date
from scoring.care import CareRule, HolidayRule, Reminded, YearlyDate, remind_day
from scoring.policy import Occasion
from scoring.rules import PROSPECT, Rules
from scoring.timestamps import parse_date, rfc3339

BIRTHDAY, ANNIVERSARY, HOLIDAY = "birthday", "anniversary", "holiday"
CHECKIN, PROFILE_REFRESH = "checkin", "profile_refresh"
_FORGOTTEN_AFTER_DAYS = 7
"""A holiday reminded of longer ago cannot come again, in any time zone."""
_MOST_HOLIDAYS = 128
"""Holidays remembered for a customer: more than a policy may have."""


class Coming(NamedTuple):
    """A future reminder: when it goes out, its kind, and the date and name it is about."""

    at_ms: int
    kind: str
    due_on: str
    name: str


class _Yearly(NamedTuple):
    """A yearly date of one customer: birthday or anniversary."""

    key: str
    occasion: Occasion
    origin: date
    yearly: YearlyDate

    def next_after(self, after: int) -> int | None:
        """The first such date after a day number and after the original one."""
        return self.yearly.next_after(max(after, day_of_date(self.origin)))


def begin_care(customer: Customer, now_ms: int) -> None:
    """Begin to remind of a customer, if that has not begun."""
    if customer.reminded is None:
        customer.reminded = Reminded(now_ms)


def restart_refresh(customer: Customer, old_rules: Rules, rules: Rules, now_ms: int) -> None:
    """Restart the time of a new rule of profile refresh, unless its reminder went out."""
    begin_care(customer, now_ms)
    reminded = customer.reminded
    assert reminded is not None
    old = None if old_rules.care is None else old_rules.care.refresh
    new = None if rules.care is None else rules.care.refresh
    if new != old and _refresh_since_ms(customer, reminded) > reminded.refresh_ms:
        reminded.since_ms = now_ms


def care_due_ms(rules: Rules, customer: Customer, now_ms: int) -> int | None:
    """When the next reminder is due after `now_ms` if nothing changes; None if none is."""
    rule, reminded = rules.care, customer.reminded
    if rule is None or reminded is None or customer.marketing_consent is False:
        return None
    calendar = rules.calendar
    day = _next_remind_day(rules, rule, customer, reminded, calendar.day(now_ms))
    dues = [] if day is None else [calendar.start(day)]
    silences = (
        _checkin_due_ms(rules, rule, customer, reminded),
        _refresh_due_ms(rules, rule, customer, reminded),
    )
    dues += [due for due in silences if due is not None and due > now_ms]
    return min(dues, default=None)


def coming(rules: Rules, customer: Customer, now_ms: int) -> Iterator[Coming]:
    """The next reminder of each kind after `now_ms` if nothing changes, in no order."""
    rule, reminded, calendar = rules.care, customer.reminded, rules.calendar
    if rule is None or reminded is None or customer.marketing_consent is False:
        return
    today = calendar.day(now_ms)
    dates: list[tuple[_Yearly | HolidayRule, int, str]] = [
        (own, own.occasion.days_ahead, own.key) for own in _own_days(rules, rule, customer)
    ]
    dates += [
        (holiday, holiday.days_ahead, holiday.name)
        for holiday in rule.holidays
        if _is_for(holiday.tiers, customer, prospects=False)
    ]
    for each, days_ahead, name in dates:
        day = _next_day(each, reminded, today)
        if day is not None:
            at_ms = calendar.start(remind_day(day, days_ahead, today))
            kind = HOLIDAY if isinstance(each, HolidayRule) else name
            yield Coming(at_ms, kind, date_of_day(day).isoformat(), name)
    silences = (
        (CHECKIN, _checkin_due_ms(rules, rule, customer, reminded)),
        (PROFILE_REFRESH, _refresh_due_ms(rules, rule, customer, reminded)),
    )
    for kind, due in silences:
        if due is not None and due > now_ms:
            yield Coming(due, kind, date_of_day(calendar.day(due)).isoformat(), kind)


def remind(context: Context, customer: Customer, now_ms: int) -> None:
    """Send the reminders due at an instant: birthday, anniversary, holidays, then silence."""
    rules, reminded = context.rules, customer.reminded
    rule, calendar = rules.care, rules.calendar
    if rule is None or reminded is None or customer.marketing_consent is False:
        return
    if calendar.start(calendar.day(now_ms)) != now_ms:
        return
    _remind_of_dates(context, customer, rule, reminded, now_ms)
    _remind_of_silence(context, customer, rule, reminded, now_ms)


def _remind_of_dates(
    context: Context, customer: Customer, rule: CareRule, reminded: Reminded, now_ms: int
) -> None:
    rules, calendar = context.rules, context.rules.calendar
    today = calendar.day(now_ms)
    yesterday = calendar.previous(today)
    for own in _own_days(rules, rule, customer):
        while (day := _next_day(own, reminded, yesterday)) is not None:
            if calendar.start(day - own.occasion.days_ahead) > now_ms:
                break
            reminded.dates[own.key] = day
            _emit_yearly(context, customer, own, day, now_ms)
    for holiday in rule.holidays:
        if not _is_for(holiday.tiers, customer, prospects=False):
            continue
        while (day := _next_day(holiday, reminded, yesterday)) is not None:
            if calendar.start(day - holiday.days_ahead) > now_ms:
                break
            _forget_past(reminded, today)
            reminded.dates[holiday.key] = day
            _emit_holiday(context, customer, holiday, day, now_ms)


def _remind_of_silence(
    context: Context, customer: Customer, rule: CareRule, reminded: Reminded, now_ms: int
) -> None:
    rules = context.rules
    if _checkin_due_ms(rules, rule, customer, reminded) == now_ms:
        last_ms = customer.last_interaction_ms
        assert last_ms is not None
        silence = rule.checkin[customer.tier]
        day = rules.calendar.day(last_ms) + silence.days
        data = CheckinDue(
            **_head(context, customer, day, silence.action, now_ms),
            last_interaction_at=rfc3339(last_ms),
            silent_days=silence.days,
        )
        reminded.checkin_ms = last_ms
        _emit(context, customer, outputs.CHECKIN_DUE, data, f"since:{last_ms}", now_ms)
    if _refresh_due_ms(rules, rule, customer, reminded) == now_ms:
        since_ms, refresh = _refresh_since_ms(customer, reminded), rule.refresh
        assert refresh is not None
        refresh_day = rules.calendar.day(since_ms) + refresh.days
        refresh_due = ProfileRefreshDue(
            **_head(context, customer, refresh_day, refresh.action, now_ms),
            last_updated_at=optional_time(_updated_ms(customer)),
            unchanged_days=refresh.days,
        )
        reminded.refresh_ms = since_ms
        _emit(
            context, customer, outputs.PROFILE_REFRESH_DUE, refresh_due, f"since:{since_ms}", now_ms
        )


def _next_remind_day(
    rules: Rules, rule: CareRule, customer: Customer, reminded: Reminded, today: int
) -> int | None:
    """The next business day on which to remind of a date."""
    soonest = None
    for own in _own_days(rules, rule, customer):
        day = _next_day(own, reminded, today)
        if day is not None:
            soonest = _sooner(soonest, remind_day(day, own.occasion.days_ahead, today))
    for upcoming in rule.upcoming(today):
        if soonest is not None and soonest <= upcoming.remind_day:
            break
        holiday = upcoming.holiday
        if not _is_for(holiday.tiers, customer, prospects=False):
            continue
        day = upcoming.day
        if day <= reminded.dates.get(holiday.key, day - 1):
            day = _next_day(holiday, reminded, today)
        if day is not None:
            soonest = _sooner(soonest, remind_day(day, holiday.days_ahead, today))
    return soonest


def _own_days(rules: Rules, rule: CareRule, customer: Customer) -> Iterator[_Yearly]:
    """Birthday and anniversary, if they are known and the policy asks for them."""
    birthday, anniversary = rule.birthday, rule.anniversary
    if birthday is not None and _is_for(birthday.tiers, customer, prospects=True):
        known = customer.attributes.get("birth_date")
        born = None if known is None else parse_date(known[0])
        if born is not None:
            yield _Yearly(BIRTHDAY, birthday, born, rule.yearly(born.month, born.day))
    if anniversary is not None and _is_for(anniversary.tiers, customer, prospects=True):
        first_ms = customer.ledger.first_order_ms
        if first_ms is not None:
            first = date_of_day(rules.calendar.day(first_ms))
            yield _Yearly(ANNIVERSARY, anniversary, first, rule.yearly(first.month, first.day))


def _next_day(dates: _Yearly | HolidayRule, reminded: Reminded, after: int) -> int | None:
    """The first date after a day and after all dates reminded of."""
    return dates.next_after(max(after, reminded.dates.get(dates.key, after)))


def _is_for(tiers: tuple[str, ...] | None, customer: Customer, *, prospects: bool) -> bool:
    """Whether an occasion is for the customer's tier; without a list, `prospects` decides."""
    if tiers is not None:
        return customer.tier in tiers
    return prospects or customer.tier != PROSPECT


def _checkin_due_ms(
    rules: Rules, rule: CareRule, customer: Customer, reminded: Reminded
) -> int | None:
    """When a check-in is due after the last interaction, also if that has passed."""
    silence, last_ms = rule.checkin.get(customer.tier), customer.last_interaction_ms
    if silence is None or last_ms is None or last_ms <= reminded.checkin_ms:
        return None
    return rules.calendar.start(rules.calendar.day(last_ms) + silence.days)


def _refresh_due_ms(
    rules: Rules, rule: CareRule, customer: Customer, reminded: Reminded
) -> int | None:
    """When a profile refresh is due, also if that has passed."""
    refresh, since_ms = rule.refresh, _refresh_since_ms(customer, reminded)
    if refresh is None or since_ms <= reminded.refresh_ms:
        return None
    if not _is_for(refresh.tiers, customer, prospects=True):
        return None
    return rules.calendar.start(rules.calendar.day(since_ms) + refresh.days)


def _refresh_since_ms(customer: Customer, reminded: Reminded) -> int:
    updated_ms = _updated_ms(customer)
    return reminded.since_ms if updated_ms is None else max(updated_ms, reminded.since_ms)


def _updated_ms(customer: Customer) -> int | None:
    """The time of the newest attribute."""
    return max((at_ms for _, at_ms in customer.attributes.values()), default=None)


def _forget_past(reminded: Reminded, today: int) -> None:
    dates = reminded.dates
    holidays = sorted((day, key) for key, day in dates.items() if key.startswith(HOLIDAY))
    for number, (day, key) in enumerate(holidays, 1 - len(holidays)):
        if day < today - _FORGOTTEN_AFTER_DAYS or number <= -_MOST_HOLIDAYS:
            del dates[key]


def _sooner(day: int | None, other: int) -> int:
    return other if day is None else min(day, other)


def _emit_yearly(context: Context, customer: Customer, own: _Yearly, day: int, now_ms: int) -> None:
    head = _head(context, customer, day, own.occasion.action, now_ms)
    years = date_of_day(day).year - own.origin.year
    if own.key == BIRTHDAY:
        birthday = BirthdayUpcoming(**head, age=years)
        _emit(context, customer, outputs.BIRTHDAY_UPCOMING, birthday, head["due_on"], now_ms)
        return
    first_at = optional_time(customer.ledger.first_order_ms)
    anniversary = AnniversaryUpcoming(**head, years=years, first_order_at=first_at)
    _emit(context, customer, outputs.ANNIVERSARY_UPCOMING, anniversary, head["due_on"], now_ms)


def _emit_holiday(
    context: Context, customer: Customer, holiday: HolidayRule, day: int, now_ms: int
) -> None:
    head = _head(context, customer, day, holiday.action, now_ms)
    data = HolidayUpcoming(**head, holiday=holiday.name)
    key = f"{head['due_on']}:{holiday.name}"
    _emit(context, customer, outputs.HOLIDAY_UPCOMING, data, key, now_ms)


def _head(
    context: Context, customer: Customer, day: int, action: str | None, now_ms: int
) -> ReminderHead:
    return ReminderHead(
        customer_id=customer.customer_id,
        sequence=context.next_sequence(customer),
        effective_at=rfc3339(now_ms),
        due_on=date_of_day(day).isoformat(),
        tier=customer.tier,
        action=action,
        suppressed=suppressed(context.rules, customer),
        policy_version=context.rules.version,
        marketing_consent=customer.marketing_consent,
    )


def _emit(
    context: Context,
    customer: Customer,
    type_name: str,
    data: outputs.Reminder,
    key: str,
    now_ms: int,
) -> None:
    context.tally.reminders[type_name, data.suppressed or ""] += 1
    context.emit(outputs.CARE_REMINDERS, type_name, customer, key, now_ms, data)
