"""The fast path from bytes to an event, for records that are right in every respect: nearly all.

One typed pass over the bytes takes the place of checking field by field. It accepts only what
`handlers.decode.decode` accepts, and then gives the same event. It refuses nothing: for what is
wrong or merely unusual (CloudEvents, fractions, a rare type of event, deep nesting) it returns
None, and `decode` finds out what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from handlers.decode.decode import IN_THE_LOG, MAX_NESTING, MAX_RECORD_BYTES, Limits
from handlers.decode.digests import content_digest
from handlers.decode.fields import MAX_ID_LENGTH, Check, valid_customer_id
from handlers.decode.schema import EventType, Field, Schema
from handlers.events import SCHEMA, Event
from scoring.timestamps import parse_rfc3339

_BIG = 2**63
_SECONDS = {f":{second:02d}": second * 1_000 for second in range(60)}
_ENDS = {"Z": 0, **{f".{ms:03d}Z": ms for ms in range(1_000)}}
_Filled = Annotated[str, Meta(min_length=1)]
_Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_LENGTH)]


class RawEvent(Struct, kw_only=True, gc=False):
    """The fields of every event as they stand in its JSON; each type has a class of its own.

    With a `specversion` it would be a CloudEvent.
    """

    declared: ClassVar[EventType]
    event: ClassVar[Callable[[Any, int, bytes], Event]]
    """A method that makes the event of it, with its time and the digest of its content."""

    event_id: _Id
    customer_id: _Id
    occurred_at: _Filled | int
    schema_version: Literal[1] | None = None
    channel: str | None = None
    specversion: None = None


class _UnusualError(ValueError):
    """A number that is to be compared with care."""


def _no_fraction(_text: str) -> None:
    raise _UnusualError


_documents = msgspec.json.Decoder(dict[str, Any], float_hook=_no_fraction)


class FastDecoder:
    """Decodes those types of a schema that have a fast path.

    Args:
        schema: the types of events there are.
    """

    def __init__(self, schema: Schema) -> None:
        raw = tuple(_raw_class(declared) for declared in schema.values() if declared.fast)
        self._decode: Callable[[bytes], RawEvent] = msgspec.json.Decoder(
            Union[raw]  # noqa: UP007 - there is no other way to write it
        ).decode

    def raw_event(self, value: bytes | None, limits: Limits) -> RawEvent | None:
        """The fields of an event that `decode` accepts; None for `decode` to say."""
        if value is None or len(value) > MAX_RECORD_BYTES:
            return None
        if value.count(b"{") + value.count(b"[") > MAX_NESTING:
            return None
        try:
            raw = self._decode(value)
            if not value.isascii():
                value.decode()  # the pass above skips unknown fields without a look at their text
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        return None if _occurred_ms(raw, limits) is None else raw

    def event(self, value: bytes | None) -> Event | None:
        """The event of a record of the canonical log, as `decode` gives it; None for it to say.

        The record has no headers of a CloudEvent.
        """
        if value is None or len(value) > MAX_RECORD_BYTES:
            return None
        try:
            raw = self._decode(value)
            document = _documents.decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, _UnusualError, RecursionError):
            return None
        occurred_ms = _occurred_ms(raw, IN_THE_LOG)
        if occurred_ms is None or not _is_plain(document.values(), 1):
            return None
        rule = raw.declared.rule
        if rule is not None and rule(raw) is not None:
            return None
        return raw.event(occurred_ms, content_digest(document, has_decimals=False))


# -- the class of a type


def _raw_class(declared: EventType) -> type[RawEvent]:
    """The typed JSON of one type of event, told from others by the field `type`."""
    raw: Any = msgspec.defstruct(
        f"RawEvent:{declared.name}",
        [_raw_field(field) for field in declared.fields],
        bases=(RawEvent,),
        namespace={"declared": declared, "event": _maker(declared)},
        tag=declared.name,
        gc=False,
        kw_only=True,
    )
    return raw  # type: ignore[no-any-return]


def _raw_field(field: Field) -> tuple[str, Any] | tuple[str, Any, None]:
    raw = field.kind.raw
    if not field.required:
        return field.name, raw | None, None
    is_text = raw is str or (get_origin(raw) is Annotated and get_args(raw)[0] is str)
    return field.name, Annotated[raw, Meta(min_length=1)] if is_text else raw


def _maker(declared: EventType) -> Callable[[Any, int, bytes], Event]:
    """What makes events of one type."""
    name, fields = declared.name, declared.fields
    make: Callable[..., Event] = declared.event
    own_values = _getter([field.name for field in fields])
    conversions = tuple(_conversions(fields))

    def event(raw: RawEvent, occurred_ms: int, content: bytes) -> Event:
        # By position, in the order of `Event`: by name it would take twice as long.
        common = raw.event_id, name, raw.customer_id, occurred_ms, content, None, raw.channel
        if not conversions:
            return make(*(common + own_values(raw)))
        own = list(own_values(raw))
        for place, convert in conversions:
            own[place] = convert(own[place])
        return make(*common, *own)

    return event


def _getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """What gives the values of some attributes."""
    if not names:
        return lambda _: ()
    values = attrgetter(*names)
    return values if len(names) > 1 else lambda raw: (values(raw),)


def _conversions(fields: tuple[Field, ...]) -> Iterator[tuple[int, Check]]:
    """The places of fields that the event keeps in another form, and what makes it."""
    for place, field in enumerate(fields):
        convert = field.kind.convert
        if convert is not None:
            yield place, convert if field.required else _unless_absent(convert, field.default)
        elif not field.required and field.default is not None:
            yield place, _unless_absent(lambda value: value, field.default)


def _unless_absent(convert: Check, default: Any) -> Check:
    return lambda value: default if value is None else convert(value)


# -- times and numbers


def _occurred_ms(raw: RawEvent, limits: Limits) -> int | None:
    """The time of an event whose customer id and time are right; else None."""
    customer_id = raw.customer_id
    if not customer_id.isprintable() and not valid_customer_id(customer_id):
        return None
    found = raw.occurred_at
    occurred_ms = found if type(found) is int else _instant_ms(found)  # type: ignore[arg-type]
    if occurred_ms is None or occurred_ms < limits.min_event_ms:
        return None
    if limits.max_event_ms is not None and occurred_ms > limits.max_event_ms:
        return None
    return occurred_ms


@lru_cache(maxsize=4_096)
def _minute_ms(minute: str) -> int | None:
    """The instant at which a minute such as `2026-01-01T12:34` of UTC begins."""
    return parse_rfc3339(f"{minute}:00Z")


def _instant_ms(text: str) -> int | None:
    """As `parse_rfc3339`; the common forms by their parts, of which the first is often the same."""
    second_ms, end_ms = _SECONDS.get(text[16:19]), _ENDS.get(text[19:])
    if second_ms is not None and end_ms is not None:
        minute_ms = _minute_ms(text[:16])
        if minute_ms is not None:
            return minute_ms + second_ms + end_ms
    return parse_rfc3339(text)


def _is_plain(values: Iterable[Any], depth: int) -> bool:
    """Whether equal values are written alike: no large integer, and no deep nesting."""
    for value in values:
        kind = type(value)
        if kind is str:
            continue
        if kind is int:
            if not -_BIG < value < _BIG:
                return False
        elif kind is dict or kind is list:
            if depth >= MAX_NESTING:
                return False
            if not _is_plain(value.values() if kind is dict else value, depth + 1):
                return False
    return True


_DECODER = FastDecoder(SCHEMA)
raw_event = _DECODER.raw_event
fast_event = _DECODER.event
