"""When a customer is due next.

What was dropped because it raised (`handlers.failures`) is not due again: the customer is as before
it, so the rules would name the same instant once more. Only later ones count then. What was dropped
is made up for, if it can be, at the customer's next instant.
"""

from __future__ import annotations

from collections.abc import Iterator

from handlers.care.followups import followups_due_ms, followups_dues
from handlers.care.retention import erased_at_ms, told_at_ms
from handlers.care.surveys import surveys_due_ms
from handlers.care.ticket_stages import overdue_due_ms, running
from handlers.care.upcoming import care_due_ms
from handlers.care.visits import visit_due_ms
from handlers.context import Context
from handlers.dormancy import instants_of, level_due_ms
from handlers.failures import must_stop
from handlers.points.account import points_due_ms
from handlers.state.customer import Customer, stage_of
from handlers.tags.tagging import tags_due_ms
from handlers.tiers.due import grace_and_hold_days, leaving_days, recency_days, tier_due_ms
from handlers.tiers.expiring import expiring_due_ms
from scoring.rules import Rules


def plan(context: Context, customer: Customer, now_ms: int) -> None:
    """Set the customer's stage, and when it is due next after `now_ms`."""
    rules = context.rules
    customer.stage = stage_of(customer, rules)
    due = _earlier(tier_due_ms(rules, customer, now_ms), level_due_ms(rules, customer))
    if rules.has_features:
        for feature_due in _feature_dues(rules, customer, now_ms):
            due = _earlier(due, feature_due)
    if customer.followups:
        due = _earlier(due, followups_due_ms(rules, customer))
    if customer.expiring is not None:
        due = _earlier(due, customer.expiring.at_ms)
    if customer.retention is not None:
        due = _earlier(due, told_at_ms(rules, customer))
    if due is not None and due <= now_ms:
        due = due_after(rules, customer, now_ms)
    if customer.retention is not None:
        due = _earlier(due, erased_at_ms(rules, customer))
    customer.next_due_ms = due


def due_after(rules: Rules, customer: Customer, after_ms: int) -> int | None:
    """The first instant after another, where some before it were dropped.

    None if there is none, or if looking for it raises. But the erasure at the end of a retention is
    never dropped; it may lie before that instant.
    """
    erased_ms = erased_at_ms(rules, customer)
    try:
        dues = [due for due in _dues(rules, customer, after_ms) if due is not None]
        return _earlier(erased_ms, min((due for due in dues if due > after_ms), default=None))
    except Exception as error:
        if must_stop(error):
            raise
        return erased_ms


def _feature_dues(rules: Rules, customer: Customer, now_ms: int) -> tuple[int | None, ...]:
    """When each feature is due next after `now_ms`."""
    return (
        None if rules.care is None else care_due_ms(rules, customer, now_ms),
        None if customer.surveyed is None else surveys_due_ms(rules, customer, now_ms),
        None if customer.visits is None else visit_due_ms(rules, customer, now_ms),
        overdue_due_ms(customer) if rules.care is not None and rules.care.tickets else None,
        None if rules.points is None else points_due_ms(rules, customer, now_ms),
        None if rules.tags is None else tags_due_ms(rules, customer),
    )


def _dues(rules: Rules, customer: Customer, after_ms: int) -> Iterator[int | None]:
    """All instants that are known, passed ones too."""
    calendar = rules.calendar
    today = calendar.day(after_ms)
    yield tier_due_ms(rules, customer, after_ms)
    for said in (customer.override, customer.pending_override):
        if said is not None:
            yield said.until_ms
    days = [*leaving_days(rules, customer), *recency_days(rules, customer)]
    days += grace_and_hold_days(rules, customer)
    yield from (calendar.start(day) for day in days if day > today)
    yield from (instants_of(rules, customer) or ())[customer.level :]
    if rules.has_features:
        yield from _feature_dues(rules, customer, after_ms)
    yield from followups_dues(rules, customer)
    yield expiring_due_ms(customer)
    yield told_at_ms(rules, customer)
    for each in running(rules, customer):
        yield from (overdue.at_ms for overdue in each.overdues if overdue.at_ms > after_ms)
    if rules.points is not None and customer.points is not None:
        yield from (lot.expires_ms for lot in customer.points.lots)


def _earlier(due: int | None, other: int | None) -> int | None:
    """The earlier of two due instants, None standing for never."""
    if due is None or other is None:
        return other if due is None else due
    return min(due, other)
