"""`survey.due`: after a ticket, after an order, and from time to time; not again soon after."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from operator import attrgetter
from typing import NamedTuple

from handlers import outputs
from handlers.care.reminders import emit_reminder, reminder_head
from handlers.care.upcoming import is_for
from handlers.context import Context
from handlers.events import SurveyAnswered
from handlers.outputs import SurveyDue
from handlers.state.customer import Customer
from scoring.care.surveyed import Surveyed
from scoring.policy import SurveyAsk, SurveysPolicy
from scoring.rules import Rules
from scoring.timestamps import NEVER_MS

TICKET, ORDER, CADENCE = "ticket", "order", "cadence"


class Asking(NamedTuple):
    """A survey that is due on a business day, and what it is asked for."""

    day: int
    place: int
    """Among the triggers that are due on the same day."""
    subject: str
    """The id of the ticket or of the order; empty for the cadence."""
    trigger: str
    at_ms: int
    """When the ticket was resolved, the order placed, or the time of the cadence began."""
    ask: SurveyAsk


def follow_surveys(customer: Customer, rules: Rules, now_ms: int, answered_ms: int | None) -> None:
    """Begin to ask a customer if the policy asks anybody, and note an answer."""
    if _declared(rules) is None:
        return
    if customer.surveyed is None:
        customer.surveyed = Surveyed(now_ms)
    if answered_ms is not None:
        customer.surveyed.answered_ms = max(customer.surveyed.answered_ms, answered_ms)


def restart_surveys(customer: Customer, old_rules: Rules, rules: Rules, now_ms: int) -> None:
    """Begin the time of the cadence anew if the former policy asked nobody."""
    follow_surveys(customer, rules, now_ms, None)
    if customer.surveyed is not None and _declared(old_rules) is None:
        customer.surveyed.since_ms = now_ms


def answer_time(event: object) -> int | None:
    """When a survey was answered; None for another event."""
    return event.occurred_ms if type(event) is SurveyAnswered else None


def remind_of_surveys(context: Context, customer: Customer, now_ms: int) -> None:
    """Send the surveys due at the start of a business day, but none to who was asked lately."""
    rules, surveyed = context.rules, customer.surveyed
    declared, calendar = _declared(rules), rules.calendar
    if declared is None or surveyed is None:
        return
    today = calendar.day(now_ms)
    if calendar.start(today) != now_ms:
        return
    for asking in sorted(askings(rules, customer, today - 1, today), key=_place):
        if asking.day != today:
            continue
        if asking.trigger == TICKET:
            surveyed.ticket_ms = max(surveyed.ticket_ms, asking.at_ms)
        elif asking.trigger == ORDER:
            surveyed.order_ms = max(surveyed.order_ms, asking.at_ms)
        if surveyed.last_ms == NEVER_MS or (
            today - calendar.day(surveyed.last_ms) >= declared.rest_days
        ):
            surveyed.asked_ms = now_ms
            _emit(context, customer, asking, now_ms)


def surveys_due_ms(rules: Rules, customer: Customer, now_ms: int) -> int | None:
    """When a survey is due next after `now_ms`; None if none is."""
    today = rules.calendar.day(now_ms)
    days = [asking.day for asking in askings(rules, customer, today)]
    return rules.calendar.start(min(days)) if days else None


def askings(
    rules: Rules, customer: Customer, after_day: int, until_day: int | None = None
) -> Iterator[Asking]:
    """What is to be asked after a business day if nothing changes.

    After an order only the first is given, unless there is a last day: then all up to that one.
    """
    declared, surveyed = _declared(rules), customer.surveyed
    if declared is None or surveyed is None:
        return
    yield from _after_tickets(rules, declared, customer, surveyed, after_day)
    for asking in _after_orders(declared, customer, surveyed, after_day):
        if until_day is not None and asking.day > until_day:
            break
        yield asking
        if until_day is None:
            break
    ask = declared.cadence.get(customer.tier)
    if ask is not None:
        begun_ms = max(surveyed.since_ms, surveyed.last_ms)
        day = max(rules.calendar.day(begun_ms) + ask.days, after_day + 1)
        yield Asking(day, 2, "", CADENCE, begun_ms, ask)


def _after_tickets(
    rules: Rules, declared: SurveysPolicy, customer: Customer, surveyed: Surveyed, after_day: int
) -> Iterator[Asking]:
    ask = declared.after_ticket
    if ask is None or not is_for(ask.tiers, customer, prospects=True):
        return
    for ticket in customer.tickets:
        if not ticket.is_open and ticket.changed_ms > surveyed.ticket_ms:
            day = rules.calendar.day(ticket.changed_ms) + ask.days
            if day > after_day:
                yield Asking(day, 0, ticket.ticket_id, TICKET, ticket.changed_ms, ask)


def _after_orders(
    declared: SurveysPolicy, customer: Customer, surveyed: Surveyed, after_day: int
) -> Iterator[Asking]:
    ask = declared.after_order
    if ask is None or not is_for(ask.tiers, customer, prospects=True):
        return
    orders = customer.ledger.orders
    for at in range(bisect_right(orders, after_day - ask.days, key=attrgetter("day")), len(orders)):
        order = orders[at]
        if order.counts and order.placed_ms > surveyed.order_ms:
            yield Asking(order.day + ask.days, 1, order.order_id, ORDER, order.placed_ms, ask)


def _emit(context: Context, customer: Customer, asking: Asking, now_ms: int) -> None:
    trigger, subject = asking.trigger, asking.subject
    data = SurveyDue(
        **reminder_head(
            context, customer, outputs.SURVEY_DUE, asking.day, asking.ask.action, now_ms
        ),
        survey=asking.ask.survey,
        trigger=trigger,
        ticket_id=subject if trigger == TICKET else None,
        order_id=subject if trigger == ORDER else None,
    )
    key = f"{trigger}:{asking.at_ms}:{subject}"
    emit_reminder(context, customer, outputs.SURVEY_DUE, data, key, now_ms)


def _place(asking: Asking) -> tuple[int, int, str]:
    return asking.day, asking.place, asking.subject


def _declared(rules: Rules) -> SurveysPolicy | None:
    return None if rules.care is None else rules.care.surveys
