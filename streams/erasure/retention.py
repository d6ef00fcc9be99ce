"""When records of a topic are gone at the latest, by the topic settings of the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from config.durations import Duration
from config.settings import Settings
from handlers import outputs
from scoring.timestamps import rfc3339
from streams.erasure.receipt import ResidualData
from streams.kafka.clients import open_admin
from streams.kafka.topics import (
    CUSTOMER_EVENTS,
    DEAD_LETTERS,
    INPUT_TOPICS,
    changelog_name,
    read_configs,
    topic_name,
)

FOR_EVER_MS = 100 * 365 * 86_400_000
"""A setting at or above this is none: Kafka writes 2^63 - 1 where there is no bound."""

_ROUNDS_MS = 600_000
"""Brokers look for what is to be deleted or compacted every few minutes, and it takes a while."""

RETENTION_DEFAULTS = {
    "cleanup.policy": "delete",
    "retention.ms": "604800000",
    "segment.ms": "604800000",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": str(2**63 - 1),
    "min.cleanable.dirty.ratio": "0.5",
    "delete.retention.ms": "86400000",
    "file.delete.delay.ms": "60000",
}
"""The settings that decide, with what Kafka takes where a broker does not tell one."""

_COMPACTION = ("min.compaction.lag.ms", "max.compaction.lag.ms", "min.cleanable.dirty.ratio")
_ALTER = "kafka-configs.sh --alter --entity-type topics --entity-name {} --add-config {}"


class Expiry(NamedTuple):
    """When records of a topic are gone.

    Attributes:
        gone_ms: at the latest; None if no time is certain.
        why: how that follows.
        remedy: what makes it certain.
    """

    gone_ms: int | None
    why: str
    remedy: str | None = None


def retention_settings(config: Mapping[str, str]) -> dict[str, str]:
    """The settings that decide for a topic, as the cluster has them."""
    found = {name: config.get(name, default) for name, default in RETENTION_DEFAULTS.items()}
    policies = _policies(found)
    if "compact" not in policies:
        for name in (*_COMPACTION, "delete.retention.ms"):
            del found[name]
    if "delete" not in policies:
        del found["retention.ms"]
    return found


def expiry_of(topic: str, config: Mapping[str, str], written_ms: int) -> Expiry:
    """When a customer's records in a topic are gone.

    In a compacted topic they are behind a newer record of the same key, the marker or the null
    record; that one is not meant.

    Args:
        topic: its full name.
        config: from `retention_settings`.
        written_ms: when the newest of them was written.
    """
    policies = _policies(config)
    found = [
        tell(topic, config, written_ms) for name, tell in _EXPIRIES.items() if name in policies
    ]
    certain = [one for one in found if one.gone_ms is not None]
    if certain:
        return min(certain, key=lambda one: one.gone_ms or 0)
    return (
        found[0] if found else Expiry(None, f"cleanup.policy={config['cleanup.policy']}: unknown")
    )


def _deleted(topic: str, config: Mapping[str, str], written_ms: int) -> Expiry:
    retention_ms = int(config["retention.ms"])
    if not 0 <= retention_ms < FOR_EVER_MS:
        return Expiry(
            None,
            "kept for ever (retention.ms)",
            _ALTER.format(topic, "retention.ms=…"),
        )
    segment_ms = int(config["segment.ms"])
    if segment_ms >= FOR_EVER_MS:
        return Expiry(
            None,
            "their segment may stay open for ever (segment.ms)",
            _ALTER.format(topic, "segment.ms=…"),
        )
    return Expiry(
        written_ms + segment_ms + retention_ms + _after_ms(config),
        f"deleted {Duration(retention_ms)} (retention.ms) after the newest record of its segment, "
        f"which takes records for {Duration(segment_ms)} (segment.ms)",
    )


def _compacted(topic: str, config: Mapping[str, str], written_ms: int) -> Expiry:
    lag_ms = int(config["max.compaction.lag.ms"])
    if lag_ms >= FOR_EVER_MS:
        return Expiry(
            None,
            "compacted when enough of the partition is superseded (min.cleanable.dirty.ratio="
            f"{config['min.cleanable.dirty.ratio']}): max.compaction.lag.ms sets no time for it",
            _ALTER.format(topic, "max.compaction.lag.ms=…"),
        )
    least_ms = int(config["min.compaction.lag.ms"])
    return Expiry(
        written_ms + lag_ms + least_ms + _after_ms(config),
        f"compacted {Duration(lag_ms)} (max.compaction.lag.ms) after the newer record at the "
        f"latest, and {Duration(least_ms)} (min.compaction.lag.ms) after the last one of its "
        "segment, which is closed by a later record of the partition",
    )


def _after_ms(config: Mapping[str, str]) -> int:
    return _ROUNDS_MS + int(config["file.delete.delay.ms"])


def _policies(config: Mapping[str, str]) -> set[str]:
    return {policy.strip() for policy in config["cleanup.policy"].split(",")}


_EXPIRIES = {"compact": _compacted, "delete": _deleted}


_HOLDS: dict[str, str] = {
    **dict.fromkeys(INPUT_TOPICS, "events as upstream wrote them"),
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


def all_residual_data(
    settings: Settings, configs: Mapping[str, Mapping[str, str]], written_ms: int
) -> tuple[ResidualData, ...]:
    """What may remain in each topic of what was written until an instant.

    Args:
        settings: of the deployment.
        configs: from `read_settings`.
        written_ms: the instant.
    """
    return tuple(
        residual_data_of(topic, holds, configs.get(topic), written_ms)
        for topic, holds in topics_of(settings).items()
    )


def residual_data_of(
    topic: str, holds: str, config: Mapping[str, str] | None, written_ms: int
) -> ResidualData:
    """What may remain in one topic.

    Args:
        topic: its full name.
        holds: of a customer, in words.
        config: its settings as the cluster tells them; None if it does not.
        written_ms: when the newest of the records was written.
    """
    if config is None:
        why = "nobody can say: this user may not read the topic's settings (DESCRIBE_CONFIGS)"
        return ResidualData(topic, holds, {}, None, why)
    settings = retention_settings(config)
    found = expiry_of(topic, settings, written_ms)
    gone_by = None if found.gone_ms is None else rfc3339(found.gone_ms)
    return ResidualData(topic, holds, settings, gone_by, found.why, found.remedy)
