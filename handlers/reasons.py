"""Why a record cannot be used: the wire values, in the order in which they are checked.

The last one is no fault of the record: applying it raised.
"""

from __future__ import annotations

from typing import NamedTuple

TOO_LARGE = "too_large"
NOT_JSON = "not_json"
MISSING_FIELD = "missing_field"
UNKNOWN_TYPE = "unknown_type"
WRONG_TOPIC = "wrong_topic"
UNSUPPORTED_SCHEMA_VERSION = "unsupported_schema_version"
WRONG_TYPE = "wrong_type"
INVALID_CUSTOMER_ID = "invalid_customer_id"
INVALID_TIMESTAMP = "invalid_timestamp"
FROM_THE_FUTURE = "from_the_future"
ERASED_CUSTOMER = "erased_customer"
INVALID_AMOUNT = "invalid_amount"
UNKNOWN_CURRENCY = "unknown_currency"
INVALID_VALUE = "invalid_value"
CONFLICT = "conflict"
PROCESSING_FAILED = "processing_failed"

REASONS = (
    TOO_LARGE,
    NOT_JSON,
    MISSING_FIELD,
    UNKNOWN_TYPE,
    WRONG_TOPIC,
    UNSUPPORTED_SCHEMA_VERSION,
    WRONG_TYPE,
    INVALID_CUSTOMER_ID,
    INVALID_TIMESTAMP,
    FROM_THE_FUTURE,
    ERASED_CUSTOMER,
    INVALID_AMOUNT,
    UNKNOWN_CURRENCY,
    INVALID_VALUE,
    CONFLICT,
    PROCESSING_FAILED,
)


class Duplicate:
    """The verdict on an event that was seen before; it has no effect."""


DUPLICATE = Duplicate()


class Rejection(NamedTuple):
    """A record that becomes a dead letter. `detail` is one sentence for a person."""

    reason: str
    detail: str
    event_id: str | None = None
