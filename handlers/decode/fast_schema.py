"""Events of the busy kinds as typed JSON: what a record that is right in every respect looks like.

These are stricter than `handlers.decode.schema`, never laxer: what they refuse may still be right
there.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Union

import msgspec
from msgspec import Meta, Struct

from handlers.decode.schema import MAX_ID_LENGTH
from handlers.events import BROWSE_TYPES

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_LENGTH)]
Text = Annotated[str, Meta(min_length=1)]


class Wire(Struct, kw_only=True, gc=False):
    """The fields of every event. With a `specversion` it would be a CloudEvent."""

    event_id: Id
    customer_id: Id
    occurred_at: Text | int
    schema_version: Literal[1] | None = None
    channel: str | None = None
    specversion: None = None


class Item(Struct, kw_only=True, gc=False):
    """A line of an order; its category is kept."""

    sku: str | None = None
    category: str | None = None
    quantity: int | float | None = None
    unit_price: str | int | float | None = None


class Placed(Wire, kw_only=True, gc=False):
    """`order.placed`; an amount with a fraction only as text."""

    order_id: Id
    amount: Text | int
    currency: Text
    payment_status: Literal["pending", "paid", "failed"] | None = None
    items: list[Item] | None = None


class Changed(Wire, kw_only=True, gc=False):
    """`order.paid` and what else happens to a whole order."""

    order_id: Id


class Refunded(Wire, kw_only=True, gc=False):
    """`order.refunded`; an amount with a fraction only as text."""

    order_id: Id
    refund_id: Id
    amount: Text | int


class Viewed(Wire, kw_only=True, gc=False):
    """Any browse event."""

    session_id: Annotated[str, Meta(max_length=MAX_ID_LENGTH)] | None = None
    sku: str | None = None
    category: str | None = None
    query: str | None = None
    url: str | None = None


class Ticketed(Wire, kw_only=True, gc=False):
    """`ticket.opened`, `ticket.resolved` and `ticket.reopened`, which have no more to check."""

    ticket_id: Id
    kind: Literal["complaint", "question", "return", "other"] | None = None
    severity: Annotated[int, Meta(ge=1, le=5)] | None = None


class Answered(Wire, kw_only=True, gc=False):
    """`survey.answered`."""

    survey: Literal["csat", "nps"]
    score: int
    ticket_id: Id | None = None
    comment: str | None = None


_KINDS: dict[str, type[Wire]] = {
    "order.placed": Placed,
    "order.paid": Changed,
    "order.cancelled": Changed,
    "order.payment_failed": Changed,
    "order.refunded": Refunded,
    **dict.fromkeys(BROWSE_TYPES, Viewed),
    "ticket.opened": Ticketed,
    "survey.answered": Answered,
}


def _tagged(name: str, base: type[Wire]) -> type[Wire]:
    """The type of one kind of event: its base, told by the field `type`."""
    tagged: Any = msgspec.defstruct(
        f"{base.__name__}:{name}", [], bases=(base,), tag=name, gc=False, kw_only=True
    )
    return tagged  # type: ignore[no-any-return]


TYPE_NAMES: dict[type[Wire], str] = {_tagged(name, base): name for name, base in _KINDS.items()}
"""The event type of each type that `DECODER` gives."""

DECODER: msgspec.json.Decoder[Wire] = msgspec.json.Decoder(
    Union[tuple(TYPE_NAMES)]  # noqa: UP007 - there is no other way to write it
)
