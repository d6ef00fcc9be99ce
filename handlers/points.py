"""A customer's points: how events and time change them, and the outputs about it."""

from __future__ import annotations

from typing import NamedTuple

from handlers import outputs
from handlers.context import Cause, Context
from handlers.effects import AppliedEvent
from handlers.events import ActivityRecorded, PointsRedeemed
from handlers.outputs import PointsChanged, PointsRefused, PointsView, optional_time
from handlers.state.customer import Customer
from scoring.joining import Joined
from scoring.order import Order
from scoring.points import Account, Earned, PointsRule
from scoring.rules import Rules

ACTIVITY, REDEMPTION, EXPIRY = "activity", "redemption", "expiry"
INSUFFICIENT = "insufficient"


class _About(NamedTuple):
    """What the points were given or taken for."""

    order_id: str | None = None
    activity: str | None = None
    redemption_id: str | None = None


def follow_points(context: Context, customer: Customer, applied: AppliedEvent) -> None:
    """Earn, take back or spend points by an accepted event, if it is about any."""
    rule, event, order = context.rules.points, applied.event, applied.effect.order
    assert rule is not None
    if order is not None:
        _follow_order(context, customer, order, rule, applied)
    elif type(event) is ActivityRecorded:
        _earn_by_activity(context, customer, event, rule, applied)
    elif type(event) is PointsRedeemed:
        _redeem(context, customer, event, applied)


def expire_points(context: Context, customer: Customer, now_ms: int, cause: Cause) -> None:
    """Expire points, and report them together with what a merge brought unreported."""
    account = customer.points
    if account is None:
        return
    delta = account.unreported - account.expire(now_ms)
    account.unreported = 0
    if delta:
        _emit(context, customer, account, delta, now_ms, cause, _About())


def join_points(
    context: Context,
    customer: Customer,
    joined: Joined,
    before: tuple[str, int],
    now_ms: int,
    cause: Cause,
) -> None:
    """Bring the points in line with the joined orders of a merge, and report the sum.

    An order that gave points under both ids gives them once.

    Args:
        before: the customer's tier and balance without the merge.
    """
    tier_before, balance_before = before
    rule = context.rules.points
    if rule is not None:
        for order, counted_before in joined.changed:
            if order.earned is None and order.counts and not counted_before:
                order.earned = Earned(rule.terms(tier_before))
            _bring_in_line(context.rules, rule, customer, order, now_ms)
    account = customer.points
    if account is None:
        return
    for order in joined.duplicates:
        earned = order.earned
        if earned is not None and earned.points and not earned.is_gone(now_ms):
            account.take_back(earned.points, earned.day, earned.expires_ms)
    delta = account.balance - balance_before
    if rule is None:
        account.unreported += delta
    elif delta:
        _emit(context, customer, account, delta, now_ms, cause, _About())


def points_due_ms(customer: Customer) -> int | None:
    """When the next points expire."""
    found = None if customer.points is None else customer.points.next_expiry()
    return None if found is None else found[0]


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


def _follow_order(
    context: Context, customer: Customer, order: Order, rule: PointsRule, applied: AppliedEvent
) -> None:
    """Give or take points, so that an order has the points of its present value.

    The terms are those of the customer's tier before the event that first made the order count.
    """
    earned = order.earned
    if earned is None:
        if not applied.effect.comes_to_count:
            return
        earned = order.earned = Earned(rule.terms(applied.tier_before))
    delta = _bring_in_line(context.rules, rule, customer, order, applied.now_ms)
    if delta:
        about = _About(order_id=order.order_id)
        account = _account(customer)
        _emit(context, customer, account, delta, applied.now_ms, applied.cause, about)


def _bring_in_line(
    rules: Rules, rule: PointsRule, customer: Customer, order: Order, now_ms: int
) -> int:
    """Give or take the difference between the points an order has and should have; returns it."""
    earned = order.earned
    if earned is None:
        return 0
    worth = earned.terms.points(order.value) if order.counts else 0
    delta = worth - earned.points
    if delta == 0 or earned.is_gone(now_ms):
        return 0
    account = _account(customer)
    if delta > 0:
        earned.day, earned.expires_ms = _lot_of_today(rules, rule, now_ms)
        account.earn(delta, earned.day, earned.expires_ms)
    else:
        account.take_back(-delta, earned.day, earned.expires_ms)
    earned.points = worth
    return delta


def _earn_by_activity(
    context: Context,
    customer: Customer,
    event: ActivityRecorded,
    rule: PointsRule,
    applied: AppliedEvent,
) -> None:
    activity, now_ms = rule.activities.get(event.activity), applied.now_ms
    if activity is None:
        return
    day, expires_ms = _lot_of_today(context.rules, rule, now_ms)
    account = _account(customer)
    if account.count(event.activity, activity, day):
        account.earn(activity.points, day, expires_ms)
        cause, about = applied.cause._replace(reason=ACTIVITY), _About(activity=event.activity)
        _emit(context, customer, account, activity.points, now_ms, cause, about)


def _redeem(
    context: Context, customer: Customer, event: PointsRedeemed, applied: AppliedEvent
) -> None:
    account, now_ms = _account(customer), applied.now_ms
    if account.redeem(event.redemption_id, event.points):
        about = _About(redemption_id=event.redemption_id)
        cause = applied.cause._replace(reason=REDEMPTION)
        _emit(context, customer, account, -event.points, now_ms, cause, about)
        return
    data = PointsRefused(
        **context.head(customer, now_ms, INSUFFICIENT),
        caused_by=list(applied.cause.event_ids),
        redemption_id=event.redemption_id,
        points=event.points,
        balance=account.balance,
    )
    key = applied.cause.key
    context.emit(outputs.PROFILE_CHANGES, outputs.POINTS_REFUSED, customer, key, now_ms, data)


def _account(customer: Customer) -> Account:
    if customer.points is None:
        customer.points = Account()
    return customer.points


def _lot_of_today(rules: Rules, rule: PointsRule, now_ms: int) -> tuple[int, int | None]:
    """The business day of points earned now, and the instant at which they expire."""
    calendar, days = rules.calendar, rule.expire_after_days
    today = calendar.day(now_ms)
    return today, None if days is None else calendar.start(today + days)


def _emit(
    context: Context,
    customer: Customer,
    account: Account,
    delta: int,
    now_ms: int,
    cause: Cause,
    about: _About,
) -> None:
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
    )
    direction = "up" if delta > 0 else "down"
    context.count(context.tally.points, (cause.reason, direction), abs(delta))
    context.emit(outputs.PROFILE_CHANGES, outputs.POINTS_CHANGED, customer, cause.key, now_ms, data)
