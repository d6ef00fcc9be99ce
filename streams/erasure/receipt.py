"""The receipt of an erasure: what was done, and where data may remain."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Where = Literal["request", "merge", "log", "state", "profile", "view"]
"""The steps in their order: the topic `profiles`; each merge that leads on to another id;
`customer-events`, the changelog, `customer-profiles`, Redis."""

Outcome = Literal["done", "waiting", "refused", "not_reached", "not_looked"]
"""`done`: seen. `waiting`: not seen in time. `refused`: the request became a dead letter.
`not_reached`: who was to be asked does not answer. `not_looked`: nobody was asked."""

Known = Literal["known", "unknown", "erased_before"]


class Step(Struct, frozen=True):
    """One place the erasure has to come to.

    Attributes:
        where: which.
        outcome: whether it came.
        text: what was seen, in words.
        at: `topic/partition@offset` of what was seen, if it is a record.
    """

    where: Where
    outcome: Outcome
    text: str
    at: str | None = None


class Count(Struct, frozen=True):
    """How many records of a topic have the customer's id; a lower bound if not complete."""

    records: int
    complete: bool


class ResidualData(Struct, frozen=True):
    """A topic in which records of the customer may stay.

    Attributes:
        topic: its full name.
        holds: what of the customer may be there.
        settings: those of the cluster that decide how long; empty if they cannot be read.
        gone_by: the time by which what was written until now is gone; None if no time is certain.
        why: how that follows.
        remedy: what makes it certain or sooner, where there is something.
        count: if asked for.
    """

    topic: str
    holds: str
    settings: dict[str, str]
    gone_by: str | None
    why: str
    remedy: str | None = None
    count: Count | None = None


class Receipt(Struct, frozen=True):
    """What was done, and where data may remain.

    Attributes:
        customer_id: whom it was asked for.
        erased_id: who is erased: the same, or the id that one had been merged into.
        also_known_as: other ids of the same person, as far as the state told of merges.
        event_id: of the `customer.erased` that was written.
        occurred_at: its time.
        known: what the state had of the customer before; None if that was not seen.
        complete: every step that was looked at is done; false also if nothing was looked at.
        steps: each place the erasure has to come to.
        remains: topics whose older records stay for a while, or for ever.
        elsewhere: what no look at the cluster can tell.
    """

    customer_id: str
    erased_id: str
    also_known_as: tuple[str, ...]
    event_id: str
    occurred_at: str
    known: Known | None
    complete: bool
    steps: tuple[Step, ...]
    remains: tuple[ResidualData, ...]
    elsewhere: tuple[str, ...]
