"""Consent, and events that change nothing but points and tags."""

from __future__ import annotations

from handlers.decode.fields import MAX_CHANNELS, MAX_PURPOSES
from handlers.events import ConsentChanged, Event
from handlers.state.customer import Customer


def consent_changed(customer: Customer, event: ConsentChanged) -> None:
    """Set what the customer agreed to, each by its newest `occurred_at`."""
    at_ms = event.occurred_ms
    if event.marketing is not None and at_ms >= customer.consent_ms:
        customer.marketing_consent, customer.consent_ms = event.marketing, at_ms
    for known, told in ((customer.channels, event.channels), (customer.purposes, event.purposes)):
        for name, agreed in (told or {}).items():
            if name not in known or at_ms >= known[name][1]:
                known[name] = agreed, at_ms


def consent_fault(customer: Customer, event: ConsentChanged) -> str | None:
    """What is wrong with a consent, as of what the customer said before; None if nothing is."""
    for what, known, told, most in (
        ("channels", customer.channels, event.channels, MAX_CHANNELS),
        ("purposes", customer.purposes, event.purposes, MAX_PURPOSES),
    ):
        new = [name for name in told or () if name not in known]
        if new and len(known) + len(new) > most:
            return (
                f"{what}: {new[most - len(known)][:32]!r} would be one more than the {most} that "
                "are kept of a customer"
            )
    return None


def accepted_only(customer: Customer, event: Event) -> None:
    """Nothing changes but points and tags, if the policy declares them."""
