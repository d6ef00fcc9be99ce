"""Who the customer is, and what is allowed."""

from __future__ import annotations

from handlers.decode.schema import MAX_ATTRIBUTES
from handlers.events import ConsentChanged, Event, ProfileUpdated
from handlers.state.customer import Customer


def profile_updated(customer: Customer, event: ProfileUpdated) -> None:
    """Take over attributes, each by its newest time; an empty text takes one away.

    Beyond 64 names those told of longest ago go.
    """
    known, at_ms = customer.attributes, event.occurred_ms
    for name, value in event.attributes.items():
        if name not in known or at_ms >= known[name][1]:
            known.pop(name, None)
            known[name] = value, at_ms
    while len(known) > MAX_ATTRIBUTES:
        del known[next(iter(known))]


def consent_changed(customer: Customer, event: ConsentChanged) -> None:
    """Note whether marketing may contact the customer; the newest word by its time counts."""
    if event.occurred_ms >= customer.consent_ms:
        customer.marketing_consent, customer.consent_ms = event.marketing, event.occurred_ms


def accepted_only(customer: Customer, event: Event) -> None:
    """Accepted and remembered; what follows from it, if the policy asks, are points and tags."""
