"""How often a customer was contacted, against the caps of the policy, and whether it is quiet."""

from __future__ import annotations

from msgspec import Struct

from handlers.outputs import optional_time
from handlers.state.customer import Customer
from scoring.calendar import date_of_day
from scoring.rules import Rules


class MessagesWhy(Struct, frozen=True):
    """The messages of one business day."""

    day: str
    messages: int


class CapWhy(Struct, frozen=True):
    """A cap as of today: what further messages of this day it lets through."""

    messages: int
    days: int
    sent: int
    """Messages of the last so many business days, today included."""
    left: int
    """How many more may go today; 0 if an exempt one has gone beyond it."""


class ContactWhy(Struct, frozen=True):
    """Messages that count, the caps on them, and the end of the quiet hours while they last."""

    messages: list[MessagesWhy]
    caps: list[CapWhy]
    quiet_until: str | None


def contact_why(customer: Customer, rules: Rules, clock_ms: int) -> ContactWhy | None:
    """What `frequency_cap` follows from; None under a policy that limits no contact."""
    rule = rules.contact
    if rule is None:
        return None
    today, found = rules.calendar.day(clock_ms), []
    for most, days in rule.caps:
        sent = sum(number for day, number in customer.messages if today - days < day <= today)
        found.append(CapWhy(most, days, sent, max(0, most - sent)))
    return ContactWhy(
        [MessagesWhy(date_of_day(day).isoformat(), number) for day, number in customer.messages],
        found,
        optional_time(None if rule.quiet is None else rule.quiet.end(clock_ms)),
    )
