"""Browse events: each is an interaction."""

from __future__ import annotations

from handlers.dormancy import CameBack
from handlers.events import Browsed
from handlers.state.customer import Customer


def browsed(customer: Customer, event: Browsed) -> CameBack:
    """Apply a browse event."""
    return interaction(customer, event.occurred_ms)


def interaction(customer: Customer, at_ms: int) -> CameBack:
    """Note an interaction that is no purchase."""
    touch(customer, at_ms)
    return CameBack(False, at_ms)


def touch(customer: Customer, at_ms: int) -> None:
    """Keep the newest interaction."""
    if customer.last_interaction_ms is None or at_ms > customer.last_interaction_ms:
        customer.last_interaction_ms = at_ms
