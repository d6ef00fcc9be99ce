"""The reminders to come, and what the surveys depend on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from handlers.care.followups import followups_to_come
from handlers.care.retention import erased_at_ms, told_at_ms
from handlers.care.surveys import askings
from handlers.care.ticket_stages import running
from handlers.care.upcoming import Coming, coming
from handlers.care.visits import visit_day, visit_due_ms
from handlers.explain.model import ReminderWhy, SurveysWhy, VisitsWhy
from handlers.explain.orders import date_of
from handlers.outputs import optional_time
from handlers.points.expiring import expiries
from handlers.state.customer import Customer
from scoring.rules import Rules
from scoring.timestamps import NEVER_MS, rfc3339

TIER_EXPIRING, POINTS_EXPIRING = "tier_expiring", "points_expiring"
SURVEY, FOLLOWUP, VISIT, TICKET = "survey", "followup", "visit", "ticket"
RETENTION = "retention"


def reminders_why(customer: Customer, rules: Rules, clock_ms: int) -> list[ReminderWhy] | None:
    """The reminders to come, soonest first; None without any under a policy without care."""
    found = [
        ReminderWhy(rfc3339(each.at_ms), each.kind, each.due_on, each.name)
        for each in sorted(reminders_to_come(rules, customer, clock_ms))
    ]
    return None if rules.care is None and not found else found


def reminders_to_come(rules: Rules, customer: Customer, after_ms: int) -> Iterator[Coming]:
    """The reminders after an instant if nothing changes, in no order."""
    return chain(
        coming(rules, customer, after_ms),
        _of_falls(customer, after_ms),
        _of_points(rules, customer, after_ms),
        _of_surveys(rules, customer, after_ms),
        _of_followups(rules, customer, after_ms),
        _of_visits(rules, customer, after_ms),
        _of_tickets(rules, customer, after_ms),
        _of_retention(rules, customer, after_ms),
    )


def surveys_why(customer: Customer) -> SurveysWhy | None:
    """When the customer was asked and answered last; None under a policy without surveys."""
    surveyed = customer.surveyed
    if surveyed is None:
        return None
    return SurveysWhy(_ever(surveyed.asked_ms), _ever(surveyed.answered_ms))


def visits_why(customer: Customer) -> VisitsWhy | None:
    """The last contact made; None under a policy without visits."""
    visits = customer.visits
    if visits is None:
        return None
    contact_at = optional_time(visits.contact_ms)
    return VisitsWhy(contact_at, rfc3339(visits.since_ms), visits.is_told)


def _of_falls(customer: Customer, after_ms: int) -> Iterator[Coming]:
    expiring = customer.expiring
    if expiring is not None and expiring.at_ms is not None and expiring.at_ms > after_ms:
        name = f"tier {expiring.tier} is about to be lost"
        yield Coming(expiring.at_ms, TIER_EXPIRING, date_of(expiring.day), name)


def _of_points(rules: Rules, customer: Customer, after_ms: int) -> Iterator[Coming]:
    calendar = rules.calendar
    for expiry in expiries(rules, customer, calendar.day(after_ms)):
        due_on = date_of(calendar.day(expiry.expires_ms))
        at_ms = calendar.start(expiry.remind_day)
        yield Coming(at_ms, POINTS_EXPIRING, due_on, f"{expiry.points} points expire")


def _of_surveys(rules: Rules, customer: Customer, after_ms: int) -> Iterator[Coming]:
    for asking in askings(rules, customer, rules.calendar.day(after_ms)):
        about = f" after {asking.trigger} {asking.subject}" if asking.subject else ""
        at_ms = rules.calendar.start(asking.day)
        yield Coming(at_ms, SURVEY, date_of(asking.day), f"survey {asking.ask.survey}{about}")


def _of_followups(rules: Rules, customer: Customer, after_ms: int) -> Iterator[Coming]:
    for due_ms, followup in followups_to_come(rules, customer):
        if due_ms > after_ms and followup.day is not None:
            name = f"follow-up {followup.followup_id}"
            yield Coming(due_ms, FOLLOWUP, date_of(followup.day), name)


def _of_visits(rules: Rules, customer: Customer, after_ms: int) -> Iterator[Coming]:
    day, due_ms = visit_day(rules, customer), visit_due_ms(rules, customer, after_ms)
    if day is not None and due_ms is not None:
        yield Coming(due_ms, VISIT, date_of(day), "visit")


def _of_tickets(rules: Rules, customer: Customer, after_ms: int) -> Iterator[Coming]:
    for ticket, stage, _, overdues in running(rules, customer):
        due_on = date_of(rules.calendar.day(overdues[0].at_ms))
        for at_ms, step in overdues:
            if at_ms > after_ms:
                to = "" if step is None else f", for {step}"
                name = f"{stage} of ticket {ticket.ticket_id} overdue{to}"
                yield Coming(at_ms, TICKET, due_on, name)
                break


def _of_retention(rules: Rules, customer: Customer, after_ms: int) -> Iterator[Coming]:
    for due_ms, name in (
        (told_at_ms(rules, customer), "end of the retention"),
        (erased_at_ms(rules, customer), "erased, for nobody heard of the customer"),
    ):
        if due_ms is None or due_ms <= after_ms:
            continue
        yield Coming(due_ms, RETENTION, date_of(rules.calendar.day(due_ms)), name)


def _ever(instant_ms: int) -> str | None:
    return None if instant_ms == NEVER_MS else rfc3339(instant_ms)
