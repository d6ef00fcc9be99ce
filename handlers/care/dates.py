"""Care reminders that go out: of dates that come near, and of silence that lasts.

When they are due is in `handlers.care.upcoming`.
"""

from __future__ import annotations

from handlers import outputs
from handlers.care.reminders import emit_reminder, reminder_head
from handlers.care.upcoming import (
    BIRTHDAY,
    HOLIDAY,
    YearlyOccasion,
    checkin_due_ms,
    is_for,
    next_day,
    own_days,
    refresh_due_ms,
    refresh_since_ms,
    updated_ms,
)
from handlers.context import Context
from handlers.outputs import (
    AnniversaryUpcoming,
    BirthdayUpcoming,
    CheckinDue,
    HolidayUpcoming,
    ProfileRefreshDue,
    optional_time,
)
from handlers.state.customer import Customer
from scoring.care.dates import CareRule, HolidayRule, Reminded
from scoring.rules import Rules
from scoring.timestamps import rfc3339

_FORGOTTEN_AFTER_DAYS = 7
"""A holiday reminded of longer ago cannot come again, in any time zone."""
_MOST_HOLIDAYS = 128
"""Holidays remembered for a customer: more than a policy may have."""


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
    if new != old and refresh_since_ms(customer, reminded) > reminded.refresh_ms:
        reminded.since_ms = now_ms


def remind(context: Context, customer: Customer, now_ms: int) -> None:
    """Send the reminders due at an instant: birthday, anniversary, holidays, then silence."""
    rules, reminded = context.rules, customer.reminded
    rule, calendar = rules.care, rules.calendar
    if rule is None or reminded is None:
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
    for own in own_days(rules, rule, customer):
        while (day := next_day(own, reminded, yesterday)) is not None:
            if calendar.start(day - own.occasion.days_ahead) > now_ms:
                break
            reminded.dates[own.key] = day
            _emit_yearly(context, customer, own, day, now_ms)
    for holiday in rule.holidays:
        if not is_for(holiday.tiers, customer, prospects=False):
            continue
        while (day := next_day(holiday, reminded, yesterday)) is not None:
            if calendar.start(day - holiday.days_ahead) > now_ms:
                break
            _forget_past(reminded, today)
            reminded.dates[holiday.key] = day
            _emit_holiday(context, customer, holiday, day, now_ms)


def _remind_of_silence(
    context: Context, customer: Customer, rule: CareRule, reminded: Reminded, now_ms: int
) -> None:
    rules = context.rules
    if checkin_due_ms(rules, rule, customer, reminded) == now_ms:
        last_ms = customer.last_interaction_ms
        assert last_ms is not None
        silence = rule.checkin[customer.tier]
        day = rules.calendar.day(last_ms) + silence.days
        data = CheckinDue(
            **reminder_head(context, customer, outputs.CHECKIN_DUE, day, silence.action, now_ms),
            last_interaction_at=rfc3339(last_ms),
            silent_days=silence.days,
        )
        reminded.checkin_ms = last_ms
        emit_reminder(context, customer, outputs.CHECKIN_DUE, data, f"since:{last_ms}", now_ms)
    if refresh_due_ms(rules, rule, customer, reminded) == now_ms:
        since_ms, refresh = refresh_since_ms(customer, reminded), rule.refresh
        assert refresh is not None
        refresh_day = rules.calendar.day(since_ms) + refresh.days
        refresh_due = ProfileRefreshDue(
            **reminder_head(
                context, customer, outputs.PROFILE_REFRESH_DUE, refresh_day, refresh.action, now_ms
            ),
            last_updated_at=optional_time(updated_ms(customer)),
            unchanged_days=refresh.days,
        )
        reminded.refresh_ms = since_ms
        emit_reminder(
            context, customer, outputs.PROFILE_REFRESH_DUE, refresh_due, f"since:{since_ms}", now_ms
        )


def _forget_past(reminded: Reminded, today: int) -> None:
    dates = reminded.dates
    holidays = sorted((day, key) for key, day in dates.items() if key.startswith(HOLIDAY))
    for number, (day, key) in enumerate(holidays, 1 - len(holidays)):
        if day < today - _FORGOTTEN_AFTER_DAYS or number <= -_MOST_HOLIDAYS:
            del dates[key]


def _emit_yearly(
    context: Context, customer: Customer, own: YearlyOccasion, day: int, now_ms: int
) -> None:
    type_name = outputs.BIRTHDAY_UPCOMING if own.key == BIRTHDAY else outputs.ANNIVERSARY_UPCOMING
    head = reminder_head(context, customer, type_name, day, own.occasion.action, now_ms)
    years = own.years_on(day)
    if own.key == BIRTHDAY:
        birthday = BirthdayUpcoming(**head, age=years)
        emit_reminder(context, customer, type_name, birthday, head["due_on"], now_ms)
        return
    first_at = optional_time(customer.ledger.first_order_ms)
    anniversary = AnniversaryUpcoming(**head, years=years, first_order_at=first_at)
    emit_reminder(context, customer, type_name, anniversary, head["due_on"], now_ms)


def _emit_holiday(
    context: Context, customer: Customer, holiday: HolidayRule, day: int, now_ms: int
) -> None:
    type_name = outputs.HOLIDAY_UPCOMING
    head = reminder_head(context, customer, type_name, day, holiday.action, now_ms)
    data = HolidayUpcoming(**head, holiday=holiday.name)
    key = f"{head['due_on']}:{holiday.name}"
    emit_reminder(context, customer, type_name, data, key, now_ms)
