"""`visit.due`: so many business days after the last contact made, once for each."""

from __future__ import annotations

from handlers import outputs
from handlers.care.reminders import emit_reminder, reminder_head
from handlers.context import Context
from handlers.events import ActivityRecorded, Event
from handlers.outputs import VisitDue, optional_time
from handlers.state.customer import Customer
from handlers.state.visits import Visits
from scoring.calendar import date_of_day
from scoring.policy import VisitsPolicy
from scoring.rules import Rules


def follow_visits(
    customer: Customer, rules: Rules, now_ms: int, event: Event | None = None
) -> None:
    """Note the tier as of now, and the contact that an event is, if the policy asks for visits."""
    declared = _declared(rules)
    if declared is None:
        customer.visits = None
        return
    if customer.visits is None:
        customer.visits = Visits(customer.tier, now_ms)
    customer.visits.note_tier(customer.tier, now_ms)
    if isinstance(event, ActivityRecorded) and event.activity in declared.activities:
        customer.visits.note_contact(event.occurred_ms)


def remind_of_visit(context: Context, customer: Customer, now_ms: int) -> None:
    """Send the reminder of a visit whose day has come, at the start of a business day."""
    rules = context.rules
    calendar, declared = rules.calendar, _declared(rules)
    follow_visits(customer, rules, now_ms)
    visits, day = customer.visits, visit_day(rules, customer)
    today = calendar.day(now_ms)
    if day is None or visits is None or declared is None:
        return
    if day > today or calendar.start(today) != now_ms:
        return
    visits.is_told = True
    data = VisitDue(
        **reminder_head(context, customer, outputs.VISIT_DUE, day, None, now_ms),
        last_contact_at=optional_time(visits.contact_ms),
        days=declared.days[customer.tier],
    )
    what = "tier" if visits.contact_ms is None else "contact"
    key = f"{what}:{visits.since_ms}"
    emit_reminder(context, customer, outputs.VISIT_DUE, data, key, now_ms)


def visit_day(rules: Rules, customer: Customer) -> int | None:
    """The business day on which a visit is due, by the tier of today; None if none is.

    It may have passed, where the tier has changed, or the contact was told late.
    """
    declared, visits = _declared(rules), customer.visits
    if declared is None or visits is None or visits.is_told:
        return None
    days = declared.days.get(customer.tier)
    return None if days is None else rules.calendar.day(visits.since_ms) + days


def next_visit_on(rules: Rules, customer: Customer) -> str | None:
    """The date of the next visit; None if none is to come."""
    day = visit_day(rules, customer)
    return None if day is None else date_of_day(day).isoformat()


def visit_due_ms(rules: Rules, customer: Customer, now_ms: int) -> int | None:
    """When the reminder of a visit goes out after `now_ms`; None if none does.

    One for a day that has begun goes out at the start of the next business day.
    """
    day = visit_day(rules, customer)
    if day is None:
        return None
    return rules.calendar.start(max(day, rules.calendar.day(now_ms) + 1))


def _declared(rules: Rules) -> VisitsPolicy | None:
    return None if rules.care is None else rules.care.visits
