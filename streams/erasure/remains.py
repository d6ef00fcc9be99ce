"""In which topics records of a customer may stay, and for how long."""

from __future__ import annotations

from collections.abc import Mapping

from config.settings import Settings
from handlers import outputs
from scoring.timestamps import rfc3339
from streams.erasure.receipt import Remains
from streams.erasure.retention import deciding, fate
from streams.kafka.topic_configs import read_configs
from streams.kafka.topics import (
    CUSTOMER_EVENTS,
    DEAD_LETTERS,
    INPUTS,
    changelog_name,
    open_admin,
    topic_name,
)

_HOLDS = {
    **dict.fromkeys(INPUTS, "events as upstream wrote them"),
    CUSTOMER_EVENTS: "every event as it came, later ones too; and what passed between merged ids",
    outputs.TIER_CHANGES: "tier changes with figures and event ids",
    outputs.DORMANCY_ALERTS: "alerts with the times of orders and interactions",
    outputs.CARE_REMINDERS: "reminders, of a birthday for instance",
    outputs.PROFILE_CHANGES: "changes of tags and points",
    outputs.CUSTOMER_PROFILES: "older profiles, behind the null record",
    DEAD_LETTERS: "records that could not be used, with all their bytes; of those refused because "
    "of the erasure only key and event id",
}
_HOLDS_CHANGELOG = "older states, behind the marker; the marker with the id stays for good"

ELSEWHERE = (
    "what consumers of the topics and readers of Redis have made of what they read",
    "the systems that write the events: what they send again is refused, but is in the topics",
    "Redis on disk: a snapshot until the next one, an append-only file until it is rewritten",
    "backups and mirrors of Kafka, and files made with 'tierstream dump'",
)
"""What no look at the cluster can tell."""


def topics_of(settings: Settings) -> dict[str, str]:
    """Every topic that may hold records of a customer, with what it holds of one."""
    named = {topic_name(settings, name): holds for name, holds in _HOLDS.items()}
    return {**named, changelog_name(settings): _HOLDS_CHANGELOG}


async def read_settings(settings: Settings) -> Mapping[str, Mapping[str, str]]:
    """The settings of these topics as the cluster has them, where this user may read them.

    Raises:
        BrokerUnreachable, KafkaError: the brokers do not tell.
    """
    admin = await open_admin(settings)
    try:
        return await read_configs(admin, topics_of(settings))
    finally:
        await admin.close()


def all_remains(
    settings: Settings, configs: Mapping[str, Mapping[str, str]], written_ms: int
) -> tuple[Remains, ...]:
    """What stays of what was written until an instant.

    Args:
        settings: of the deployment.
        configs: from `read_settings`.
        written_ms: the instant.
    """
    return tuple(
        remains_of(topic, holds, configs.get(topic), written_ms)
        for topic, holds in topics_of(settings).items()
    )


def remains_of(
    topic: str, holds: str, config: Mapping[str, str] | None, written_ms: int
) -> Remains:
    """What stays in one topic.

    Args:
        topic: its full name.
        holds: of a customer, in words.
        config: its settings as the cluster tells them; None if it does not.
        written_ms: no record that is meant is newer.
    """
    if config is None:
        why = "nobody can say: this user may not read the topic's settings (DESCRIBE_CONFIGS)"
        return Remains(topic, holds, {}, None, why)
    settings = deciding(config)
    found = fate(topic, settings, written_ms)
    gone_by = None if found.gone_ms is None else rfc3339(found.gone_ms)
    return Remains(topic, holds, settings, gone_by, found.why, found.remedy)
