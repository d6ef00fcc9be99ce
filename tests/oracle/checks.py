"""What makes a record usable: the first reason that applies, in the order of the reasons."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.money import (
    MOST_MINOR_UNITS,
    digits_of,
    parse_amount,
    stripped,
    to_minor,
)
from tests.oracle.policy import Policy
from tests.oracle.times import parse_rfc3339

BROWSE_TYPES = (
    "page.viewed",
    "product.viewed",
    "product.searched",
    "link.clicked",
    "cart.updated",
    "checkout.started",
)
SUPPORT_TYPES = ("ticket.opened", "ticket.resolved", "ticket.reopened", "survey.answered")

_BROWSE_FIELDS = {
    "session_id": "text",
    "sku": "text",
    "category": "text",
    "query": "text",
    "url": "text",
}
_COMMON_FIELDS = {
    "event_id": "text, required",
    "customer_id": "text, required",
    "occurred_at": "time, required",
    "schema_version": "integer",
    "channel": "text",
}
FIELDS_OF: dict[str, dict[str, str]] = {
    "order.placed": {
        "order_id": "text, required",
        "amount": "amount, required",
        "currency": "text, required",
        "items": "items",
        "payment_status": "text",
    },
    "order.paid": {"order_id": "text, required"},
    "order.cancelled": {"order_id": "text, required"},
    "order.payment_failed": {"order_id": "text, required"},
    "order.refunded": {
        "order_id": "text, required",
        "refund_id": "text, required",
        "amount": "amount, required",
    },
    **dict.fromkeys(BROWSE_TYPES, _BROWSE_FIELDS),
    "ticket.opened": {"ticket_id": "text, required", "kind": "text", "severity": "integer"},
    "ticket.resolved": {"ticket_id": "text, required"},
    "ticket.reopened": {"ticket_id": "text, required"},
    "survey.answered": {
        "survey": "text, required",
        "score": "integer, required",
        "ticket_id": "text",
        "comment": "text",
    },
    "profile.updated": {"attributes": "attributes, required"},
    "consent.changed": {"marketing": "bool, required"},
    "customer.merged": {"into": "text, required"},
    "customer.erased": {},
    "activity.recorded": {"activity": "text, required"},
    "points.redeemed": {"redemption_id": "text, required", "points": "integer, required"},
}
_LISTS = {
    "payment_status": ("pending", "paid", "failed"),
    "kind": ("complaint", "question", "return", "other"),
    "survey": ("csat", "nps"),
}
_IDS = (
    "event_id",
    "order_id",
    "refund_id",
    "session_id",
    "ticket_id",
    "redemption_id",
    "into",
    "activity",
)
_MOST_ATTRIBUTES = 64
_LONGEST_ATTRIBUTE = 1_024
_MOST_POINTS = 10**12
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Limits:
    """Which times are possible, in epoch milliseconds."""

    min_event_time_ms: int
    newest_event_time_ms: int


def is_integer(value: Any) -> bool:
    """A number without a fraction, `4.0` too; a bool is none."""
    return isinstance(value, Decimal) and stripped(value)[2] >= 0


def integer_of(value: Decimal) -> int:
    """An integral number; one too large for anything here stays too large."""
    sign, digits, exponent = stripped(value)
    magnitude = 10**30 if len(digits) + exponent > 30 else int(digits) * 10**exponent
    return -magnitude if sign else magnitude


def _is_text_or_absent(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _are_items(value: Any) -> bool:
    def is_item(item: Any) -> bool:
        return (
            isinstance(item, dict)
            and _is_text_or_absent(item.get("sku"))
            and _is_text_or_absent(item.get("category"))
            and isinstance(item.get("quantity"), Decimal | None)
            and isinstance(item.get("unit_price"), Decimal | str | None)
        )

    return isinstance(value, list) and all(is_item(item) for item in value)


def _has_kind(value: Any, kind: str) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "integer":
            return is_integer(value)
        case "bool":
            return isinstance(value, bool)
        case "time":
            return isinstance(value, str) or is_integer(value)
        case "amount":
            return isinstance(value, str | Decimal)
        case "items":
            return _are_items(value)
        case "attributes":
            return isinstance(value, dict) and all(map(_is_text_or_absent, value.values()))
    raise AssertionError(kind)


def time_of(value: Any) -> int | None:
    """Epoch milliseconds of `occurred_at`; None if the text is no time."""
    return parse_rfc3339(value) if isinstance(value, str) else integer_of(value)


def amount_digits(fields: dict[str, Any], policy: Policy) -> int:
    """The decimals an amount may have; a refund's and an unknown currency's: the base's."""
    if fields["type"] == "order.placed" and fields["currency"] in policy.rates:
        return digits_of(fields["currency"])
    return policy.digits


