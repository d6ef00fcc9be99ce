"""From bytes to an event, or to the first reason why the record cannot be used.

The result depends on the record alone, and on the limits of times that the caller passes. What
depends on the policy is checked later, in `handlers.decode.policy_checks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from handlers import reasons
from handlers.decode.cloudevents import from_binary, from_structured, has_odd_data
from handlers.decode.content import NO_CONTENT, Content, by_value, fields_digest
from handlers.decode.fields import (
    WrongType,
    id_fault,
    integer,
    readable_id,
    valid_customer_id,
)
from handlers.decode.found import shown, text_in, time_hint
from handlers.decode.json_object import encode, parse
from handlers.decode.schema import COMMON_FIELDS, EventType, InputTopic, Schema
from handlers.decode.sentences import (
    as_what,
    no_customer_id,
    no_such_type,
    no_time,
    with_found,
)
from handlers.events import SCHEMA, Event
from handlers.reasons import Rejection
from scoring.timestamps import NEVER_MS, parse_rfc3339, rfc3339

SCHEMA_VERSION = 1
DEFAULT_MIN_EVENT_MS = 631_152_000_000
"""1990-01-01T00:00:00Z."""

_Headers = Mapping[str, bytes]


class Limits(msgspec.Struct, frozen=True):
    """Bounds on event times, in epoch milliseconds; None for no bound above."""

    min_event_ms: int = DEFAULT_MIN_EVENT_MS
    max_event_ms: int | None = None


ANY_TIME = Limits()
IN_THE_LOG = Limits(min_event_ms=NEVER_MS)
"""For records of the canonical log: ingest has checked their times."""


def decode(
    value: bytes | None,
    headers: _Headers | None = None,
    limits: Limits = ANY_TIME,
    *,
    topic: InputTopic | None = None,
    with_content: bool = True,
    schema: Schema = SCHEMA,
) -> Event | Rejection:
    """Check a record's shape and make an event of it.

    Args:
        value: the record's bytes; None is a tombstone.
        headers: the record's headers, for CloudEvents in binary mode (`ce_*`).
        limits: the bounds on its time.
        topic: the input topic it stands in; None where every type may stand, as in a file.
        with_content: compute the digest of its content, which routing does not need.
        schema: the types of events that are known.
    """
    parsed = parse(value)
    if isinstance(parsed, Rejection):
        return parsed
    document, binary = parsed.fields, None
    odd_data = False
    if headers and "ce_specversion" in headers:
        try:
            document, binary = from_binary(document, headers), headers
        except UnicodeDecodeError:
            return Rejection(reasons.NOT_JSON, "an attribute in the headers is no UTF-8")
    elif document.get("specversion") is not None:
        odd_data = has_odd_data(document)
        document = from_structured(document)
    event = _shape(document, limits, schema, topic, odd_data=odd_data)
    if isinstance(event, Rejection):
        return event._replace(event_id=readable_id(document.get("event_id")))
    if with_content:
        assert value is not None
        event.content = Content(_digest(event, document, schema), value, binary)
    return event


def customer_in(value: bytes | None, headers: _Headers | None = None) -> str | None:
    """The customer id in a record that is refused, if a text stands there."""
    return text_in(value, headers, "customer_id")


def names_type(value: bytes, schema: Schema = SCHEMA) -> bool:
    """Whether a record that is refused names a type that is known."""
    return text_in(value, None, "type") in schema


def as_line(value: bytes, headers: _Headers | None = None) -> bytes:
    """A decodable record as one line of JSON that decodes to the same event without headers."""
    is_binary = bool(headers) and "ce_specversion" in (headers or {})
    if not is_binary and b"\n" not in value and b"\r" not in value:
        return value
    parsed = parse(value)
    if isinstance(parsed, Rejection):
        return value.replace(b"\n", b" ").replace(b"\r", b" ")
    return encode(from_binary(parsed.fields, headers or {}) if is_binary else parsed.fields)


def _digest(event: Event, document: dict[str, Any], schema: Schema) -> bytes:
    """The digest of the fields that were told, less those that were left alone."""
    told: list[tuple[str, Any]] = []
    for field in schema[event.type].fields:
        value = getattr(event, field.name)
        if document.get(field.name) is not None and value not in (None, UNSET):
            told.append((field.name, by_value(value)))
    return fields_digest((event.type, event.customer_id, event.occurred_ms, event.channel), told)


def _shape(
    document: dict[str, Any],
    limits: Limits,
    schema: Schema,
    topic: InputTopic | None,
    *,
    odd_data: bool,
) -> Event | Rejection:
    """The event of a document, or the first thing wrong with it, in the order of the reasons."""
    type_name = document.get("type")
    if type_name is None or type_name == "":
        return Rejection(reasons.MISSING_FIELD, f"type is missing{as_what(document, 'type')}")
    declared = schema.get(type_name) if type(type_name) is str else None
    for name in COMMON_FIELDS if declared is None else _required(declared, document):
        found = document.get(name)
        if (found is None and not _may_be_null(declared, document, name)) or found == "":
            return Rejection(reasons.MISSING_FIELD, f"{name} is missing{as_what(document, name)}")
    if declared is not None and declared.any_of and _has_none(document, declared.any_of):
        names = ", ".join(declared.any_of)
        return Rejection(reasons.MISSING_FIELD, f"one of {names} must be there")
    if declared is None:
        return Rejection(reasons.UNKNOWN_TYPE, no_such_type(type_name, schema))
    if topic is not None and declared.topic != topic:
        return Rejection(
            reasons.WRONG_TOPIC,
            f"{declared.name} belongs in the topic {declared.topic}, this is {topic}",
        )
    version = document.get("schema_version")
    if version is not None and _is_other_version(version):
        return Rejection(
            reasons.UNSUPPORTED_SCHEMA_VERSION,
            f"schema_version must be {SCHEMA_VERSION}, and the specversion of a CloudEvent 1.0",
        )
    if odd_data:
        return Rejection(reasons.WRONG_TYPE, "data of a CloudEvent must be an object")
    return _typed(declared, document, limits)


def _has_none(document: dict[str, Any], names: tuple[str, ...]) -> bool:
    """Whether all of these are absent, null or an empty text."""
    return all(document.get(name) is None or document[name] == "" for name in names)


def _required(declared: EventType, document: dict[str, Any]) -> tuple[str, ...]:
    """The names that must be there, those that follow from another field's value last."""
    if declared.needed is None:
        return declared.required
    return (*declared.required, *declared.needed(document.get(declared.needed_by)))


