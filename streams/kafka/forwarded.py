"""Forwarded records in Kafka: how they are written to the log and read from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from handlers.merge.forwarding import (
    MAX_HOPS,
    Forwarded,
    ForwardedEvent,
    Transfer,
    decode_forwarded,
    encode_forwarded,
)
from handlers.state.customer import unpack
from handlers.state.formats import NewerFormat
from handlers.state.partition_state import Source
from streams.kafka.dead_letter import original_of
from streams.kafka.headers import Headers, Origin, canonical_headers, left_out_of, number

_ONWARD = "onward"
"""The header that says what is forwarded and its way, as JSON (`handlers.merge.forwarding`)."""

_ONWARD_FROM = "onward-from"
"""The record of the log that caused it: `partition/offset`."""
_ONWARD_EVENT = "onward-event"
"""Beside a merged customer's state: the value of the merge's own record."""
_GREATEST_MS = 2**53
_RECORD_MAX_BYTES = 1_040_000
"""A little less than Kafka's default of `max.message.bytes`. A state and its way always fit. What
upstream sent beside it is left out where it does not."""


class ForwardedRecord(NamedTuple):
    """A forwarded record as it was read from the log."""

    content: Forwarded
    source: Source
    """The record of the log that caused it; their offsets rise within each pair of partitions."""
    event: bytes | None
    """The value of the record that upstream sent."""


class NotForwarded(ValueError):
    """A record of the log says that it is forwarded, but nobody of ours has written it so."""


def read_forwarded(
    value: bytes | None,
    headers: Sequence[tuple[str, bytes]],
    log_topic: str,
    key: bytes | None = None,
) -> ForwardedRecord | None:
    """A record of the canonical log as a forwarded one; None if it is any other.

    Args:
        value: of the record.
        headers: of the record.
        log_topic: where it is.
        key: of the record; with None it is not compared.

    Raises:
        NewerFormat: a newer release wrote it.
        NotForwarded: it is none, though its headers say so.
    """
    if not headers or len(headers) == 1:
        return None  # as nearly all are
    found = dict(headers)
    content = found.get(_ONWARD)
    if content is None:
        return None
    try:
        forwarded = decode_forwarded(content)
        source = _caused_by(found.get(_ONWARD_FROM), log_topic)
        if key is not None and forwarded.into.encode() != key:
            raise NotForwarded("its key is not the id it goes to")
        if isinstance(forwarded, ForwardedEvent):
            return ForwardedRecord(forwarded, source, value)
        forwarded = replace(forwarded, state=b"" if value is None else value)
        _check_transfer(forwarded)
    except NewerFormat:
        raise
    except msgspec.MsgspecError as error:
        raise NotForwarded(str(error)) from error
    return ForwardedRecord(forwarded, source, found.get(_ONWARD_EVENT))


def _caused_by(header: bytes | None, log_topic: str) -> Source:
    """The record of the log that caused it."""
    partition, _, offset = (header or b"").decode("utf-8", "replace").partition("/")
    at, before = number(partition), number(offset)
    if at is None or before is None:
        raise NotForwarded("the record that caused it is not named")
    return Source(log_topic, at, before)


def _check_transfer(transfer: Transfer) -> None:
    """Check that a transfer has come from where it says, with the customer that it names."""
    customer = unpack(transfer.state)
    first = transfer.via[0].customer_id if transfer.via else transfer.into
    is_whole = customer.customer_id == transfer.customer_id == first
    if not is_whole or len(transfer.via) > MAX_HOPS:
        raise NotForwarded("its way does not begin with its customer")
    if max(abs(transfer.occurred_ms), abs(transfer.left_ms)) > _GREATEST_MS:
        raise NotForwarded("its times are none")


class Envelope(NamedTuple):
    """A forwarded record to be written to the partition of the customer it goes to."""

    key: bytes
    value: bytes | None
    headers: Headers


def envelope(
    forwarded: Forwarded,
    event: bytes | None,
    origin: Origin | None,
    headers: Sequence[tuple[str, bytes]],
    caused_by: tuple[int, int],
) -> Envelope:
    """The record that forwards an event or a customer.

    Args:
        forwarded: what goes where.
        event: the value of the record that caused it, as upstream sent it.
        origin: where upstream put that record.
        headers: those of the record, for the attributes of a CloudEvent.
        caused_by: partition and offset in the log of the record that caused it.
    """
    key = forwarded.into.encode()
    way = [
        (_ONWARD, encode_forwarded(_without_state(forwarded))),
        (_ONWARD_FROM, f"{caused_by[0]}/{caused_by[1]}".encode()),
    ]
    value: bytes | None
    if isinstance(forwarded, Transfer):
        value, beside = forwarded.state, _beside_a_state(event, origin, headers, key)
    else:
        value, beside = event, _beside_an_event(event, origin, headers, key)
    room = _RECORD_MAX_BYTES - len(key) - len(value or b"") - _size(way)
    for sent in beside:
        if _size(sent) <= room:
            break
    return Envelope(key, value, [*sent, *way])


def _beside_an_event(
    event: bytes | None, origin: Origin | None, headers: Sequence[tuple[str, bytes]], key: bytes
) -> Iterator[Headers]:
    """What the event needs, then without the key that upstream gave it, if that is very long."""
    if origin is None:
        yield []
        return
    left_out = left_out_of(headers)
    yield canonical_headers(origin, key, headers, left_out)
    original = left_out.original or original_of(origin.key, event)
    left_out = left_out._replace(original=original)
    yield canonical_headers(origin._replace(key=None), key, headers, left_out)


def _beside_a_state(
    event: bytes | None, origin: Origin | None, headers: Sequence[tuple[str, bytes]], key: bytes
) -> Iterator[Headers]:
    """What a dead letter of the merge needs; then ever less: no event, no attributes, no key."""
    if origin is None:
        yield [] if event is None else [(_ONWARD_EVENT, event)]
        yield []
        return
    left_out = left_out_of(headers)
    if event is not None:
        yield [*canonical_headers(origin, key, headers, left_out), (_ONWARD_EVENT, event)]
        left_out = left_out._replace(original=left_out.original or original_of(origin.key, event))
    yield canonical_headers(origin, key, headers, left_out)
    yield canonical_headers(origin, key, (), left_out)
    yield canonical_headers(origin._replace(key=None), key, (), left_out)


def _size(headers: Headers) -> int:
    """What headers take in a record, at most."""
    return sum(len(name) + len(value) + 10 for name, value in headers)


def _without_state(forwarded: Forwarded) -> Forwarded:
    return replace(forwarded, state=b"") if isinstance(forwarded, Transfer) else forwarded
