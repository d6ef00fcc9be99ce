"""The fields of each type of event, and what an event says by them."""

from decimal import Decimal
from typing import Any

from tests.oracle.money import is_plain_decimal, plain_decimal, stripped
from tests.oracle.times import is_date, parse_rfc3339

BROWSE_TYPES = (
    "page.viewed",
    "product.viewed",
    "product.searched",
    "link.clicked",
    "cart.updated",
    "checkout.started",
)
SUPPORT_TYPES = ("ticket.opened", "ticket.resolved", "ticket.reopened", "survey.answered")
"""Those of support that are interactions."""

_BROWSE_FIELDS = dict.fromkeys(("session_id", "sku", "category", "query", "url"), "text")
COMMON_FIELDS = {
    "event_id": "text, required",
    "customer_id": "text, required",
    "occurred_at": "time, required",
    "schema_version": "integer",
    "channel": "text",
}
FIELDS_OF: dict[str, dict[str, str]] = {
    "order.placed": {
        "order_id": "text, required",
        "amount": "amount",
        "currency": "text, required",
        "items": "items",
        "payment_status": "text",
    },
    "order.updated": {
        "order_id": "text, required",
        "amount": "amount, required",
        "currency": "text",
        "items": "items",
    },
    "order.paid": {"order_id": "text, required"},
    "order.cancelled": {"order_id": "text, required"},
    "order.payment_failed": {"order_id": "text, required"},
    "order.refunded": {
        "refund_id": "text, required",
        "amount": "amount, required",
        "order_id": "text",
        "currency": "text",
    },
    "order.refund_cancelled": {"order_id": "text, required", "refund_id": "text, required"},
    **dict.fromkeys(BROWSE_TYPES, _BROWSE_FIELDS),
    "ticket.opened": {"ticket_id": "text, required", "kind": "text", "severity": "integer"},
    "ticket.responded": {"ticket_id": "text, required"},
    "ticket.resolved": {"ticket_id": "text, required"},
    "ticket.reopened": {"ticket_id": "text, required"},
    "survey.answered": {
        "survey": "text, required",
        "score": "integer",
        "answer": "text",
        "ticket_id": "text",
        "comment": "text",
    },
    "followup.scheduled": {
        "followup_id": "text, required",
        "on": "text or null, required",
        "by": "text",
        "note": "text",
    },
    "profile.updated": {"attributes": "attributes, required"},
    "consent.changed": {
        "marketing": "bool",
        "channels": "bools",
        "purposes": "bools",
        "source": "text",
        "text_version": "text",
    },
    "customer.merged": {"into": "text, required"},
    "customer.erased": {},
    "activity.recorded": {"activity": "text, required"},
    "points.redeemed": {"redemption_id": "text, required", "points": "integer, required"},
    "points.redemption_cancelled": {"redemption_id": "text, required"},
    "points.adjusted": {"points": "integer, required", "reason": "text, required"},
    "tier.overridden": {
        "tier": "text or null, required",
        "until": "text",
        "mode": "text",
        "by": "text",
        "note": "text",
    },
    "tier.override_approved": {"override": "text, required", "by": "text, required"},
}
TOPICS = {
    **{kind: "orders" for kind in FIELDS_OF if kind.startswith("order.")},
    **dict.fromkeys(BROWSE_TYPES, "browse"),
    **{kind: "support" for kind in FIELDS_OF if kind.startswith("ticket.")},
    **dict.fromkeys(("survey.answered", "followup.scheduled"), "support"),
}
"""The topic of each type; that of the others is `profiles`."""


def topic_of(kind: str) -> str:
    return TOPICS.get(kind, "profiles")


_LONGEST_NAME = 128
_LONGEST_TEXT = 1_024


def attribute_text(name: str, value: Any) -> str | None:
    """The text an attribute is taken as, empty to take it away; None if it cannot be used.

    Whether a birth date is one is not looked at: that is for the calendar it is told by.
    """
    text: str | None = None
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, Decimal):
        text = plain_decimal(value)
    elif isinstance(value, str):
        text = value
    if text is None or len(name) > _LONGEST_NAME or len(text) > _LONGEST_TEXT:
        return None
    if text and name == "registered_at" and not is_date(text) and parse_rfc3339(text) is None:
        return None
    return text


def attributes_told(given: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    """The attributes that can be used, and the names of those that cannot."""
    texts = {name: attribute_text(name, v) for name, v in given.items() if v is not None}
    usable = {name: text for name, text in texts.items() if text is not None}
    return usable, sorted(name for name, text in texts.items() if text is None)


def content_of(fields: dict[str, Any], at_ms: int) -> Any:
    """What an event says: equal for equal content, whatever is sent beside it."""
    told: dict[str, Any] = {"type": fields["type"], "occurred_at": at_ms}
    version = fields.get("schema_version")
    told["schema_version"] = 1 if version is None else _by_value(version)
    for name in ("customer_id", "channel"):
        told[name] = fields.get(name)
    for name, form in FIELDS_OF[fields["type"]].items():
        value = fields.get(name)
        if form.startswith("amount") and value is not None:
            value = _amount_by_value(value)
        elif form == "items" and value is not None:
            value = tuple(map(_item_by_value, value))
        elif isinstance(value, dict):
            value = {key: each for key, each in value.items() if each is not None}
        told[name] = _by_value(value)
    return tuple(sorted(told.items()))


def _by_value(value: Any) -> Any:
    """A form that is equal for equal content: keys in any order, numbers by value."""
    if isinstance(value, dict):
        return ("object", tuple(sorted((key, _by_value(each)) for key, each in value.items())))
    if isinstance(value, list | tuple):
        return ("list", tuple(_by_value(each) for each in value))
    if isinstance(value, Decimal):
        return ("number", stripped(value))
    return (type(value).__name__, value)


def _amount_by_value(value: Any) -> Any:
    """A number, given as one or as text; any other value as it is."""
    return Decimal(value) if isinstance(value, str) and is_plain_decimal(value) else value


def item_told(line: Any) -> dict[str, Any]:
    """What the rules use of a line of an order."""
    if not isinstance(line, dict):
        return {}
    found = {name: line.get(name) for name in ("sku", "category")}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _item_by_value(line: Any) -> Any:
    if not isinstance(line, dict):
        return line
    told = {name: line.get(name) for name in ("sku", "category")}
    for name in ("quantity", "unit_price"):
        told[name] = _amount_by_value(line.get(name))
    return {name: value for name, value in told.items() if value is not None}
