"""Who the customer is, and what is allowed."""

from __future__ import annotations

from handlers.customer import Customer
from handlers.effect import NO_EFFECT, Effect
from handlers.events import ConsentChanged, Event, ProfileUpdated
from handlers.fields import MAX_ATTRIBUTES
from scoring.rules import Rules


def profile_updated(customer: Customer, event: ProfileUpdated, rules: Rules, today: int) -> Effect:
    """Take over attributes; an empty text removes one. Beyond 64 the oldest names go.

    An update older than one already taken only fills in what is not known.
    """
    known = customer.attributes
    is_older = event.occurred_ms < customer.profile_ms
    customer.profile_ms = max(customer.profile_ms, event.occurred_ms)
    for name, value in event.attributes.items():
        if is_older and name in known:
            continue
        if value:
            known[name] = value
        else:
            known.pop(name, None)
    while len(known) > MAX_ATTRIBUTES:
        del known[next(iter(known))]
    return NO_EFFECT


def consent_changed(customer: Customer, event: ConsentChanged, rules: Rules, today: int) -> Effect:
    """Note whether marketing may contact the customer; the newest word by its time counts."""
    if event.occurred_ms >= customer.consent_ms:
        customer.marketing_consent, customer.consent_ms = event.marketing, event.occurred_ms
    return NO_EFFECT


def accepted_only(customer: Customer, event: Event, rules: Rules, today: int) -> Effect:
    """Accepted and remembered; nothing follows from it yet."""
    return NO_EFFECT
