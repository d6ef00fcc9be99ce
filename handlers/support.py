"""Support tickets and surveys: interactions, and what is open."""

from __future__ import annotations

from handlers.browse import interaction
from handlers.customer import MAX_TICKETS, NEVER_MS, Customer, Ticket
from handlers.dormancy import CameBack
from handlers.events import SurveyAnswered, TicketChanged


def ticket_changed(customer: Customer, event: TicketChanged) -> CameBack:
    """Keep each ticket as its newest event, by time, left it; the 64 told of last."""
    tickets = customer.tickets
    known = next((t for t in tickets if t.ticket_id == event.ticket_id), None)
    if known is None:
        known = Ticket(event.ticket_id, None, NEVER_MS, is_open=False, changed_ms=NEVER_MS)
    else:
        tickets.remove(known)
    tickets.append(known)
    if event.kind is not None and event.occurred_ms >= known.kind_ms:
        known.kind, known.kind_ms = event.kind, event.occurred_ms
    if event.occurred_ms >= known.changed_ms:
        known.is_open = event.type != "ticket.resolved"
        known.changed_ms = event.occurred_ms
    if len(tickets) > MAX_TICKETS:
        del tickets[0]
    return interaction(customer, event.occurred_ms)


def survey_answered(customer: Customer, event: SurveyAnswered) -> CameBack:
    """An answer is an interaction."""
    return interaction(customer, event.occurred_ms)
