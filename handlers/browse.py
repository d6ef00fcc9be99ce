"""Browse events: each is an interaction."""

from __future__ import annotations

from handlers.events import Browsed
from handlers.state.customer import Customer


def browsed(customer: Customer, event: Browsed) -> int:
    """Apply a browse event; returns when the customer was there."""
    return touch(customer, event.occurred_ms)


def touch(customer: Customer, at_ms: int) -> int:
    """Note an interaction, and keep the newest; returns when this one was."""
    if customer.last_interaction_ms is None or at_ms > customer.last_interaction_ms:
        customer.last_interaction_ms = at_ms
    return at_ms
