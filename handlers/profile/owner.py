"""The account manager of a customer, and the output when the customer changes hands."""

from __future__ import annotations

from handlers import outputs
from handlers.care.followups import followups_view
from handlers.context import Cause, Context
from handlers.outputs import OwnerChanged, TicketView, optional_time
from handlers.state.customer import Customer
from handlers.tiers.outlook import ahead, keeps_until
from scoring.timestamps import NEVER_MS


def tell_owner(
    context: Context, customer: Customer, previous: str | None, now_ms: int, cause: Cause
) -> None:
    """Tell that a customer changed hands, with what is open; nothing if the owner is the same."""
    rules = context.rules
    owner = customer.owner(rules)
    if owner == previous:
        return
    data = OwnerChanged(
        **context.head(customer, now_ms, cause.reason),
        caused_by=list(cause.event_ids),
        previous_owner=previous,
        tier=customer.tier,
        keeps_until=keeps_until(ahead(rules, customer, now_ms)),
        open_tickets=_open_tickets(customer),
        followups=followups_view(customer),
    )
    topic, kind = outputs.PROFILE_CHANGES, outputs.OWNER_CHANGED
    context.emit(topic, kind, customer, cause.key, now_ms, data)


def _open_tickets(customer: Customer) -> list[TicketView]:
    """The open tickets, least recently changed first."""
    return [
        TicketView(
            ticket.ticket_id,
            ticket.kind,
            optional_time(None if ticket.open_since_ms == NEVER_MS else ticket.open_since_ms),
        )
        for ticket in customer.tickets
        if ticket.is_open
    ]
