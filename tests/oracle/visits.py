"""Visits: due so many days after the last contact made, by tier, whatever the customer does."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from tests.oracle.care import reminder
from tests.oracle.customer import Customer
from tests.oracle.identity import Event
from tests.oracle.policy import Policy
from tests.oracle.times import business_day, time_text


@dataclass
class Visits:
    """The contacts made, since when the customer is in its tier, and of what visits were told.

    `since_ms` is at the earliest when a policy first asked for visits, or the customer came.
    """

    tier: str
    since_ms: int
    contacts_ms: list[int] = field(default_factory=list)
    told_contacts_ms: list[int] = field(default_factory=list)
    told_since_ms: list[int] = field(default_factory=list)


def declared(policy: Policy) -> dict[str, Any] | None:
    found: dict[str, Any] | None = policy.sections.get("care", {}).get("visits")
    return found


def follow(customer: Customer, at_ms: int, policy: Policy, event: Event | None = None) -> None:
    """After each evaluation: a tier may have been reached; an event may be a contact made."""
    given = declared(policy)
    if given is None:
        customer.visits = None
        return
    if customer.visits is None or customer.visits.tier != customer.tier:
        contacts = customer.visits or Visits(customer.tier, at_ms)
        contacts.tier, contacts.since_ms = customer.tier, at_ms
        customer.visits = contacts
    is_activity = event is not None and event.type == "activity.recorded"
    if event and is_activity and event.fields["activity"] in given["activities"]:
        customer.visits.contacts_ms.append(event.at_ms)


def start_day(customer: Customer, at_ms: int, policy: Policy) -> list[dict[str, Any]]:
    """The visit that is due on the business day that begins at an instant, or before it."""
    asked = _to_come(customer, policy)
    if asked is None or asked.due > business_day(at_ms, policy.timezone):
        return []
    asked.told.append(asked.begun_ms)
    more = {"last_contact_at": time_text(asked.last_ms), "days": asked.days}
    return [reminder(customer, "visit.due", asked.due, {}, at_ms, policy) | more]


def shown(customer: Customer, policy: Policy) -> dict[str, Any]:
    """The date of the next visit, under a policy that asks for some; null if none is to come."""
    if declared(policy) is None:
        return {}
    asked = _to_come(customer, policy)
    return {"next_visit_on": None if asked is None else asked.due.isoformat()}


@dataclass(frozen=True)
class _Asked:
    """A visit that was not told of: its day, what it counts from, and where it is noted as told."""

    due: date
    begun_ms: int
    days: int
    last_ms: int | None
    told: list[int]


def _to_come(customer: Customer, policy: Policy) -> _Asked | None:
    given, visits = declared(policy), customer.visits
    if given is None or visits is None or customer.tier not in given["days"]:
        return None
    last_ms = max(visits.contacts_ms, default=None)
    told = visits.told_since_ms if last_ms is None else visits.told_contacts_ms
    begun_ms: int = visits.since_ms if last_ms is None else last_ms
    if begun_ms in told:
        return None
    days = given["days"][customer.tier]
    due = business_day(begun_ms, policy.timezone) + timedelta(days=days)
    return _Asked(due, begun_ms, days, last_ms, told)


def join(customer: Customer, other: Customer) -> None:
    """The contacts of both; of who is merged the tier is no matter."""
    if other.visits is None:
        return
    if customer.visits is None:  # and so in no tier yet
        customer.visits = Visits("", 0)
    customer.visits.contacts_ms += other.visits.contacts_ms
    customer.visits.told_contacts_ms += other.visits.told_contacts_ms
