"""How a type of event is declared, and what follows from its declaration.

The declarations are the classes of `handlers.events`. A field of such a class that bears a kind
(`handlers.decode.fields`) is a field of the JSON object, required if it has no default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields as struct_fields

from handlers.decode.fields import (
    Bound,
    Check,
    CurrencyKind,
    Kind,
    MoneyKind,
    instant,
    integer,
    text,
)

InputTopic = Literal["orders", "browse", "support", "profiles"]
"""The input topics, without the deployment's prefix."""

COMMON_FIELDS = ("event_id", "customer_id", "occurred_at")
"""Required of every event beside `type`."""

Rule = Callable[[Any], str | None]
Needed = Callable[[Any], tuple[str, ...]]
_EventClass = TypeVar("_EventClass", bound=type[Struct])
_FIRST_CHECKS = (
    ("event_id", text, None),
    ("customer_id", text, None),
    ("occurred_at", instant, None),
)
_LAST_CHECKS = (("channel", text, None), ("schema_version", integer, None))


class Field(NamedTuple):
    """A field of an event beside the common ones."""

    name: str
    kind: Kind
    required: bool
    default: Any
    """What the event has where the field is absent."""


class Money(NamedTuple):
    """The names of the fields that have to do with an event's amount.

    Attributes:
        amount: the amount.
        currency: its currency; None where the event has no such field, and the amount has the
            decimals of the policy's base currency.
        into: takes the minor units.
        of_order: it is in the currency of the event's order, where the event has none.
        may_be_optional: the amount may be absent, if the policy allows it.
    """

    amount: str
    currency: str | None
    into: str
    of_order: bool
    may_be_optional: bool


class EventType(NamedTuple):
    """A declared type of event.

    Attributes:
        name: as in the field `type`.
        topic: the input topic it belongs to.
        event: the class of its events.
        fast: whether the fast path takes it.
        rule: says what is wrong between fields that are each right, or returns None. It is given
            an event, or on the fast path anything with the same fields in their JSON form.
        fields: beside the common ones, required ones first.
        required: the names that must be there, in the order in which they are missed.
        nullable: those of them that may be null.
        needed: of the value of `needed_by`, which names must be there, too; None for none.
        needed_by: the name of the field that decides this.
        any_of: names of which at least one must be there; empty for none.
        checks: name, check and bound of all fields, in the order in which they are judged.
        money: which fields hold an amount; None for none.
        only_with: names that are looked at only where another one, which comes second, is not null.
        times: the names of RFC 3339 times beside `occurred_at`.
        tier: the field that names a tier of the policy; None for none.
        since: the format from which on a partition knows the type.
    """

    name: str
    topic: InputTopic
    event: type[Any]
    fast: bool
    rule: Rule | None
    fields: tuple[Field, ...]
    required: tuple[str, ...]
    nullable: frozenset[str]
    needed: Needed | None
    needed_by: str
    any_of: tuple[str, ...]
    checks: tuple[tuple[str, Check, Bound | None], ...]
    money: Money | None
    only_with: dict[str, str]
    times: tuple[str, ...]
    tier: str | None
    since: int


class Schema(dict[str, EventType]):
    """Types of events by name, in the order of their declaration."""

    def event(
        self,
        *names: str,
        topic: InputTopic,
        fast: bool = False,
        rule: Rule | None = None,
        needed: tuple[str, Needed] | None = None,
        any_of: tuple[str, ...] = (),
        since: int = 1,
    ) -> Callable[[_EventClass], _EventClass]:
        """Declare types of events that share a class; see `EventType` for the arguments."""

        def declare(event: _EventClass) -> _EventClass:
            fields = _fields_of(event)
            if fast and any(field.kind.raw is None for field in fields):
                raise TypeError(f"{event.__name__} has a field that the fast path cannot read")
            required = tuple(field.name for field in fields if field.required)
            own = ((field.name, field.kind.check, field.kind.bound) for field in fields)
            checks = (*_FIRST_CHECKS, *own, *_LAST_CHECKS)
            for name in names:
                self[name] = EventType(
                    name=name,
                    topic=topic,
                    event=event,
                    fast=fast,
                    rule=rule,
                    fields=fields,
                    required=(*COMMON_FIELDS, *required),
                    nullable=frozenset(f.name for f in fields if f.kind.takes_null),
                    needed=None if needed is None else needed[1],
                    needed_by="" if needed is None else needed[0],
                    any_of=any_of,
                    checks=checks,
                    money=_money_of(fields),
                    only_with={f.name: f.kind.only_with for f in fields if f.kind.only_with},
                    times=tuple(field.name for field in fields if field.kind.is_time),
                    tier=next((field.name for field in fields if field.kind.is_tier), None),
                    since=since,
                )
            return event

        return declare

    def names_of(self, event: type[Struct]) -> tuple[str, ...]:
        """The types whose events are of a class."""
        return tuple(name for name, declared in self.items() if declared.event is event)


def _fields_of(event: type[Struct]) -> tuple[Field, ...]:
    hints = get_type_hints(event, include_extras=True)
    return tuple(
        Field(found.name, kind, found.default is NODEFAULT, found.default)
        for found in struct_fields(event)
        if (kind := _kind_in(hints[found.name])) is not None
    )


def _kind_in(hint: Any) -> Kind | None:
    """The kind of a field, from `Annotated[T, kind]` or that `| None`."""
    if get_origin(hint) is Annotated:
        return next((found for found in hint.__metadata__ if isinstance(found, Kind)), None)
    kinds = (_kind_in(inner) for inner in get_args(hint))
    return next((kind for kind in kinds if kind is not None), None)


def _money_of(fields: tuple[Field, ...]) -> Money | None:
    currency = next((f.name for f in fields if isinstance(f.kind, CurrencyKind)), None)
    for field in fields:
        if isinstance(field.kind, MoneyKind):
            kind = field.kind
            return Money(field.name, currency, kind.into, kind.of_order, kind.may_be_optional)
    return None
