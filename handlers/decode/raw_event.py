"""The JSON of an event on the fast path: a msgspec class for each type, from its declaration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from handlers.decode.content import Content, by_value, fields_digest
from handlers.decode.fields import MAX_ID_LENGTH, Check
from handlers.decode.schema import EventType, Field
from handlers.events import Event

_Filled = Annotated[str, Meta(min_length=1)]
_Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_LENGTH)]


class RawEvent(Struct, kw_only=True, gc=False):
    """The fields of every event as they stand in its JSON; each type has a subclass.

    With a `specversion` it would be a CloudEvent.
    """

    declared: ClassVar[EventType]
    event: ClassVar[Callable[[Any, int, bytes], Event]]
    """The method that makes the event, from its time and the bytes of its record."""

    event_id: _Id
    customer_id: _Id
    occurred_at: _Filled | int
    schema_version: Literal[1] | None = None
    channel: str | None = None
    specversion: None = None


def raw_class(declared: EventType) -> type[RawEvent]:
    """The subclass for one type of event, which msgspec chooses by the field `type`."""
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
    if not is_text or _is_filled(raw):
        return field.name, raw
    return field.name, Annotated[raw, Meta(min_length=1)]


def _is_filled(raw: Any) -> bool:
    """Whether a type of msgspec for texts refuses an empty one already."""
    return any(getattr(meta, "min_length", None) for meta in getattr(raw, "__metadata__", ()))


def _maker(declared: EventType) -> Callable[[Any, int, bytes], Event]:
    """The function that makes events of one type.

    Raises:
        TypeError: the fields of the class do not stand right behind those of `Event`.
    """
    name, fields = declared.name, declared.fields
    names = tuple(field.name for field in fields)
    make: Callable[..., Event] = declared.event
    by_position = (*Event.__match_args__, *(field.name for field in fields))
    if declared.event.__match_args__[: len(by_position)] != by_position:
        raise TypeError(f"{declared.event.__name__}: its JSON fields must come first, by position")
    own_values = _getter([field.name for field in fields])
    conversions = tuple(_conversions(fields))

    def event(raw: RawEvent, occurred_ms: int, record: bytes) -> Event:
        customer_id, channel, raw_values = raw.customer_id, raw.channel, own_values(raw)
        own = told = [*raw_values]
        if conversions:
            told = [*raw_values]
            for position, convert in conversions:
                was = raw_values[position]
                now = own[position] = convert(was)
                told[position] = None if was is None else by_value(now)
        pairs = [pair for pair in zip(names, told, strict=True) if pair[1] is not None]
        content = Content(fields_digest((name, customer_id, occurred_ms, channel), pairs), record)
        # By position, in the order of `Event`: by name it would take twice as long.
        return make(raw.event_id, name, customer_id, occurred_ms, content, None, channel, *own)

    return event


def _getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that returns the values of some attributes."""
    if not names:
        return lambda _: ()
    values = attrgetter(*names)
    return values if len(names) > 1 else lambda raw: (values(raw),)


def _conversions(fields: tuple[Field, ...]) -> Iterator[tuple[int, Check]]:
    """The positions of fields that the event keeps in another form, and the conversions."""
    for position, field in enumerate(fields):
        convert = field.kind.convert
        if convert is not None:
            yield position, convert if field.required else _unless_absent(convert, field.default)
        elif not field.required and field.default is not None:
            yield position, _unless_absent(lambda value: value, field.default)


def _unless_absent(convert: Check, default: Any) -> Check:
    return lambda value: default if value is None else convert(value)
