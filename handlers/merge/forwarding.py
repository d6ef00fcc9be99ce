"""What goes on to another customer of the log: an event of somebody merged, or all of them.

Ids of one person may be in different partitions, so what passes between them passes through the
log, as a record in the partition of the id it goes to.

- `Transfer`: everything kept of a customer who was merged, on its way to the surviving id.
- `Followed`: an event told of an id that was merged, on its way to the surviving one.

Both go from id to id as far as merges lead. Where they cannot end (the last id is erased, the
merges lead in a circle, or over too many ids) they go back the way they came, and stop
at the first id that is alive by then: somebody whose own merge was refused meanwhile. A transfer
that comes back to its origin makes its customer whole again, and its merge a dead letter.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from msgspec import Struct

from handlers.state.customer import Customer, Moved

FOLLOWED = "customer.followed"
TRANSFERRED = "customer.transferred"
MAX_HOPS = 64
"""Ids over which a transfer goes on, so that it fits a record; who is further is not reached."""
MAX_EVENT_HOPS = 1_000
"""The same of an event, whose way grows with each merge of who survived."""
NO_EVENT = msgspec.Raw(b"null")
"""In the place of an event that is elsewhere, or nowhere."""


class Hop(NamedTuple):
    """An id that was passed, and which of its merges it was left by.

    Not the position in the log: a dumped partition has others.
    """

    customer_id: str
    number: int


class Route(Struct, frozen=True, kw_only=True):
    """Where something is on its way to, and how it came there."""

    into: str
    """The id it goes to now."""
    via: tuple[Hop, ...] = ()
    """The ids it has passed, first one first, as far as they are not yet passed backwards."""
    back: Hop | None = None
    """Set on the way back: the id `into`, as it was left."""


class Followed(Route, frozen=True, kw_only=True, tag=FOLLOWED, tag_field="type"):
    """An event on its way; `event` is its record's value where the record has no place for it."""

    event: msgspec.Raw = NO_EVENT


class Transfer(Route, frozen=True, kw_only=True, tag=TRANSFERRED, tag_field="type"):
    """A customer on the way to the surviving id, with the merge that caused it."""

    customer_id: str
    """Who was merged."""
    event_id: str
    occurred_ms: int
    left_ms: int
    """The customer's clock after the merge."""
    state: bytes = b""
    """What `handlers.state.customer.pack` made of the customer."""
    event: msgspec.Raw = NO_EVENT
    """The merge's record's value, for its dead letter; not here where the record has a place for
    it, nowhere if the customer is so large that it does not fit."""


Onward = Followed | Transfer

_decoder: msgspec.json.Decoder[Onward] = msgspec.json.Decoder(Onward)
_encoder = msgspec.json.Encoder()


def decode_onward(value: bytes) -> Onward:
    """One of them from JSON.

    Raises:
        msgspec.MsgspecError: it is none, or was written by a newer version.
    """
    return _decoder.decode(value)


def encode_onward(record: Onward) -> bytes:
    """One of them as JSON, on one line if what is in it is."""
    return _encoder.encode(record)


def first_step(customer_id: str, moved: Moved) -> Route:
    """The way of what is told of a merged customer."""
    return Route(into=moved.into, via=(Hop(customer_id, moved.number),))


def next_step(here: Customer, route: Route, most_hops: int = MAX_HOPS) -> Route | None:
    """Where to go on from a customer who is gone; None where there is no way left.

    Args:
        here: who is erased or merged.
        route: how it came here.
        most_hops: over how many ids it may go.
    """
    moved = here.moved
    if moved is not None:
        hop = Hop(here.customer_id, moved.number)
        if hop != route.back and hop not in route.via and len(route.via) < most_hops:
            return Route(into=moved.into, via=(*route.via, hop))
    if not route.via:
        return None
    *rest, last = route.via
    return Route(into=last.customer_id, via=tuple(rest), back=last)
