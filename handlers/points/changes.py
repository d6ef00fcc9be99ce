"""The output about a movement of points, and the account that it moves."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import UNSET, UnsetType

from handlers import outputs
from handlers.context import Cause, Context
from handlers.outputs import PointsChanged, PointsView, optional_time
from handlers.state.customer import Customer
from scoring.points.account import Account
from scoring.points.terms import PointsRule
from scoring.rules import Rules


class About(NamedTuple):
    """What the points were given or taken for."""

    order_id: str | None = None
    activity: str | None = None
    redemption_id: str | None = None
    adjustment_reason: str | UnsetType = UNSET


def account_of(customer: Customer) -> Account:
    """The customer's account, a new one if there is none."""
    if customer.points is None:
        customer.points = Account()
    return customer.points


def lot_of_today(rules: Rules, rule: PointsRule, now_ms: int) -> tuple[int, int | None]:
    """The business day of points earned now, and the instant at which they expire."""
    calendar, days = rules.calendar, rule.expire_after_days
    today = calendar.day(now_ms)
    return today, None if days is None else calendar.start(today + days)


def points_view(customer: Customer) -> PointsView:
    """The points as the profile shows them."""
    account = customer.points or Account()
    expires_ms, expiring = account.next_expiry() or (None, None)
    return PointsView(
        balance=account.balance,
        next_expiry_at=optional_time(expires_ms),
        next_expiry_points=expiring,
        earned=account.earned,
        redeemed=account.redeemed,
        taken_back=account.taken_back,
        expired=account.expired,
    )


def emit_change(
    context: Context, customer: Customer, delta: int, now_ms: int, cause: Cause, about: About
) -> None:
    """Report a change of the balance, and count it."""
    account = account_of(customer)
    expires_ms, expiring = account.next_expiry() or (None, None)
    data = PointsChanged(
        **context.head(customer, now_ms, cause.reason),
        cause=cause.reason,
        caused_by=list(cause.event_ids),
        order_id=about.order_id,
        activity=about.activity,
        redemption_id=about.redemption_id,
        delta=delta,
        balance=account.balance,
        next_expiry_at=optional_time(expires_ms),
        next_expiry_points=expiring,
        adjustment_reason=about.adjustment_reason,
    )
    direction = "up" if delta > 0 else "down"
    context.count(context.tally.points, (cause.reason, direction), abs(delta))
    context.emit(outputs.PROFILE_CHANGES, outputs.POINTS_CHANGED, customer, cause.key, now_ms, data)
