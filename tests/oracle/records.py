"""From raw bytes to a JSON object, and from a CloudEvent to the native form."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

MOST_BYTES = 256 * 1024
DEEPEST_NESTING = 32
NULLS = "those that are null"


class NotJsonError(ValueError):
    """The bytes are no JSON object as the rules want it."""


def _refuse(constant: str) -> None:
    raise NotJsonError(f"{constant} is no JSON")


def _check_text_and_nesting(value: Any, containers: int) -> None:
    """Texts must be real Unicode; `containers` counts the objects and lists around `value`."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise NotJsonError("a lone surrogate") from error
    elif isinstance(value, dict | list):
        if containers == DEEPEST_NESTING:
            raise NotJsonError("nested too deep")
        inner = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        for each in inner:
            _check_text_and_nesting(each, containers + 1)


def parse_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in a record, every number a Decimal. Raises NotJsonError."""
    try:
        parsed = json.loads(
            raw.decode("utf-8"),
            parse_int=Decimal,
            parse_float=Decimal,
            parse_constant=_refuse,
        )
    except (UnicodeDecodeError, ValueError, RecursionError, InvalidOperation) as error:
        raise NotJsonError(str(error)) from error
    if not isinstance(parsed, dict):
        raise NotJsonError("no object")
    _check_text_and_nesting(parsed, 0)
    return parsed


def is_cloud_event(parsed: dict[str, Any]) -> bool:
    return parsed.get("specversion") is not None


def native_fields(parsed: dict[str, Any]) -> dict[str, Any]:
    """The fields of an event in the native form, those that are null left out.

    A CloudEvent's `data` that is no object stays under the impossible name "data: no object", and
    the names of those that are null under another one.
    """
    fields = parsed
    if is_cloud_event(parsed):
        data = parsed.get("data")
        fields = dict(data) if isinstance(data, dict) else {}
        if data is not None and not isinstance(data, dict):
            fields["data: no object"] = True
        fields["event_id"] = parsed.get("id")
        fields["type"] = parsed.get("type")
        fields["customer_id"] = parsed.get("subject")
        fields["occurred_at"] = parsed.get("time")
    nulls = frozenset(name for name, value in fields.items() if value is None)
    return {name: value for name, value in fields.items() if value is not None} | {NULLS: nulls}


def from_binary(parsed: dict[str, Any], attributes: dict[str, bytes]) -> dict[str, Any]:
    """The native form of a CloudEvent in binary mode: its attributes are headers `ce_*`.

    Raises NotJsonError where one that counts is no UTF-8.
    """
    native = {name: value for name, value in parsed.items() if name != "specversion"}
    names = ("ce_id", "ce_type", "ce_subject", "ce_time", "ce_specversion")
    try:
        told = {name: attributes[name].decode() for name in names if name in attributes}
    except UnicodeDecodeError as error:
        raise NotJsonError(str(error)) from error
    native["event_id"] = told.get("ce_id")
    native["type"] = told.get("ce_type")
    native["customer_id"] = told.get("ce_subject")
    native["occurred_at"] = told.get("ce_time")
    if told["ce_specversion"] != "1.0":
        native["schema_version"] = Decimal(0)  # another envelope is another schema
    return native


def readable_event_id(parsed: dict[str, Any]) -> str | None:
    """The event id a dead letter carries."""
    found = parsed.get("id" if is_cloud_event(parsed) else "event_id")
    return found if isinstance(found, str) and 1 <= len(found) <= 128 else None
