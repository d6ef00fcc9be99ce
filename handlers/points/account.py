"""A customer's points: how events and time change them, and the outputs about it."""

from __future__ import annotations

from handlers.context import Cause, Context
from handlers.effects import AppliedEvent
from handlers.events import ActivityRecorded, PointsAdjusted, PointsRedeemed, RedemptionCancelled
from handlers.points.changes import About, account_of, emit_change, lot_of_today
from handlers.points.expiring import expiring_due_ms
from handlers.points.redemptions import adjust, cancel_redemption, redeem
from handlers.state.customer import Customer
from scoring.orders.joining import Joined
from scoring.orders.order import Order
from scoring.points.terms import PointsRule
from scoring.rules import Rules

ACTIVITY, EXPIRY = "activity", "expiry"


def follow_points(context: Context, customer: Customer, applied: AppliedEvent) -> None:
    """Earn, take back or spend points by an accepted event, if it is about any."""
    rule, event, order = context.rules.points, applied.event, applied.effect.order
    assert rule is not None
    if order is not None:
        _follow_order(context, customer, order, rule, applied)
    elif applied.effect.returned:
        for returned in applied.effect.returned:
            key = f"{applied.cause.key}:{returned.order_id}"
            cause = applied.cause._replace(key=key)
            _follow_order(context, customer, returned, rule, applied._replace(cause=cause))
    elif type(event) is ActivityRecorded:
        _earn_by_activity(context, customer, event, rule, applied)
    elif type(event) is PointsRedeemed:
        redeem(context, customer, event, applied)
    elif type(event) is RedemptionCancelled:
        cancel_redemption(context, customer, event, applied)
    elif type(event) is PointsAdjusted:
        adjust(context, customer, event, rule, applied)


def expire_points(context: Context, customer: Customer, now_ms: int, cause: Cause) -> None:
    """Expire points, and report them together with what a merge brought unreported."""
    account = customer.points
    if account is None:
        return
    delta = account.unreported - account.expire(now_ms)
    account.unreported = 0
    if delta:
        emit_change(context, customer, delta, now_ms, cause, About())


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
                order.earned = rule.earned(tier_before)
            _bring_in_line(context.rules, rule, customer, order, now_ms)
    account = customer.points
    if account is None:
        return
    for order in joined.duplicates:
        earned = order.earned
        if earned is not None and earned.points and not earned.is_gone(now_ms):
            account.take_back(earned.points, earned.day, earned.expires_ms)
    account.settle_cancelled(now_ms)
    delta = account.balance - balance_before
    if rule is None:
        account.unreported += delta
    elif delta:
        emit_change(context, customer, delta, now_ms, cause, About())


def points_due_ms(rules: Rules, customer: Customer, now_ms: int) -> int | None:
    """When the next points expire, or a reminder of it is due after `now_ms`."""
    found = None if customer.points is None else customer.points.next_expiry()
    if found is None:
        return None
    reminder_ms = expiring_due_ms(rules, customer, now_ms)
    return found[0] if reminder_ms is None else min(found[0], reminder_ms)


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
        earned = order.earned = rule.earned(applied.tier_before)
    delta = _bring_in_line(context.rules, rule, customer, order, applied.now_ms)
    if delta:
        about = About(order_id=order.order_id)
        emit_change(context, customer, delta, applied.now_ms, applied.cause, about)


def _bring_in_line(
    rules: Rules, rule: PointsRule, customer: Customer, order: Order, now_ms: int
) -> int:
    """Give or take the difference between the points an order has and should have; returns it."""
    earned = order.earned
    if earned is None:
        return 0
    worth = earned.worth(order.value) if order.counts else 0
    delta = worth - earned.points
    if delta == 0 or earned.is_gone(now_ms):
        return 0
    account = account_of(customer)
    if delta > 0:
        earned.day, earned.expires_ms = lot_of_today(rules, rule, now_ms)
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
    day, expires_ms = lot_of_today(context.rules, rule, now_ms)
    account = account_of(customer)
    if account.count(event.activity, activity, day):
        account.earn(activity.points, day, expires_ms)
        cause, about = applied.cause._replace(reason=ACTIVITY), About(activity=event.activity)
        emit_change(context, customer, activity.points, now_ms, cause, about)
