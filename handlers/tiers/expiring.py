"""`tier.expiring`: a fall that lies ahead is told so many business days before it."""

from __future__ import annotations

from handlers import outputs
from handlers.care.reminders import emit_reminder, reminder_head
from handlers.context import Context
from handlers.outputs import Keep, TierExpiring
from handlers.state.customer import Customer
from handlers.state.expiring import Expiring
from handlers.tiers.outlook import Ahead, ahead, keep, keeps_until
from scoring.rules import Rules


def warn_of_fall(context: Context, customer: Customer, now_ms: int) -> None:
    """Tell of the next fall if it is time, else plan when; call it after each evaluation.

    A fall is told at the start of the business day `warn_days` before it. If it comes to be known
    later than that, it is told at the start of the next business day, unless it has come by then.
    Each tier and business day of a fall is told once.
    """
    rules, expiring = context.rules, customer.expiring
    coming = None if rules.warn_days is None else ahead(rules, customer, now_ms)
    if coming is None:
        if expiring is not None:
            expiring.at_ms = None
        return
    if expiring is None:
        expiring = customer.expiring = Expiring()
    day = rules.calendar.day(coming.fall.at_ms)
    if expiring.at_ms is None or (expiring.tier, expiring.day) != (customer.tier, day):
        expiring.plan(customer.tier, day, _tell_at_ms(rules, expiring, customer, coming, now_ms))
    if expiring.at_ms is not None and expiring.at_ms <= now_ms:
        expiring.note_told(rules.calendar.day(now_ms))
        _emit(context, customer, coming, day, now_ms)


def replan(customer: Customer) -> None:
    """Forget when the next fall was to be told: a new policy may say otherwise."""
    if customer.expiring is not None:
        customer.expiring.at_ms = None


def expiring_due_ms(customer: Customer) -> int | None:
    """When the next fall is told; None if none is."""
    return None if customer.expiring is None else customer.expiring.at_ms


def _tell_at_ms(
    rules: Rules, expiring: Expiring, customer: Customer, coming: Ahead, now_ms: int
) -> int | None:
    """When a fall that has just come to be known is told; None if it is not."""
    calendar, warn_days = rules.calendar, rules.warn_days
    day = calendar.day(coming.fall.at_ms)
    if warn_days is None or (customer.tier, day) in expiring.told:
        return None
    at_ms = calendar.start(day - warn_days)
    if at_ms < now_ms:
        at_ms = calendar.start(calendar.day(now_ms) + 1)
    return at_ms if at_ms < coming.fall.at_ms else None


def _emit(context: Context, customer: Customer, coming: Ahead, day: int, now_ms: int) -> None:
    rules = context.rules
    needed = keep(rules, customer, coming, now_ms) or Keep(None, None)
    until = keeps_until(coming)
    assert until is not None
    data = TierExpiring(
        **reminder_head(context, customer, outputs.TIER_EXPIRING, day, None, now_ms),
        falls_to=rules.tier_name(coming.fall.rank),
        keeps_until=until,
        orders_needed=needed.orders_needed,
        total_needed=needed.total_needed,
    )
    key = f"{data.due_on}:{customer.tier}"
    emit_reminder(context, customer, outputs.TIER_EXPIRING, data, key, now_ms)
