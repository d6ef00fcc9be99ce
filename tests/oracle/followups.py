"""Contacts agreed with a customer: each is reminded of on its day."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.oracle.care import reminder
from tests.oracle.customer import Customer
from tests.oracle.identity import Event
from tests.oracle.policy import Policy
from tests.oracle.times import business_day, start_of_day


@dataclass
class Followup:
    """One by its newest event; without a date it was ended."""

    on: date | None
    at_ms: int
    by: str | None
    note: str | None
    reminded_of: date | None = None

    @property
    def is_to_come(self) -> bool:
        return self.on is not None and self.on != self.reminded_of


def schedule(customer: Customer, event: Event) -> None:
    fields = event.fields
    followup_id, on = fields["followup_id"], fields.get("on")
    told = Followup(
        None if on is None else date.fromisoformat(on),
        event.at_ms,
        fields.get("by"),
        fields.get("note"),
    )
    known = customer.followups.get(followup_id)
    if known is not None:
        if known.at_ms > event.at_ms:
            return
        told.reminded_of = known.reminded_of
    customer.followups[followup_id] = told


def remind(customer: Customer, at_ms: int, policy: Policy) -> list[dict[str, Any]]:
    """Those whose day has begun, each at the start of its day, or of that on which it was told."""
    due = []
    for followup_id, each in customer.followups.items():
        if each.is_to_come:
            day = max(each.on, business_day(each.at_ms, policy.timezone))
            begins_ms = start_of_day(day, policy.timezone)
            if begins_ms <= at_ms:
                due.append((begins_ms, followup_id, each))
    told = []
    for begins_ms, followup_id, each in sorted(due, key=lambda one: one[:2]):
        each.reminded_of = each.on
        more = {"followup_id": followup_id, "by": each.by, "note": each.note}
        told.append(reminder(customer, "followup.due", each.on, {}, begins_ms, policy) | more)
    return told


def join(customer: Customer, other: Customer) -> None:
    """The newest of each holds, of equal times the survivor's."""
    for followup_id, theirs in other.followups.items():
        own = customer.followups.get(followup_id)
        kept = theirs if own is None or own.at_ms < theirs.at_ms else own
        if own is not None and kept.on in (own.reminded_of, theirs.reminded_of):
            kept.reminded_of = kept.on
        customer.followups[followup_id] = kept


def shown(customer: Customer) -> list[dict[str, Any]]:
    """Those to come, by date."""
    found = [(e.on, name, e) for name, e in customer.followups.items() if e.is_to_come]
    return [
        {"followup_id": name, "on": on.isoformat(), "by": e.by, "note": e.note}
        for on, name, e in sorted(found, key=lambda one: one[:2])
    ]
