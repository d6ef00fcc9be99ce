"""Retention: who is inactive for long is told of, and erased after a notice."""

from dataclasses import dataclass
from typing import Any

from tests.oracle.care import reminder
from tests.oracle.customer import Customer
from tests.oracle.fields import BROWSE_TYPES, SUPPORT_TYPES
from tests.oracle.identity import Event
from tests.oracle.policy import Policy
from tests.oracle.times import DAY_MS, business_day, time_text

_SIGNS = (
    "order.placed",
    *BROWSE_TYPES,
    *SUPPORT_TYPES,
    "points.redeemed",
    "consent.changed",
    "activity.recorded",
)


@dataclass
class Retention:
    """The signs of a customer, and the notice that runs: of which sign, until when.

    To come to be known by what is no sign counts as one.
    """

    signs_ms: list[int]
    told_of_ms: int | None = None
    erased_at_ms: int | None = None

    @property
    def active_ms(self) -> int:
        return max(self.signs_ms)

    def due_ms(self, policy: Policy) -> int | None:
        """When this silence is to be told of; None if it was."""
        if self.told_of_ms is not None and self.active_ms <= self.told_of_ms:
            return None
        days: int = policy.sections["retention"]["inactive_days"]
        return self.active_ms + days * DAY_MS


@dataclass(frozen=True)
class Lapsed:
    """What stays of who was erased by retention: since when, and the sequence."""

    at_ms: int
    sequence: int


def is_sign(event: Event) -> bool:
    """Whether an event shows that the customer is there."""
    return event.acts_as in _SIGNS


def follow(
    customer: Customer, at_ms: int, clock_ms: int, policy: Policy, event: Event | None = None
) -> list[dict[str, Any]]:
    """After an event at the customer's clock: a sign may end a notice; what is past is told."""
    if "retention" not in policy.sections:
        customer.retention = None
        return []
    if customer.retention is None:
        customer.retention = Retention([] if event and is_sign(event) else [at_ms])
    known = customer.retention
    if event is not None and is_sign(event):
        known.signs_ms.append(event.at_ms)
    if known.told_of_ms is not None and known.active_ms > known.told_of_ms:
        known.told_of_ms = known.erased_at_ms = None
    return remind(customer, at_ms, clock_ms, policy)


def reconsider(
    customer: Customer, at_ms: int, clock_ms: int, policy: Policy
) -> list[dict[str, Any]]:
    """Under a new policy: of who was known before retention any event is a sign."""
    if "retention" not in policy.sections:
        customer.retention = None
        return []
    known = customer.retention = customer.retention or Retention([customer.newest_event_ms])
    told_of_ms, known.told_of_ms = known.told_of_ms, None
    due_ms = known.due_ms(policy)
    if due_ms is None or due_ms > at_ms:
        known.erased_at_ms = None
    else:
        known.told_of_ms = told_of_ms
    return remind(customer, at_ms, clock_ms, policy)


def remind(customer: Customer, at_ms: int, clock_ms: int, policy: Policy) -> list[dict[str, Any]]:
    """The end of a silence that is long enough by now, told with the instant at which it was."""
    known = customer.retention
    due_ms = None if known is None else known.due_ms(policy)
    if known is None or due_ms is None or due_ms > at_ms:
        return []
    known.told_of_ms = known.active_ms
    known.erased_at_ms = clock_ms + policy.sections["retention"]["notice_days"] * DAY_MS
    due_on = business_day(known.erased_at_ms, policy.timezone)
    more = {
        "last_active_at": time_text(known.active_ms),
        "erased_at": time_text(known.erased_at_ms),
    }
    return [reminder(customer, "retention.due", due_on, {}, due_ms, policy) | more]


def due_ms(customer: Customer, policy: Policy) -> int | None:
    """The next instant at which a silence is to be told of."""
    return None if customer.retention is None else customer.retention.due_ms(policy)


def erased_ms(customer: Customer) -> int | None:
    """The instant at which the customer is erased, while a notice runs."""
    return None if customer.retention is None else customer.retention.erased_at_ms


def join(customer: Customer, other: Customer) -> None:
    """The signs of both; a notice stands if nothing newer was heard under the other id."""
    own, theirs = customer.retention, other.retention
    if own is None or theirs is None:
        customer.retention = own or theirs
        return
    own.signs_ms += theirs.signs_ms
