"""Points that are spent, come back from a cancelled redemption, or are moved by hand."""

from __future__ import annotations

from handlers import outputs
from handlers.context import Context
from handlers.effects import AppliedEvent
from handlers.events import PointsAdjusted, PointsRedeemed, RedemptionCancelled
from handlers.outputs import PointsRefused
from handlers.points.changes import About, account_of, emit_change, lot_of_today
from handlers.state.customer import Customer
from scoring.points.terms import PointsRule

REDEMPTION, CANCELLED, ADJUSTMENT = "redemption", "redemption_cancelled", "adjustment"
INSUFFICIENT = "insufficient"
_LOTS_SINCE = 3
"""The format from which on a state says which lots a redemption took."""


def redeem(
    context: Context, customer: Customer, event: PointsRedeemed, applied: AppliedEvent
) -> None:
    """Spend points, or refuse to; one that was cancelled before it came has no effect."""
    account, now_ms = account_of(customer), applied.now_ms
    if account.was_cancelled(event.redemption_id, event.points):
        return
    keeps_lots = context.rules.format >= _LOTS_SINCE
    if account.redeem(event.redemption_id, event.points, keeps_lots=keeps_lots):
        about = About(redemption_id=event.redemption_id)
        cause = applied.cause._replace(reason=REDEMPTION)
        emit_change(context, customer, -event.points, now_ms, cause, about)
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


def cancel_redemption(
    context: Context, customer: Customer, event: RedemptionCancelled, applied: AppliedEvent
) -> None:
    """Give back what a redemption spent; one that is unknown is waited for."""
    account, now_ms = account_of(customer), applied.now_ms
    before = account.balance
    context.tally.unmatched += account.cancel(event.redemption_id, now_ms)
    delta = account.balance - before
    if delta:
        about = About(redemption_id=event.redemption_id)
        cause = applied.cause._replace(reason=CANCELLED)
        emit_change(context, customer, delta, now_ms, cause, about)


def adjust(
    context: Context,
    customer: Customer,
    event: PointsAdjusted,
    rule: PointsRule,
    applied: AppliedEvent,
) -> None:
    """Give or take points by hand: given ones expire like earned ones."""
    account, now_ms = account_of(customer), applied.now_ms
    if event.points > 0:
        account.earn(event.points, *lot_of_today(context.rules, rule, now_ms))
    else:
        account.deduct(-event.points)
    cause = applied.cause._replace(reason=ADJUSTMENT)
    about = About(adjustment_reason=event.reason)
    emit_change(context, customer, event.points, now_ms, cause, about)