def _may_be_null(declared: EventType | None, document: dict[str, Any], name: str) -> bool:
    """Whether null stands in a field, and is a value there."""
    return declared is not None and name in declared.nullable and name in document


def _is_other_version(version: object) -> bool:
    """Whether this is another integer; a value that is no integer is a wrong type, found later."""
    try:
        return integer(version) != SCHEMA_VERSION
    except WrongType:
        return False


def _typed(declared: EventType, document: dict[str, Any], limits: Limits) -> Event | Rejection:
    values: dict[str, Any] = dict.fromkeys(declared.nullable)
    fault: str | None = None
    for name, check, bound in declared.checks:
        found = document.get(name)
        if found is None or _is_left_alone(declared, name, found, document):
            continue
        try:
            value = values[name] = check(found)
        except WrongType as error:
            hint = time_hint(found) if name == "occurred_at" else ""
            wrong_one = shown(found if error.found is None else error.found)
            return Rejection(reasons.WRONG_TYPE, f"{name} {error}, got {wrong_one}{hint}")
        if bound is not None and fault is None:
            wrong = bound(value)
            if wrong is not None:
                fault = f"{name} {with_found(wrong, found)}"
    values.pop("schema_version", None)
    if not valid_customer_id(values["customer_id"]):
        return Rejection(reasons.INVALID_CUSTOMER_ID, no_customer_id(values["customer_id"]))
    occurred_at = values.pop("occurred_at")
    occurred_ms = _instant_ms(occurred_at)
    rejection = _check_times(declared, values, (occurred_at, occurred_ms), limits)
    if rejection is not None:
        return rejection
    event: Event = declared.event(
        type=declared.name,
        occurred_ms=occurred_ms,
        content=NO_CONTENT,
        fault=fault,
        channel=values.pop("channel", None),
        **values,
    )
    if fault is None:
        event.fault = _fault_between(declared, event)
    return event


def _is_left_alone(declared: EventType, name: str, found: object, document: dict[str, Any]) -> bool:
    """Whether a field goes with another one that is not there, or is as good as absent itself."""
    if found == "" and declared.money is not None and name == declared.money.amount:
        return declared.money.may_be_optional
    other = declared.only_with.get(name)
    return other is not None and document.get(other) is None


def _check_times(
    declared: EventType,
    values: dict[str, Any],
    occurred: tuple[str | int, int | None],
    limits: Limits,
) -> Rejection | None:
    """What is wrong with the times of an event; those beside `occurred_at` become instants.

    Args:
        declared: its type.
        values: its fields.
        occurred: `occurred_at` as it was told, and its milliseconds since 1970.
        limits: the bounds on that.
    """
    told, occurred_ms = occurred
    if occurred_ms is None:
        return no_time("occurred_at", told)
    if occurred_ms < limits.min_event_ms:
        found = f"occurred_at is before {rfc3339(limits.min_event_ms)}, got {shown(told)}"
        hint = time_hint(told) if type(told) is int else ""
        return Rejection(reasons.INVALID_TIMESTAMP, found + hint)
    for name in declared.times:
        if name in values:
            text, values[name] = values[name], parse_rfc3339(values[name])
            if values[name] is None:
                return no_time(name, text)
    if limits.max_event_ms is not None and occurred_ms > limits.max_event_ms:
        # Without the bound itself: a dead letter that is written twice must be the same.
        found = f"occurred_at {rfc3339(occurred_ms)} has not come yet"
        hint = time_hint(told) if type(told) is int else ""
        return Rejection(reasons.FROM_THE_FUTURE, found + hint)
    return None


def _fault_between(declared: EventType, event: Event) -> str | None:
    """What is wrong with the event's own id, or between fields that are each right."""
    wrong = id_fault(event.event_id)
    if wrong is not None:
        return f"event_id {wrong}"
    return None if declared.rule is None else declared.rule(event)


def _instant_ms(value: str | int) -> int | None:
    return parse_rfc3339(value) if type(value) is str else value  # type: ignore[return-value]
