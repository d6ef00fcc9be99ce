"""`ticket.overdue`: a stage of a ticket that did not end in time, at each instant of its terms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from handlers import outputs
from handlers.care.reminders import emit_reminder, reminder_head
from handlers.context import Context
from handlers.events import Event, TicketChanged, TicketOpened, TicketResponded
from handlers.outputs import PromiseView, TicketOverdue
from handlers.state.customer import MAX_TICKETS, Customer, Ticket
from handlers.state.promise import Promise, Stage
from scoring.care.service_levels import RESOLUTION, RESPONSE, Overdue, TicketsRule
from scoring.rules import Rules
from scoring.timestamps import NEVER_MS, rfc3339

_RESOLVED, _REOPENED = "ticket.resolved", "ticket.reopened"


class Running(NamedTuple):
    """A stage of a ticket that runs, and the instants of its terms, in order."""

    ticket: Ticket
    name: str
    stage: Stage
    overdues: list[Overdue]


def follow_ticket(context: Context, customer: Customer, event: Event, now_ms: int) -> None:
    """Begin and end the stages of a ticket by its event, which was applied, and tell what is past.

    Of instants that are past already only the latest of a stage goes out.
    """
    if not isinstance(event, TicketOpened | TicketResponded | TicketChanged):
        return
    rule = _declared(context.rules)
    if rule is None:
        return
    ticket = _ticket(customer, event.ticket_id)
    if ticket.promise is None:
        ticket.promise = Promise()
    _apply(ticket, ticket.promise, event, customer.tier)
    _tell(context, customer, rule, [ticket], now_ms)


def tell_overdue(context: Context, customer: Customer, now_ms: int) -> None:
    """Tell the latest instant of each stage that has come and was not told, by ticket id."""
    rule = _declared(context.rules)
    if rule is not None:
        tickets = [each for each in customer.tickets if each.promise is not None]
        _tell(context, customer, rule, tickets, now_ms)


def forget_promises(customer: Customer, rules: Rules) -> None:
    """Forget what was promised, under a policy that promises nothing."""
    if _declared(rules) is None:
        for ticket in customer.tickets:
            ticket.promise = None


def overdue_due_ms(customer: Customer) -> int | None:
    """When the next stage of a ticket is overdue; None if none is to come."""
    dues = (
        stage.next_ms
        for ticket in customer.tickets
        if ticket.promise is not None
        for stage in (ticket.promise.response, ticket.promise.resolution)
        if stage is not None and stage.next_ms is not None
    )
    return min(dues, default=None)


def running(rules: Rules, customer: Customer) -> Iterator[Running]:
    """The stages that run and have terms, by ticket id, the response first."""
    rule = _declared(rules)
    if rule is not None:
        for ticket in sorted(customer.tickets, key=lambda each: each.ticket_id):
            yield from _running(rule, ticket)


def promises_view(rules: Rules, customer: Customer, as_of_ms: int) -> list[PromiseView]:
    """The stages that run, by ticket id, for the profile."""
    found = []
    for ticket, name, stage, overdues in running(rules, customer):
        told = [each for each in overdues if each.at_ms <= stage.told_ms]
        coming = next((each for each in overdues if each.at_ms > stage.told_ms), None)
        due_ms = overdues[0].at_ms
        found.append(
            PromiseView(
                ticket_id=ticket.ticket_id,
                stage=name,
                due_at=rfc3339(due_ms),
                overdue=due_ms <= as_of_ms,
                step=told[-1].step if told else None,
                next_at=None if coming is None else rfc3339(coming.at_ms),
                next_step=None if coming is None else coming.step,
            )
        )
    return found


def _declared(rules: Rules) -> TicketsRule | None:
    return None if rules.care is None else rules.care.tickets


def _ticket(customer: Customer, ticket_id: str) -> Ticket:
    """The ticket of an id; one that is not known yet, for an answer that came before it."""
    for ticket in customer.tickets:
        if ticket.ticket_id == ticket_id:
            return ticket
    ticket = Ticket(ticket_id, None, NEVER_MS, is_open=False, changed_ms=NEVER_MS)
    customer.tickets.append(ticket)
    if len(customer.tickets) > MAX_TICKETS:
        del customer.tickets[0]
    return ticket


def _apply(ticket: Ticket, promise: Promise, event: Event, tier: str) -> None:
    at_ms = event.occurred_ms
    if isinstance(event, TicketOpened):
        promise.take_opening(at_ms, event.severity, tier)
    elif event.type != _REOPENED:
        promise.take_answer(at_ms)
    if isinstance(event, TicketResponded):
        return
    if not ticket.is_open:
        promise.resolution = None
    elif ticket.changed_ms == at_ms and (event.type == _REOPENED or promise.resolution is None):
        promise.begin_resolution(at_ms, tier)


def _tell(
    context: Context, customer: Customer, rule: TicketsRule, tickets: list[Ticket], now_ms: int
) -> None:
    """Tell what has come of some tickets, and plan what is to come."""
    for ticket in sorted(tickets, key=lambda each: each.ticket_id):
        for each in _running(rule, ticket, with_none=True):
            stage = each.stage
            fresh = [one for one in each.overdues if one.at_ms > stage.told_ms]
            past = [one for one in fresh if one.at_ms <= now_ms]
            stage.next_ms = next((one.at_ms for one in fresh if one.at_ms > now_ms), None)
            if past:
                stage.told_ms = past[-1].at_ms
                _emit(context, customer, each, past[-1])


def _running(rule: TicketsRule, ticket: Ticket, *, with_none: bool = False) -> Iterator[Running]:
    """The stages of a ticket that run, those without terms only `with_none`."""
    promise = ticket.promise
    if promise is None:
        return
    for name, stage in ((RESPONSE, promise.response), (RESOLUTION, promise.resolution)):
        if stage is not None:
            terms = rule.terms_for(ticket.kind, promise.severity, stage.tier)
            overdues = rule.overdues(terms, name, stage.began_ms)
            if overdues or with_none:
                yield Running(ticket, name, stage, overdues)


def _emit(context: Context, customer: Customer, overdue: Running, told: Overdue) -> None:
    due_ms, calendar = overdue.overdues[0].at_ms, context.rules.calendar
    ticket_id = overdue.ticket.ticket_id
    data = TicketOverdue(
        **reminder_head(
            context, customer, outputs.TICKET_OVERDUE, calendar.day(due_ms), None, told.at_ms
        ),
        ticket_id=ticket_id,
        stage=overdue.name,
        step=told.step,
        due_at=rfc3339(due_ms),
    )
    key = f"{overdue.name}:{overdue.stage.began_ms}:{told.at_ms}:{ticket_id}"
    emit_reminder(context, customer, outputs.TICKET_OVERDUE, data, key, told.at_ms)
