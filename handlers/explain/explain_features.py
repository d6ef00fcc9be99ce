"""The account of points and the reminders to come, as `handlers.explain.build` tells them."""

from __future__ import annotations

from handlers.care import coming
from handlers.explain.model import LotWhy, PointsWhy, ReminderWhy
from handlers.explain.orders import date_of
from handlers.outputs import optional_time
from handlers.state.customer import Customer
from scoring.points import Account
from scoring.rules import Rules
from scoring.timestamps import rfc3339


def points_why(customer: Customer, rules: Rules) -> PointsWhy | None:
    """The account of points; None with a policy that has none."""
    if rules.points is None:
        return None
    account = customer.points or Account()
    return PointsWhy(
        balance=account.balance,
        owed=account.owed,
        earned=account.earned,
        redeemed=account.redeemed,
        taken_back=account.taken_back,
        expired=account.expired,
        lots=[
            LotWhy(date_of(lot.day), lot.points, optional_time(lot.expires_ms))
            for lot in account.lots
        ],
        next_order_rate=rules.points.rate_text(customer.tier),
    )


def reminders_why(customer: Customer, rules: Rules, clock_ms: int) -> list[ReminderWhy] | None:
    """The next reminder of each kind, soonest first; None with a policy that has none."""
    if rules.care is None:
        return None
    return [
        ReminderWhy(rfc3339(each.at_ms), each.kind, each.due_on, each.name)
        for each in sorted(coming(rules, customer, clock_ms))
    ]
