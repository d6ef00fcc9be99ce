"""Which input topic takes an event: its type decides."""

from __future__ import annotations

from typing import Final, Literal

InputTopic = Literal["orders", "browse", "support", "profiles"]

INPUT_TOPICS: Final[tuple[InputTopic, ...]] = ("orders", "browse", "support", "profiles")

UNROUTABLE: Final[InputTopic] = "orders"
"""Takes what has no type that can be read, so that it becomes a dead letter like any other."""

_TYPES: Final[dict[InputTopic, tuple[str, ...]]] = {
    "orders": (
        "order.placed",
        "order.paid",
        "order.cancelled",
        "order.payment_failed",
        "order.refunded",
    ),
    "browse": (
        "page.viewed",
        "product.viewed",
        "product.searched",
        "link.clicked",
        "cart.updated",
        "checkout.started",
    ),
    "support": ("ticket.opened", "ticket.resolved", "ticket.reopened", "survey.answered"),
    "profiles": (
        "profile.updated",
        "consent.changed",
        "customer.merged",
        "customer.erased",
        "activity.recorded",
        "points.redeemed",
    ),
}

_TOPIC_BY_TYPE: Final[dict[str, InputTopic]] = {
    name: topic for topic, names in _TYPES.items() for name in names
}


def topic_for(event_type: object) -> InputTopic:
    """The input topic (without the deployment's prefix) of an event type.

    An unknown type, or one that is no text, goes to `UNROUTABLE`; ingest says what is wrong.
    """
    if isinstance(event_type, str):
        return _TOPIC_BY_TYPE.get(event_type, UNROUTABLE)
    return UNROUTABLE
