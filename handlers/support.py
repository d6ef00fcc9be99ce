"""Support tickets and surveys: interactions, open tickets, answers, times to resolution."""

from __future__ import annotations

from handlers.browse import touch
from handlers.events import (
    CHURN,
    FollowupScheduled,
    SurveyAnswered,
    TicketChanged,
    TicketOpened,
    TicketResponded,
)
from handlers.state.customer import MAX_TICKETS, Customer, Ticket
from handlers.state.followup import Followup, take
from scoring.calendar import day_of_date
from scoring.satisfaction import ChurnAnswer, Timed, enter
from scoring.timestamps import NEVER_MS, parse_date

_RESOLVED = "ticket.resolved"


def ticket_changed(customer: Customer, event: TicketOpened | TicketChanged) -> int:
    """Update a ticket by its newest event; the 64 tickets with the latest arrivals are kept."""
    tickets = customer.tickets
    known = next((t for t in tickets if t.ticket_id == event.ticket_id), None)
    if known is None:
        known = Ticket(event.ticket_id, None, NEVER_MS, is_open=False, changed_ms=NEVER_MS)
    else:
        tickets.remove(known)
    tickets.append(known)
    kind = event.kind if type(event) is TicketOpened else None
    if kind is not None and event.occurred_ms >= known.kind_ms:
        known.kind, known.kind_ms = kind, event.occurred_ms
    resolution = _open_or_close(known, event)
    if resolution is not None and customer.experience is not None:
        enter(customer.experience.resolutions, *resolution)
    if len(tickets) > MAX_TICKETS:
        del tickets[0]
    return touch(customer, event.occurred_ms)


def ticket_responded(customer: Customer, event: TicketResponded) -> None:
    """No interaction: the shop answered, not the customer."""


def followup_scheduled(customer: Customer, event: FollowupScheduled) -> None:
    """Agree, move or end a follow-up, by its newest `occurred_at`: no interaction."""
    on = None if event.on is None else parse_date(event.on)
    day = None if on is None else day_of_date(on)
    told = Followup(event.followup_id, day, event.occurred_ms, event.by, event.note)
    take(customer.followups, told)


def survey_answered(customer: Customer, event: SurveyAnswered) -> int:
    """Note an interaction, the reason of somebody who left, and the score if the policy asks."""
    if event.survey == CHURN:
        _take_reason(customer, event)
    elif customer.experience is not None:
        assert event.score is not None
        kept = customer.experience.csat if event.survey == "csat" else customer.experience.nps
        enter(kept, event.occurred_ms, event.score)
    return touch(customer, event.occurred_ms)


def _take_reason(customer: Customer, event: SurveyAnswered) -> None:
    known, at_ms = customer.churn_answer, event.occurred_ms
    if known is None or at_ms >= known.at_ms:
        assert event.answer is not None
        customer.churn_answer = ChurnAnswer(event.answer, at_ms)


def _open_or_close(ticket: Ticket, event: TicketOpened | TicketChanged) -> Timed | None:
    """Open or close a ticket, and return a resolution: when it was, and how long it took.

    A resolution that arrives before the opening of its ticket waits for it. Other events that are
    older than the ticket's newest change nothing.
    """
    at_ms, resolves = event.occurred_ms, event.type == _RESOLVED
    since_ms = ticket.open_since_ms
    if at_ms < ticket.changed_ms:
        if resolves or since_ms != NEVER_MS:
            return None
        ticket.open_since_ms = None
        return ticket.changed_ms, ticket.changed_ms - at_ms
    is_new, was_open = ticket.changed_ms == NEVER_MS, ticket.is_open
    ticket.is_open, ticket.changed_ms = not resolves, at_ms
    if not resolves:
        if not was_open:
            ticket.open_since_ms = at_ms
        return None
    if is_new:
        ticket.open_since_ms = NEVER_MS
    if not was_open or since_ms is None:
        return None
    ticket.open_since_ms = None
    return at_ms, at_ms - since_ms
