"""Attributes and consent."""

from __future__ import annotations

from handlers.decode.fields import MAX_ATTRIBUTES
from handlers.events import ConsentChanged, Event, ProfileUpdated
from handlers.state.customer import Customer


def profile_updated(customer: Customer, event: ProfileUpdated) -> None:
    """Set attributes, each by its newest `occurred_at`; an empty text removes one.

    Beyond 64 names the least recently set go.
    """
    known, at_ms = customer.attributes, event.occurred_ms
    for name, value in event.attributes.items():
        if name not in known or at_ms >= known[name][1]:
            known.pop(name, None)
            known[name] = value, at_ms
    while len(known) > MAX_ATTRIBUTES:
        del known[next(iter(known))]


def consent_changed(customer: Customer, event: ConsentChanged) -> None:
    """Set whether marketing may contact the customer, by the newest `occurred_at`."""
    if event.occurred_ms >= customer.consent_ms:
        customer.marketing_consent, customer.consent_ms = event.marketing, event.occurred_ms


def accepted_only(customer: Customer, event: Event) -> None:
    """Nothing changes but points and tags, if the policy declares them."""
