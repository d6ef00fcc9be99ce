"""Events as lines of JSON, with sensible defaults: a test names only what it is about.

The event id follows from the type, the customer, the time and the ids in the event, so the same
call twice is the same event told twice. Any field, the event id too, may be given by name.
"""

from __future__ import annotations

import json
from typing import Any

from scoring.timestamps import parse_rfc3339, rfc3339

DAY_MS = 86_400_000
START_MS = 1_735_689_600_000
"""Day 0 of every test: 2025-01-01T00:00:00Z."""


def day(number: int, hour: int = 0, minute: int = 0, second: int = 0, ms: int = 0) -> str:
    """The time so long after day 0, in UTC, as outputs name it."""
    return rfc3339(day_ms(number, hour, minute, second, ms))


def day_ms(number: int, hour: int = 0, minute: int = 0, second: int = 0, ms: int = 0) -> int:
    """As `day`, in epoch milliseconds."""
    return START_MS + number * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1_000 + ms


def to_ms(time: str) -> int:
    """The epoch milliseconds of a time."""
    found = parse_rfc3339(time)
    assert found is not None, f"{time} is no time"
    return found


def event(type_name: str, at: object, customer: str = "ana", **fields: Any) -> bytes:
    """Any event."""
    ids = [str(value) for name, value in fields.items() if name.endswith("_id")]
    document = {
        "event_id": ":".join([type_name, customer, str(at), *ids]),
        "type": type_name,
        "customer_id": customer,
        "occurred_at": at,
        **fields,
    }
    return json.dumps(document).encode()


def edited(line: bytes, **changes: Any) -> bytes:
    """The line with other values of some fields."""
    return json.dumps({**json.loads(line), **changes}).encode()


def without(line: bytes, *names: str) -> bytes:
    """The line without some fields."""
    document = json.loads(line)
    return json.dumps({k: v for k, v in document.items() if k not in names}).encode()


def order(order_id: str, amount: object, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`order.placed`, in USD unless told otherwise."""
    fields = {"order_id": order_id, "amount": amount, "currency": "USD", **more}
    return event("order.placed", at, customer, **fields)


def paid(order_id: str, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`order.paid`."""
    return event("order.paid", at, customer, order_id=order_id, **more)


def cancelled(order_id: str, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`order.cancelled`."""
    return event("order.cancelled", at, customer, order_id=order_id, **more)


def payment_failed(order_id: str, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`order.payment_failed`."""
    return event("order.payment_failed", at, customer, order_id=order_id, **more)


def refund(
    order_id: str,
    amount: object,
    at: object,
    refund_id: str = "r1",
    customer: str = "ana",
    **more: Any,
) -> bytes:
    """`order.refunded`."""
    fields = {"order_id": order_id, "refund_id": refund_id, "amount": amount, **more}
    return event("order.refunded", at, customer, **fields)


def updated(order_id: str, amount: object, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`order.updated`."""
    return event("order.updated", at, customer, order_id=order_id, amount=amount, **more)


def returned(
    amount: object, at: object, refund_id: str = "r1", customer: str = "ana", **more: Any
) -> bytes:
    """`order.refunded` without an order."""
    return event("order.refunded", at, customer, refund_id=refund_id, amount=amount, **more)


def refund_cancelled(
    order_id: str, at: object, refund_id: str = "r1", customer: str = "ana", **more: Any
) -> bytes:
    """`order.refund_cancelled`."""
    fields = {"order_id": order_id, "refund_id": refund_id, **more}
    return event("order.refund_cancelled", at, customer, **fields)


def viewed(at: object, customer: str = "ana", **more: Any) -> bytes:
    """`page.viewed`."""
    return event("page.viewed", at, customer, **more)


def ticket_opened(ticket_id: str, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`ticket.opened`; give `kind` and `severity` by name."""
    return event("ticket.opened", at, customer, ticket_id=ticket_id, **more)


def ticket_resolved(ticket_id: str, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`ticket.resolved`."""
    return event("ticket.resolved", at, customer, ticket_id=ticket_id, **more)


def ticket_reopened(ticket_id: str, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`ticket.reopened`."""
    return event("ticket.reopened", at, customer, ticket_id=ticket_id, **more)


def survey(score: object, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`survey.answered`, a CSAT unless told otherwise."""
    return event("survey.answered", at, customer, **{"survey": "csat", "score": score, **more})


def profile(attributes: object, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`profile.updated`."""
    return event("profile.updated", at, customer, attributes=attributes, **more)


def consent(marketing: object, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`consent.changed`."""
    return event("consent.changed", at, customer, marketing=marketing, **more)


def erased(at: object, customer: str = "ana", **more: Any) -> bytes:
    """`customer.erased`."""
    return event("customer.erased", at, customer, **more)


def merged(into: object, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`customer.merged`."""
    return event("customer.merged", at, customer, into=into, **more)


def activity(name: object, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`activity.recorded`."""
    return event("activity.recorded", at, customer, activity=name, **more)


def redeemed(points: object, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`points.redeemed`."""
    fields = {"redemption_id": "p1", "points": points, **more}
    return event("points.redeemed", at, customer, **fields)


def redemption_cancelled(at: object, customer: str = "ana", **more: Any) -> bytes:
    """`points.redemption_cancelled`, of the redemption of `redeemed`."""
    fields = {"redemption_id": "p1", **more}
    return event("points.redemption_cancelled", at, customer, **fields)


def adjusted(points: object, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`points.adjusted`."""
    fields = {"points": points, "reason": "goodwill", **more}
    return event("points.adjusted", at, customer, **fields)


def followup(on: object, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`followup.scheduled`."""
    fields = {"followup_id": "f1", "on": on, **more}
    return event("followup.scheduled", at, customer, **fields)


def left_because(answer: object, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`survey.answered`, why somebody left."""
    return event("survey.answered", at, customer, **{"survey": "churn", "answer": answer, **more})


def ticket_responded(ticket_id: str, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`ticket.responded`."""
    return event("ticket.responded", at, customer, ticket_id=ticket_id, **more)


def overridden(tier: object, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`tier.overridden`; give `until`, `mode`, `by`, `note` by name."""
    return event("tier.overridden", at, customer, **{"tier": tier, **more})


def approved(override: str, at: object, customer: str = "ana", **more: Any) -> bytes:
    """`tier.override_approved`; give `by` by name."""
    return event("tier.override_approved", at, customer, **{"override": override, **more})
