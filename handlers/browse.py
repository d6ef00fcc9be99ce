"""Browsing: every event of it is an interaction."""

from __future__ import annotations

from handlers.customer import Customer
from handlers.dormancy import CameBack
from handlers.effect import Effect
from handlers.events import Browsed
from scoring.rules import Rules


def browsed(customer: Customer, event: Browsed, rules: Rules, today: int) -> Effect:
    """Note that the customer was there."""
    return interaction(customer, event.occurred_ms)


def interaction(customer: Customer, at_ms: int) -> Effect:
    """The effect of an interaction that is no purchase."""
    touch(customer, at_ms)
    return Effect(came_back=CameBack(False, at_ms))


def touch(customer: Customer, at_ms: int) -> None:
    """Keep the newest interaction."""
    if customer.last_interaction_ms is None or at_ms > customer.last_interaction_ms:
        customer.last_interaction_ms = at_ms
