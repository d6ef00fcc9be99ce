"""Service levels of one customer: visits and the stages of tickets, where a policy has them."""

from __future__ import annotations

from handlers.care.retention import resume_retention, tell_retention
from handlers.care.ticket_stages import follow_ticket, forget_promises, tell_overdue
from handlers.care.visits import follow_visits, remind_of_visit
from handlers.context import Context
from handlers.effects import AppliedEvent
from handlers.state.customer import Customer


def follow_service(context: Context, customer: Customer, applied: AppliedEvent) -> None:
    """Apply an accepted event."""
    care = context.rules.care
    if care is None:
        return
    if care.visits is not None:
        follow_visits(customer, context.rules, applied.now_ms, applied.event)
    if care.tickets is not None:
        follow_ticket(context, customer, applied.event, applied.now_ms)


def remind_of_service(context: Context, customer: Customer, due_ms: int) -> None:
    """Send what is due at an instant, of the retention, too."""
    care = context.rules.care
    if care is not None and care.visits is not None:
        remind_of_visit(context, customer, due_ms)
    if customer.retention is not None:
        tell_retention(context, customer, due_ms)
    if care is not None and care.tickets is not None:
        tell_overdue(context, customer, due_ms)


def resume_service(context: Context, customer: Customer, now_ms: int) -> None:
    """Go on under a new policy, or after a merge: what is past by now goes out at once."""
    follow_visits(customer, context.rules, now_ms)
    resume_retention(context, customer, now_ms)
    forget_promises(customer, context.rules)
    tell_overdue(context, customer, now_ms)
