"""A tier by hand: what its events say, and what is kept of two customers who become one.

Under a policy with `[override] approval` a tier by hand waits until somebody else approves it. What
is in force goes on meanwhile. Ending one needs no approval.
"""

from __future__ import annotations

from msgspec.structs import replace

from handlers.events import TierOverridden, TierOverrideApproved
from handlers.state.customer import Customer
from scoring.override import FLOOR, Override
from scoring.rules import Rules


def tier_overridden(customer: Customer, event: TierOverridden, rules: Rules) -> None:
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
        if rules.override_needs_approval:
            _let_wait(customer, said)
            return
    customer.override = said.newer(customer.override)
    waiting = customer.pending_override
    if said.tier is None and waiting is not None and waiting.told_ms <= said.told_ms:
        customer.pending_override = None


def tier_override_approved(customer: Customer, event: TierOverrideApproved, rules: Rules) -> None:
    """What waited counts from now on, unless something newer does already.

    Nothing waits any more where retention erased the customer behind the check and before this.
    """
    approved = customer.pending_override
    if approved is None:
        return
    approved = replace(approved, approved_by=event.by)
    customer.pending_override = None
    customer.override = approved.newer(customer.override)


def approval_fault(customer: Customer, event: TierOverrideApproved, clock_ms: int) -> str | None:
    """Why an approval is impossible at the customer's clock before it; None if it is not."""
    waiting = waiting_override(customer, clock_ms)
    if waiting is None or waiting.event_id != event.override:
        return f"no tier by hand with the event id {event.override!r} waits for approval"
    if waiting.by == event.by:
        return f"by is {event.by!r}, who asked for it: somebody else must approve it"
    return None


def waiting_override(customer: Customer, clock_ms: int) -> Override | None:
    """What waits for approval, while its time is not over."""
    waiting = customer.pending_override
    return None if waiting is None or waiting.until_ms <= clock_ms else waiting


def join_overrides(customer: Customer, other: Customer) -> None:
    """Of the overrides of two customers the newest; of equal times the survivor's."""
    if other.override is not None:
        customer.override = (customer.override or other.override).newer(other.override)
    waiting, customer.pending_override = customer.pending_override, None
    for each in (other.pending_override, waiting):
        if each is not None:
            _let_wait(customer, each)


def is_override_end(customer: Customer, at_ms: int) -> bool:
    """Whether an override, in force or resting, ends at an instant."""
    return customer.override is not None and customer.override.until_ms == at_ms


def _let_wait(customer: Customer, said: Override) -> None:
    """Let one wait, unless a newer one does, or what ends all before it is newer."""
    override = customer.override
    if override is None or override.last_end_ms <= said.told_ms:
        customer.pending_override = said.newer(customer.pending_override)
