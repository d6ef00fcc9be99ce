"""A tier by hand: what its event says, and what is kept of two customers who become one."""

from __future__ import annotations

from handlers.events import TierOverridden
from handlers.state.customer import Customer
from scoring.override import FLOOR, Override


def tier_overridden(customer: Customer, event: TierOverridden) -> None:
    """Keep what an event says, if nothing newer by `occurred_at` was said; equal: the later."""
    said = Override(event.occurred_ms, event_id=event.event_id)
    if event.tier is not None:
        said = Override(
            event.occurred_ms,
            event.tier,
            event.until,
            event.mode or FLOOR,
            event.by,
            event.note,
            event.event_id,
        )
    customer.override = said.newer(customer.override)


def is_override_end(customer: Customer, at_ms: int) -> bool:
    """Whether an override, in force or resting, ends at an instant."""
    return customer.override is not None and customer.override.until_ms == at_ms
