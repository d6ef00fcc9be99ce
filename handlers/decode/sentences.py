"""What dead letters say of records whose shape is wrong, each a sentence for a person."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from handlers import reasons
from handlers.decode.fields import MAX_ID_LENGTH
from handlers.decode.found import shown, time_hint
from handlers.decode.schema import Schema
from handlers.reasons import Rejection


def no_time(name: str, told: str | int) -> Rejection:
    """The dead letter of an event with a field that is no time."""
    return Rejection(
        reasons.INVALID_TIMESTAMP,
        f"{name} is no RFC 3339 time with an offset, such as 2025-12-31T08:00:00Z, got "
        f"{shown(told)}{time_hint(told)}",
    )


def as_what(document: dict[str, Any], name: str) -> str:
    """How a required field is there, but missing."""
    if name not in document:
        return ""
    return ": it is null" if document[name] is None else ": it is an empty text"


def no_such_type(type_name: object, schema: Schema) -> str:
    """That no event has a type, and which one may be meant."""
    if type(type_name) is not str:
        return f"type must be a text such as order.placed, got {shown(type_name)}"
    close = get_close_matches(type_name[:64], schema, 1)
    meant = f"; {close[0]} is one" if close else ""
    return f"no event has the type {shown(type_name)}{meant}"


def no_customer_id(customer_id: str) -> str:
    """Why a text cannot be a customer id."""
    length = len(customer_id)
    what = f"{length} characters" if length > MAX_ID_LENGTH else "a control character"
    return (
        f"customer_id needs 1 to {MAX_ID_LENGTH} characters, none a control, got {what} in "
        f"{shown(customer_id)}"
    )


def with_found(wrong: str, found: object) -> str:
    """What is wrong with a value, with the value itself unless it says what it found."""
    return wrong if "got " in wrong or wrong.startswith("has ") else f"{wrong}, got {shown(found)}"
