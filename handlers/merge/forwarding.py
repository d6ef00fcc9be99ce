"""Forwarded records: what one customer's record of the log sends to another customer.

The ids of one person may belong to different partitions, and a partition changes only by its own
log. So whatever moves between them is written to the log again, keyed by the id it goes to.

- `Transfer`: everything kept of a merged customer, on the way to the surviving id.
- `ForwardedEvent`: an event for an id that was merged, on the way to the surviving id.

Both follow the merges from id to id. Where there is no end (the last id was erased, the merges lead
in a circle, or over too many ids) they go back the way they came, and stop at the first id that is
alive by then: its own merge was refused meanwhile. A transfer that returns to its origin restores
its customer, and its merge becomes a dead letter.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Struct

from handlers.state.customer import Customer, MergedInto
from handlers.state.format_fields import check_fits, since
from handlers.state.formats import FIRST, check_json_format

FOLLOWED = "customer.followed"
TRANSFERRED = "customer.transferred"
MAX_HOPS = 64
"""Ids that a transfer may pass, so that it fits a record; an id further away is not reached."""
MAX_EVENT_HOPS = 1_000
"""Ids that an event may pass; its way grows with each further merge of the survivor."""
NO_EVENT = msgspec.Raw(b"null")
"""Stands for an event that is kept elsewhere, or not at all."""


class Hop(NamedTuple):
    """An id that was passed, and the number of the merge by which it was left.

    A number, not an offset: the lines of a dump have other offsets than the log.
    """

    customer_id: str
    number: int


class Route(Struct, frozen=True, kw_only=True):
    """Where a forwarded record goes, and the ids it has passed."""

    into: str
    """The next id."""
    via: tuple[Hop, ...] = ()
    """The ids passed, first one first, less those passed again on the way back."""
    back: Hop | None = None
    """Set on the way back: the hop by which `into` was left."""
    format: int | msgspec.UnsetType = msgspec.UNSET
    """That of the partition it comes from (`handlers.state.formats`), if it has a number."""


class ForwardedEvent(Route, frozen=True, kw_only=True, tag=FOLLOWED, tag_field="type"):
    """An event on its way. In a dump, `event` is the value of its record."""

    event: msgspec.Raw = NO_EVENT


class Transfer(Route, frozen=True, kw_only=True, tag=TRANSFERRED, tag_field="type"):
    """A merged customer on the way to the surviving id, with the merge that caused it."""

    customer_id: str
    """Who was merged."""
    event_id: str
    occurred_ms: int
    left_ms: int
    """The customer's clock after the merge."""
    state: bytes = b""
    """What `handlers.state.customer.pack` made of the customer."""
    event: msgspec.Raw = NO_EVENT
    """In a dump, the value of the merge's record, for its dead letter; on Kafka a header has it.
    Nowhere if it does not fit beside a very large customer."""
    failure: Annotated[str | msgspec.UnsetType, since(2)] = msgspec.UNSET
    """On the way back because joining it raised: what its dead letter says. Without it, as in
    format 1, the merge is called `invalid_value`."""


Forwarded = ForwardedEvent | Transfer

_decoder: msgspec.json.Decoder[Forwarded] = msgspec.json.Decoder(Forwarded)
_encoder = msgspec.json.Encoder()


def decode_forwarded(value: bytes) -> Forwarded:
    """What is forwarded, from JSON.

    Raises:
        NewerFormat: a newer release wrote it.
        msgspec.MsgspecError: it is something else.
    """
    check_json_format(value)
    return _decoder.decode(value)


def encode_forwarded(record: Forwarded) -> bytes:
    """What is forwarded as JSON, on one line if the event in it is.

    Raises:
        FormatTooOld: it would lose something in its format.
    """
    check_fits(record, FIRST if record.format is msgspec.UNSET else record.format)
    return _encoder.encode(record)


def first_step(customer_id: str, merged_into: MergedInto) -> Route:
    """The way from a merged customer to the id it was merged into."""
    return Route(into=merged_into.into, via=(Hop(customer_id, merged_into.number),))


def next_step(here: Customer, route: Route, most_hops: int = MAX_HOPS) -> Route | None:
    """The next step from a customer who was merged or erased; None at the end of the way back.

    It goes forward if the customer was merged, and this merge was not taken before (a circle); else
    back. So each hop is passed once forward and once back.

    Args:
        here: the customer who is gone.
        route: how the record came here.
        most_hops: how many ids it may pass.
    """
    merged_into = here.merged_into
    if merged_into is not None:
        hop = Hop(here.customer_id, merged_into.number)
        if hop != route.back and hop not in route.via and len(route.via) < most_hops:
            return Route(into=merged_into.into, via=(*route.via, hop))
    if not route.via:
        return None
    *rest, last = route.via
    return Route(into=last.customer_id, via=tuple(rest), back=last)
