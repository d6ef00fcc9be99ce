"""What is looked at before a record enters the log: its shape, without any policy or state."""

from dataclasses import dataclass
from typing import Any

from tests.oracle.checks import Limits, reason_against
from tests.oracle.policy import read_policy
from tests.oracle.records import (
    MOST_BYTES,
    NotJsonError,
    from_binary,
    native_fields,
    parse_object,
    readable_event_id,
)

SHAPE_REASONS = (
    "too_large",
    "not_json",
    "missing_field",
    "unknown_type",
    "unsupported_schema_version",
    "wrong_type",
    "invalid_customer_id",
    "invalid_timestamp",
    "from_the_future",
)
_ANY_POLICY = read_policy({})


@dataclass(frozen=True)
class Refusal:
    """Why a record does not enter the log, and the event id that can be read in it."""

    reason: str
    event_id: str | None


def refusal(value: bytes | None, attributes: dict[str, bytes], limits: Limits) -> Refusal | None:
    """Why a record does not enter the log; None if it does."""
    if value is None:
        return Refusal("not_json", None)
    if len(value) > MOST_BYTES:
        return Refusal("too_large", None)
    try:
        parsed: dict[str, Any] = parse_object(value)
        if "ce_specversion" in attributes:
            parsed = from_binary(parsed, attributes)
    except NotJsonError:
        return Refusal("not_json", None)
    reason = reason_against(parsed, native_fields(parsed), _ANY_POLICY, limits)
    return Refusal(reason, readable_event_id(parsed)) if reason in SHAPE_REASONS else None
