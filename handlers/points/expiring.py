"""`points.expiring`: so many business days before points expire, once for each expiry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from handlers import outputs
from handlers.care.reminders import emit_reminder, reminder_head
from handlers.context import Context
from handlers.outputs import PointsExpiring
from handlers.state.customer import Customer
from scoring.points.account import MAX_WARNED
from scoring.rules import Rules
from scoring.timestamps import rfc3339


class Expiry(NamedTuple):
    """Points that expire at one instant, and the business day on which to remind of them."""

    remind_day: int
    expires_ms: int
    points: int


def remind_of_expiry(context: Context, customer: Customer, now_ms: int) -> None:
    """Send the reminders of points that expire soon, the soonest first."""
    rules, account = context.rules, customer.points
    calendar = rules.calendar
    if account is None or rules.points is None:
        return
    today = calendar.day(now_ms)
    if calendar.start(today) != now_ms:
        return
    for expiry in expiries(rules, customer, today - 1):
        if expiry.remind_day > today or expiry.expires_ms <= now_ms:
            continue
        account.warned = sorted({*account.warned, expiry.expires_ms})[:MAX_WARNED]
        day = calendar.day(expiry.expires_ms)
        data = PointsExpiring(
            **reminder_head(
                context, customer, outputs.POINTS_EXPIRING, day, rules.points.warn_action, now_ms
            ),
            points=expiry.points,
            expires_at=rfc3339(expiry.expires_ms),
            balance=account.balance,
        )
        key = f"expiry:{expiry.expires_ms}"
        emit_reminder(context, customer, outputs.POINTS_EXPIRING, data, key, now_ms)


def expiring_due_ms(rules: Rules, customer: Customer, now_ms: int) -> int | None:
    """When the next reminder of points that expire is due after `now_ms`; None if none is."""
    today = rules.calendar.day(now_ms)
    days = [each.remind_day for each in expiries(rules, customer, today)]
    return rules.calendar.start(min(days)) if days else None


def expiries(rules: Rules, customer: Customer, after_day: int) -> Iterator[Expiry]:
    """The expiries that are still to be reminded of on a day after `after_day`, soonest first.

    A day that has passed is made up for on the next one, if that is before the points expire.
    """
    account, rule, calendar = customer.points, rules.points, rules.calendar
    if account is None or rule is None or rule.warn_days is None:
        return
    points: dict[int, int] = {}
    for lot in account.lots:
        if lot.expires_ms is not None and lot.expires_ms not in account.warned:
            points[lot.expires_ms] = points.get(lot.expires_ms, 0) + lot.points
    for expires_ms, number in sorted(points.items()):
        remind_day = max(calendar.day(expires_ms) - rule.warn_days, after_day + 1)
        if calendar.start(remind_day) < expires_ms:
            yield Expiry(remind_day, expires_ms, number)
