"""What is looked at before a record enters the log: its shape, without any policy or state."""

from dataclasses import dataclass
from typing import Any

from tests.oracle.checks import Limits, ingest_reason
from tests.oracle.records import (
    MOST_BYTES,
    NotJsonError,
    from_binary,
    native_fields,
    parse_object,
    readable_event_id,
)


@dataclass(frozen=True)
class Refusal:
    """Why a record does not enter the log, and the event id that can be read in it."""

    reason: str
    event_id: str | None


def refusal(
    value: bytes | None, attributes: dict[str, bytes], limits: Limits, topic: str | None = None
) -> Refusal | None:
    """Why a record of a topic does not enter the log; None if it does."""
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
    reason = ingest_reason(parsed, native_fields(parsed), limits, topic)
    return None if reason is None else Refusal(reason, readable_event_id(parsed))
