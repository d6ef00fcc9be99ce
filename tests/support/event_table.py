"""The guide's table of event types, from their declarations.

`python -m tests.support.event_table` writes it into the guide.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from handlers.decode.schema import EventType, Field, Schema
from handlers.events import SCHEMA

GUIDE = Path(__file__).resolve().parents[2] / "docs/guide.md"
BEGIN = "<!-- event types, written by python -m tests.support.event_table -->\n"
END = "<!-- end of event types -->\n"


def event_table(schema: Schema = SCHEMA) -> str:
    """A row for each class of events, with its types and its fields."""
    rows = ["| topic | type | further fields |", "|---|---|---|"]
    for topic, of_topic in groupby(schema.values(), lambda declared: declared.topic):
        shown = f" `{topic}`"
        for _, group in groupby(of_topic, lambda declared: declared.event):
            types = list(group)
            names = ", ".join(f"`{declared.name}`" for declared in types)
            rows.append(f"|{shown} | {names} | {_fields(types[0])} |".replace("|  |", "| |"))
            shown = ""
    return "\n".join(rows) + "\n"


def _fields(declared: EventType) -> str:
    required = ", ".join(_field(field) for field in declared.fields if field.required)
    optional = ", ".join(
        _field(field)
        for field in declared.fields
        if not field.required and field.name not in declared.any_of
    )
    parts = [required] if required else []
    if declared.any_of:
        found = [field for field in declared.fields if field.name in declared.any_of]
        parts.append(f"at least one of {', '.join(map(_field, found))}")
    return "; ".join([*parts, f"optional {optional}"] if optional else parts)


def _field(field: Field) -> str:
    words = field.kind.words
    return f"`{field.name}` ({words})" if words else f"`{field.name}`"


def in_guide(guide: str) -> str:
    """The table as it stands in the guide."""
    return guide.partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    guide = GUIDE.read_text("utf-8")
    GUIDE.write_text(guide.replace(BEGIN + in_guide(guide) + END, BEGIN + event_table() + END))
