"""The topic of customers' profiles."""

from __future__ import annotations

from config.environment import Settings

REMOVALS_KEPT_MS = 20 * 3_600_000
"""How long Kafka surely keeps the null record of an erased customer: by default 24 hours
(`delete.retention.ms`). A view that was behind for longer may have missed an erasure."""


def profiles_topic(settings: Settings) -> str:
    """The name of the compacted topic with one record per customer."""
    return f"{settings.topic_prefix}customer-profiles"


def view_group(settings: Settings) -> str:
    """The consumer group of the projector."""
    return f"{settings.app_id}-view"