def amount_of(fields: dict[str, Any], policy: Policy) -> Fraction | None:
    """The amount in its currency; None if it, or what it is converted to, is none or too large."""
    amount = parse_amount(fields["amount"], amount_digits(fields, policy))
    if amount is None or fields["type"] != "order.placed":
        return amount
    rate = policy.rates.get(fields["currency"], Fraction(1))
    return amount if to_minor(amount, rate, policy.digits) <= MOST_MINOR_UNITS else None


def _has_controls(text: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in text)


def _is_date(text: str) -> bool:
    try:
        return _DATE.fullmatch(text) is not None and date.fromisoformat(text) is not None
    except ValueError:
        return False


def _attributes_out_of_range(given: dict[str, Any]) -> bool:
    told = {name: value for name, value in given.items() if value is not None}
    if len(told) > _MOST_ATTRIBUTES or any(
        len(name) > 128 or len(value) > _LONGEST_ATTRIBUTE for name, value in told.items()
    ):
        return True
    birth_date, registered = told.get("birth_date") or "", told.get("registered_at") or ""
    if birth_date and not _is_date(birth_date):
        return True
    return registered != "" and not _is_date(registered) and parse_rfc3339(registered) is None


def _out_of_range(fields: dict[str, Any], specific: dict[str, str]) -> bool:
    """Whether a value is `invalid_value`."""
    known = {name: fields[name] for name in (*specific, "event_id") if name in fields}
    if any(len(known[name]) > 128 for name in _IDS if name in known):
        return True
    if any(known[name] not in allowed for name, allowed in _LISTS.items() if name in known):
        return True
    if "severity" in known and not 1 <= integer_of(known["severity"]) <= 5:
        return True
    if "score" in known:
        low, high = {"csat": (1, 5), "nps": (0, 10)}[known["survey"]]
        if not low <= integer_of(known["score"]) <= high:
            return True
    if "points" in known and not 1 <= integer_of(known["points"]) <= _MOST_POINTS:
        return True
    if "attributes" in known and _attributes_out_of_range(known["attributes"]):
        return True
    if "into" in known:
        return _has_controls(known["into"]) or known["into"] == fields["customer_id"]
    return False


def _structural_reasons(
    parsed: dict[str, Any], fields: dict[str, Any]
) -> Iterator[tuple[str, bool]]:
    """Pairs of reason and whether it applies, while the types of values are not yet known."""
    kind = fields.get("type")
    known_type = isinstance(kind, str) and kind in FIELDS_OF
    specific = FIELDS_OF[str(kind)] if known_type else {}
    kinds = _COMMON_FIELDS | specific
    required = ["type", *(name for name, form in kinds.items() if form.endswith("required"))]
    yield "missing_field", any(fields.get(name, "") == "" for name in required)
    yield "unknown_type", not known_type
    version = fields.get("schema_version")
    other_version = (
        isinstance(version, Decimal) and is_integer(version) and integer_of(version) != 1
    )
    other_cloud_event = parsed.get("specversion") not in (None, "1.0")
    yield "unsupported_schema_version", other_version or other_cloud_event
    wrong = any(
        name in fields and not _has_kind(fields[name], form.partition(",")[0])
        for name, form in kinds.items()
    )
    yield "wrong_type", wrong or "data: no object" in fields


def _value_reasons(
    fields: dict[str, Any], policy: Policy, limits: Limits
) -> Iterator[tuple[str, bool]]:
    """Pairs of reason and whether it applies, once every value has its type."""
    customer_id = fields["customer_id"]
    yield "invalid_customer_id", _has_controls(customer_id) or len(customer_id) > 128
    at_ms = time_of(fields["occurred_at"])
    yield "invalid_timestamp", at_ms is None or at_ms < limits.min_event_time_ms
    yield "from_the_future", at_ms is not None and at_ms > limits.newest_event_time_ms
    specific = FIELDS_OF[fields["type"]]
    yield "invalid_amount", "amount" in specific and amount_of(fields, policy) is None
    yield "unknown_currency", "currency" in specific and fields["currency"] not in policy.rates
    yield "invalid_value", _out_of_range(fields, specific)


def reason_against(
    parsed: dict[str, Any], fields: dict[str, Any], policy: Policy, limits: Limits
) -> str | None:
    """The first reason, up to `invalid_value`, why an event cannot be used."""
    for reason, applies in _structural_reasons(parsed, fields):
        if applies:
            return reason
    for reason, applies in _value_reasons(fields, policy, limits):
        if applies:
            return reason
    return None
