"""The envelope of all outputs, and the fields that all but profiles share."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, NamedTuple, TypedDict

import msgspec
from msgspec import Struct, field

from scoring.timestamps import rfc3339


class Output(NamedTuple):
    """A record to write; the value is None for a tombstone."""

    topic: str
    customer_id: str
    value: bytes | None


class Head(TypedDict):
    """The common fields of all outputs but profiles; `Context.head` makes them."""

    customer_id: str
    sequence: int
    effective_at: str
    reason: str
    suppressed: str | None
    backfill: bool
    policy_version: str
    marketing_consent: bool | None
    consented_channels: list[str]
    audience: str | None
    owner: str | None
    not_before: str | None


class Change(Struct, frozen=True, kw_only=True):
    """What all outputs but profiles have in their `data`.

    Attributes:
        customer_id: whom it is about.
        sequence: rises by one with each output about the customer.
        effective_at: the due instant, or the customer's clock after the event.
        reason: what it follows from.
        suppressed: why it is not to be acted on (`handlers.suppression`); None if it is.
        backfill: it took effect before the deployment went live.
        policy_version: of the policy it follows from.
        marketing_consent: None if the customer never said.
        consented_channels: the channels that the customer agreed to, sorted.
        audience: `customer` or `staff`; None for changes of the profile, or if the policy does not
            ask for it.
        owner: the account manager; None if there is none, or the policy does not ask for it.
        not_before: the end of the quiet hours in which it took effect; None if in none.

    The defaults are for records of releases before 0.3.0, which had not all of these.
    """

    customer_id: str
    sequence: int
    effective_at: str
    reason: str = ""
    suppressed: str | None = None
    backfill: bool = False
    policy_version: str
    marketing_consent: bool | None = None
    consented_channels: list[str] = field(default_factory=list)
    audience: str | None = None
    owner: str | None = None
    not_before: str | None = None


class _CloudEvent(Struct, frozen=True):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    data: Any


_encoder = msgspec.json.Encoder()
_empty = blake2b(digest_size=16)


def output_id(customer_id: str, type_name: str, cause: str) -> str:
    """A pure function of customer, type and cause: 32 hexadecimal digits."""
    parts = f"{len(customer_id)}:{customer_id}{len(type_name)}:{type_name}{cause}"
    digest = _empty.copy()  # takes less time than to make one with its arguments
    digest.update(parts.encode())
    return digest.hexdigest()


def cloud_event(
    source: str, output: str, type_name: str, customer_id: str, time: str, data: Struct
) -> bytes:
    """A CloudEvent of this id, type and time about a customer."""
    return _encoder.encode(
        _CloudEvent("1.0", output, source, type_name, customer_id, time, "application/json", data)
    )


def optional_time(instant_ms: int | None) -> str | None:
    """RFC 3339 of an instant, or None."""
    return None if instant_ms is None else rfc3339(instant_ms)
