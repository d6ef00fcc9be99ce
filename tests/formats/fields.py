"""The fields of every struct that is kept, in a format: `python -m tests.formats.fields N`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from msgspec import Struct, inspect

from handlers.control_records import ClockTick, PolicyActivated
from handlers.merge.forwarding import ForwardedEvent, Transfer
from handlers.state.customer import Customer
from handlers.state.format_fields import fields_at, parts_of
from handlers.state.partition_state import Meta

_RECORDS = (Customer, Meta, ClockTick, PolicyActivated, Transfer, ForwardedEvent)


def kept_structs() -> set[type[Struct]]:
    """Every struct in a record that is kept."""
    return {kind for record in _RECORDS for kind in _structs(inspect.type_info(record))}


def fields_of_all(number: int) -> dict[str, list[str]]:
    """The fields of each struct that is kept, by its name."""
    return {kind.__name__: [*fields_at(kind, number)] for kind in kept_structs()}


def _structs(kind: inspect.Type) -> Iterator[type[Struct]]:
    if isinstance(kind, inspect.StructType):
        yield kind.cls
    for part in parts_of(kind):
        yield from _structs(part)


if __name__ == "__main__":
    found = sorted(fields_of_all(int(sys.argv[1])).items())
    lines = (f"{json.dumps(name)}: {json.dumps(names)}" for name, names in found)
    sys.stdout.write("{\n" + ",\n".join(lines) + "\n}\n")
