"""Which fields came with which format, so that nothing is written in a format that cannot hold it.

A field says it itself: `rules: Annotated[int, since(2)] = 0`. Its default means what was there
before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, inspect

from handlers.state.formats import FIRST
from scoring.since import SINCE, since

__all__ = ["FormatTooOld", "check_fits", "fields_at", "parts_of", "since", "without_newer"]


class FormatTooOld(Exception):
    """A record has something that the format of its partition cannot hold; one sentence."""


@cache
def fields_at(kind: type[Struct], number: int) -> tuple[str, ...]:
    """The names of the fields that a struct has in a format."""
    return tuple(name for name, came in _came(kind) if came <= number)


def check_fits(value: Struct, number: int) -> None:
    """Check that a record loses nothing in a format.

    Raises:
        FormatTooOld: a field that came with a later format is not as before.
    """
    name = _newer_field(value, number)
    if name is not None:
        raise FormatTooOld(
            f"{name} cannot be kept in format {number}: raise the format first, as "
            "docs/operations.md says"
        )


def without_newer(value: Any, number: int) -> Any:
    """A value as plain maps and lists, without the fields that came later than a format.

    An older release refuses a policy with a name that it does not know, though it be empty. The
    fields left out must be as before: `check_fits` says so.
    """
    plain = msgspec.to_builtins(value, builtin_types=(bytes,))
    _take_away(value, plain, number)
    return plain


def _take_away(value: Any, plain: Any, number: int) -> None:
    """Take the later fields of structs that are maps out of what a value became."""
    if isinstance(value, Struct) and isinstance(plain, dict):
        newer = {name for name, came in _came(type(value)) if came > number}
        for field in _fields(type(value)):
            if field.name in newer:
                plain.pop(field.encode_name, None)
            elif field.encode_name in plain:
                _take_away(getattr(value, field.name), plain[field.encode_name], number)
        return
    if isinstance(value, dict):
        value, plain = value.values(), [*plain.values()]
    elif isinstance(value, Struct):
        value = msgspec.structs.astuple(value)
    if isinstance(plain, list | tuple):
        for inner, part in zip(value, plain, strict=False):
            _take_away(inner, part, number)


_fields = cache(msgspec.structs.fields)
"""The fields of a struct: asked each time, it reads all annotations anew."""


@cache
def _came(kind: type[Struct]) -> tuple[tuple[str, int], ...]:
    """The fields of a struct, each with the format that it came with."""
    found = inspect.type_info(kind)
    assert isinstance(found, inspect.StructType)
    return tuple((field.name, _since(field.type)) for field in found.fields)


def _since(kind: inspect.Type) -> int:
    extra = kind.extra if isinstance(kind, inspect.Metadata) else None
    return FIRST if extra is None else int(extra.get(SINCE, FIRST))


class _Newer(NamedTuple):
    """What to look at in a struct that is to be written in a format."""

    names: tuple[str, ...]
    """Of the fields that came later."""
    values: Callable[[Any], Any]
    before: Any
    """What `values` gives where they are as before."""
    deeper: tuple[str, ...]
    """Fields that are older themselves, but hold something that came later."""


@cache
def _newer(kind: type[Struct], number: int) -> _Newer:
    types = inspect.type_info(kind)
    assert isinstance(types, inspect.StructType)
    came = dict(_came(kind))
    fields = [field for field in msgspec.structs.fields(kind) if came[field.name] > number]
    names = tuple(field.name for field in fields)
    before = tuple(map(_default, fields))
    return _Newer(
        names,
        attrgetter(*names) if names else _nothing,
        before[0] if len(before) == 1 else before,
        tuple(
            name
            for (name, since_then), part in zip(_came(kind), types.fields, strict=True)
            if since_then <= number and _holds_newer(part.type, number)
        ),
    )


def _nothing(_value: Any) -> tuple[()]:
    return ()


def _holds_newer(kind: inspect.Type, number: int) -> bool:
    """Whether a field of a type, or one below it, came later than a format."""
    return _since(kind) > number or any(_holds_newer(part, number) for part in parts_of(kind))


def parts_of(kind: Any) -> Iterator[inspect.Type]:
    """The types of what a value of a type holds."""
    if isinstance(kind, inspect.StructType | inspect.NamedTupleType):
        yield from (field.type for field in kind.fields)
    elif isinstance(kind, inspect.UnionType):
        yield from kind.types
    elif isinstance(kind, inspect.TupleType):
        yield from kind.item_types
    elif isinstance(kind, inspect.DictType):
        yield kind.value_type
    elif isinstance(kind, inspect.Metadata):
        yield kind.type
    elif isinstance(kind, inspect.CollectionType):
        yield kind.item_type


def _newer_field(value: Any, number: int) -> str | None:
    """The name of the first field that came later than a format and is not as before."""
    if isinstance(value, Struct):
        newer = _newer(type(value), number)
        if newer.values(value) != newer.before:
            defaults = {field.name: field for field in msgspec.structs.fields(value)}
            return next(n for n in newer.names if getattr(value, n) != _default(defaults[n]))
        parts = (held for name in newer.deeper if (held := getattr(value, name)))
        return next((found for held in parts if (found := _newer_field(held, number))), None)
    values = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list | tuple):
        return next((name for each in values if (name := _newer_field(each, number))), None)
    return None


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default
