"""Records by which something passes from one customer to another, through the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from handlers.merge.forwarding import Followed, Onward, Transfer, decode_onward, encode_onward
from handlers.state.partition_state import Source
from streams.kafka.headers import Headers, Origin, canonical_headers

_ONWARD = "onward"
"""What passes from one customer to another says how in this header, as JSON (`handlers.merge`)."""

_ONWARD_FROM = "onward-from"
"""The record of the log that it follows from: `partition/offset`."""
_ONWARD_EVENT = "onward-event"
"""With a merged customer's state: the value of the merge's own record."""
_RECORD_MAX_BYTES = 1_040_000
"""A little less than Kafka's default of `max.message.bytes`. A state always fits, with the way it
takes; what upstream sent beside it may be longer, and then stays out."""


class Passage(NamedTuple):
    """A record that passes something from one customer to another."""

    onward: Onward
    source: Source
    """The record of the log that it follows from: of these, too, one sequence a partition."""
    event: bytes | None
    """The value of the record as it came first."""


def passage_of(
    value: bytes | None, headers: Sequence[tuple[str, bytes]], log_topic: str
) -> Passage | None:
    """What a record of the canonical log passes on; None if it is an event that just came in.

    Raises:
        msgspec.MsgspecError: a newer version has written it.
    """
    if not headers or len(headers) == 1:
        return None  # as nearly all are
    found = dict(headers)
    told = found.get(_ONWARD)
    if told is None:
        return None
    onward = decode_onward(told)
    partition, offset = found[_ONWARD_FROM].decode().split("/")
    source = Source(log_topic, int(partition), int(offset))
    if isinstance(onward, Followed):
        return Passage(onward, source, value)
    state = b"" if value is None else value
    return Passage(replace(onward, state=state), source, found.get(_ONWARD_EVENT))


class Parcel(NamedTuple):
    """A record to be written to the partition of the customer it goes to."""

    key: bytes
    value: bytes | None
    headers: Headers


def parcel(
    onward: Onward,
    event: bytes | None,
    origin: Origin | None,
    headers: Sequence[tuple[str, bytes]],
    position: tuple[int, int],
) -> Parcel:
    """The record that passes something on.

    Args:
        onward: what, and where to.
        event: the value of the record that it follows from, as it came first.
        origin: where upstream put that record.
        headers: those of the record, for the attributes of a CloudEvent.
        position: partition and offset of that record in the log.
    """
    key = onward.into.encode()
    way = [
        (_ONWARD, encode_onward(_without_state(onward))),
        (_ONWARD_FROM, f"{position[0]}/{position[1]}".encode()),
    ]
    if not isinstance(onward, Transfer):
        sent = [] if origin is None else canonical_headers(origin, key, headers)
        return Parcel(key, event, [*sent, *way])
    room = _RECORD_MAX_BYTES - len(key) - len(onward.state) - _size(way)
    for sent in _what_was_sent(event, origin, headers, key):
        if _size(sent) <= room:
            break
    return Parcel(key, onward.state, [*sent, *way])


def _what_was_sent(
    event: bytes | None, origin: Origin | None, headers: Sequence[tuple[str, bytes]], key: bytes
) -> Iterator[Headers]:
    """All that a dead letter of the merge would have; then ever less: no event, attributes, key."""
    if origin is None:
        yield [] if event is None else [(_ONWARD_EVENT, event)]
        yield []
        return
    whole = canonical_headers(origin, key, headers)
    if event is not None:
        yield [*whole, (_ONWARD_EVENT, event)]
    yield whole
    yield canonical_headers(origin, key, ())
    yield canonical_headers(origin._replace(key=None), key, ())


def _size(headers: Headers) -> int:
    """What headers take in a record, at most."""
    return sum(len(name) + len(value) + 10 for name, value in headers)


def _without_state(onward: Onward) -> Onward:
    return replace(onward, state=b"") if isinstance(onward, Transfer) else onward
