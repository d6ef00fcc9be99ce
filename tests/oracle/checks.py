"""What makes a record usable: the first reason that applies, in the order of the reasons.

Ingest finds those up to `from_the_future`, the engine the rest: first whether the customer was
erased, then what is wrong under the policy.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.fields import COMMON_FIELDS, FIELDS_OF, topic_of
from tests.oracle.money import (
    MOST_MINOR_UNITS,
    digits_of,
    parse_amount,
    stripped,
    to_minor,
)
from tests.oracle.policy import Policy
from tests.oracle.records import NULLS
from tests.oracle.times import is_date, parse_rfc3339

_LISTS = {
    "payment_status": ("pending", "paid", "failed"),
    "kind": ("complaint", "question", "return", "other"),
    "survey": ("csat", "nps", "churn"),
    "mode": ("floor", "ceiling", "fixed"),
}
_AT_MOST_128 = (
    "event_id",
    "order_id",
    "refund_id",
    "session_id",
    "ticket_id",
    "redemption_id",
    "followup_id",
    "into",
    "activity",
    "reason",
    "override",
    "by",
    "note",
)
_OPTIONAL_IDS = {"order.refunded": ("order_id",), "survey.answered": ("ticket_id",)}
_MOST_POINTS = 10**12
MOST_WAITING_DIGITS = 4


@dataclass(frozen=True)
class Limits:
    """Which times are possible, in epoch milliseconds."""

    min_event_time_ms: int
    newest_event_time_ms: int


ANY_TIME = Limits(-(10**30), 10**31)


def is_integer(value: Any) -> bool:
    """A number without a fraction, `4.0` too; a bool is none."""
    return isinstance(value, Decimal) and stripped(value)[2] >= 0


def integer_of(value: Decimal) -> int:
    """An integral number; one too large for anything here stays too large."""
    sign, digits, exponent = stripped(value)
    magnitude = 10**30 if len(digits) + exponent > 30 else int(digits) * 10**exponent
    return -magnitude if sign else magnitude


def _has_kind(value: Any, kind: str) -> bool:
    match kind:
        case "text" | "text or null":
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
            return isinstance(value, list)
        case "attributes":
            return isinstance(value, dict)
        case "bools":
            return isinstance(value, dict) and all(
                each is None or isinstance(each, bool) for each in value.values()
            )
    raise AssertionError(kind)


def time_of(value: Any) -> int | None:
    """Epoch milliseconds of `occurred_at`; None if the text is no time."""
    return parse_rfc3339(value) if isinstance(value, str) else integer_of(value)


def amount_digits(fields: dict[str, Any], policy: Policy) -> int:
    """The decimals an amount may have as far as that is known without the order it is about."""
    currency = fields.get("currency")
    if currency in policy.rates:
        return digits_of(currency)
    names_order = fields["type"] == "order.updated" or "order_id" in fields
    if currency is None and names_order and fields["type"] != "order.placed":
        return MOST_WAITING_DIGITS
    return policy.digits


def amount_of(fields: dict[str, Any], policy: Policy) -> Fraction | None:
    """The amount in its currency; None if it, or what it is converted to, is none or too large.

    An order without one counts zero.
    """
    if not has_amount(fields):
        return Fraction(0)
    amount = parse_amount(fields["amount"], amount_digits(fields, policy))
    is_converted = fields["type"] == "order.placed" or is_return(fields)
    if amount is None or not is_converted:
        return amount
    rate = policy.rates.get(fields.get("currency", policy.currency), Fraction(1))
    return amount if to_minor(amount, rate, policy.digits) <= MOST_MINOR_UNITS else None


def has_amount(fields: dict[str, Any]) -> bool:
    """Whether there is an amount: an empty text is none."""
    return bool(fields.get("amount", "") != "")


def is_return(fields: dict[str, Any]) -> bool:
    """Whether an event is a refund that names no order."""
    return fields["type"] == "order.refunded" and "order_id" not in fields


def _has_controls(text: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in text)


def _missing(fields: dict[str, Any], kind: Any, kinds: dict[str, str]) -> bool:
    """Whether something required is absent, null where it may not be, or an empty text."""
    if "type" not in fields or fields["type"] == "":
        return True
    for name, form in kinds.items():
        may_be_null = form.startswith("text or null") and name in fields[NULLS]
        is_there = fields.get(name, "") != "" or may_be_null
        if form.endswith("required") and not is_there:
            return True
    match kind:
        case "survey.answered":
            wanted = "answer" if fields["survey"] == "churn" else "score"
            return bool(fields.get(wanted, "") == "")
        case "consent.changed":
            return not {"marketing", "channels", "purposes"} & fields.keys()
        case "tier.overridden" if "tier" in fields:
            return bool(fields.get("until", "") == "")
    return False


def _ingest_reasons(
    parsed: dict[str, Any], fields: dict[str, Any], limits: Limits, topic: str | None
) -> Iterator[tuple[str, bool]]:
    """Pairs of reason and whether it applies, up to `from_the_future`."""
    kind = fields.get("type")
    known_type = isinstance(kind, str) and kind in FIELDS_OF
    specific = dict(FIELDS_OF[str(kind)]) if known_type else {}
    if kind == "tier.overridden" and "tier" not in fields:
        del specific["until"]
    kinds = COMMON_FIELDS | specific
    yield "missing_field", _missing(fields, kind, kinds)
    yield "unknown_type", not known_type
    yield "wrong_topic", topic is not None and topic_of(str(kind)) != topic
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
    customer_id = fields["customer_id"]
    yield "invalid_customer_id", _has_controls(customer_id) or len(customer_id) > 128
    at_ms = time_of(fields["occurred_at"])
    no_until = "until" in specific and "until" in fields and parse_rfc3339(fields["until"]) is None
    yield "invalid_timestamp", at_ms is None or at_ms < limits.min_event_time_ms or no_until
    yield "from_the_future", at_ms is not None and at_ms > limits.newest_event_time_ms


def ingest_reason(
    parsed: dict[str, Any], fields: dict[str, Any], limits: Limits, topic: str | None = None
) -> str | None:
    """The first reason, up to `from_the_future`, why an event cannot be used."""
    return next(
        (r for r, applies in _ingest_reasons(parsed, fields, limits, topic) if applies), None
    )


def _out_of_range(fields: dict[str, Any], policy: Policy) -> bool:
    """Whether a value is `invalid_value`."""
    kind = fields["type"]
    known = {name: fields[name] for name in (*FIELDS_OF[kind], "event_id") if name in fields}
    return (
        any(len(known[name]) > 128 for name in _AT_MOST_128 if name in known)
        or any(known.get(name) == "" for name in _OPTIONAL_IDS.get(kind, ("session_id",)))
        or any(known[name] not in allowed for name, allowed in _LISTS.items() if name in known)
        or _numbers_out_of_range(kind, known)
        or ("survey" in known and _answer_out_of_range(known))
        or ("on" in known and not is_date(known["on"]))
        or (kind == "tier.overridden" and "tier" in known and _no_such_override(fields, policy))
        or ("into" in known and _no_such_merge(fields))
        or any(
            not 1 <= len(name) <= 128
            for field in ("channels", "purposes")
            for name, told in known.get(field, {}).items()
            if told is not None
        )
    )


def _numbers_out_of_range(kind: str, known: dict[str, Any]) -> bool:
    if "severity" in known:
        return not 1 <= integer_of(known["severity"]) <= 5
    if "points" in known:
        points = integer_of(known["points"])
        least = 1 if kind == "points.redeemed" else -_MOST_POINTS
        return points == 0 or not least <= points <= _MOST_POINTS
    return False


def _answer_out_of_range(known: dict[str, Any]) -> bool:
    if known["survey"] == "churn":
        return len(known["answer"]) > 64
    low, high = {"csat": (1, 5), "nps": (0, 10)}[known["survey"]]
    return not low <= integer_of(known["score"]) <= high


def _no_such_override(fields: dict[str, Any], policy: Policy) -> bool:
    until_ms, at_ms = parse_rfc3339(fields["until"]), time_of(fields["occurred_at"])
    assert until_ms is not None
    assert at_ms is not None
    return policy.tier_named(fields["tier"]) is None or until_ms <= at_ms


def _no_such_merge(fields: dict[str, Any]) -> bool:
    return _has_controls(fields["into"]) or bool(fields["into"] == fields["customer_id"])


def _policy_reasons(fields: dict[str, Any], policy: Policy) -> Iterator[tuple[str, bool]]:
    """Pairs of reason and whether it applies, of those the engine finds without a state."""
    specific = FIELDS_OF[fields["type"]]
    is_missing = fields["type"] == "order.placed" and not has_amount(fields)
    is_unsigned = fields["type"] == "tier.overridden" and "tier" in fields and not fields.get("by")
    yield (
        "missing_field",
        (is_missing and not policy.amounts_optional) or (is_unsigned and policy.needs_approval),
    )
    yield "invalid_amount", "amount" in specific and amount_of(fields, policy) is None
    yield (
        "unknown_currency",
        "currency" in specific and (fields.get("currency", policy.currency) not in policy.rates),
    )
    yield "invalid_value", _out_of_range(fields, policy)


def policy_reason(fields: dict[str, Any], policy: Policy) -> str | None:
    """The first reason, up to `invalid_value`, why the engine cannot use an event."""
    return next((reason for reason, applies in _policy_reasons(fields, policy) if applies), None)
