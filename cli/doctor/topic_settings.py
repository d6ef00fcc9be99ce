"""Checks that each topic exists, with the right partitions, settings and replicas."""

from __future__ import annotations

from typing import Any, NamedTuple

from cli.doctor import Finding
from config.settings import Settings
from streams.kafka.topics import CUSTOMER_EVENTS, Topic, topic_name

_FOR_EVER = "-1"  # of a retention
_BROKER_DEFAULTS = {
    "cleanup.policy": "delete",
    "retention.ms": "604800000",
    "retention.bytes": "-1",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": str(2**63 - 1),
}
_AT_LEAST = {"min.compaction.lag.ms", "retention.ms"}
_AT_MOST = {"max.compaction.lag.ms"}


class Cluster(NamedTuple):
    """What the brokers report about themselves and about our topics."""

    brokers: int
    cluster_id: str
    topics: dict[str, list[dict[str, Any]]]
    """Partitions by topic."""
    configs: dict[str, dict[str, str]]
    """Settings by topic; a topic whose settings we may not read is missing."""


def topic_finding(settings: Settings, topic: Topic, cluster: Cluster) -> Finding:
    """Whether a topic exists and has the right partitions, settings and replicas."""
    partitions = cluster.topics.get(topic.name)
    if partitions is None:
        return Finding(f"topic {topic.name} is missing", "run 'tierstream topics create'")
    count = len(partitions)
    text = f"topic {topic.name}: {count} partitions"
    without_leader = [p["partition"] for p in partitions if p["leader"] < 0]
    if without_leader:
        return Finding(f"{text}, {without_leader} without a leader", "look at the brokers")
    if topic.is_input:
        return Finding(text)
    return (
        _wrong_count(settings, topic, cluster, count)
        or _wrong_config(topic, cluster)
        or _too_few_copies(settings, topic, partitions)
        or Finding(text + _config_words(topic))
    )


def _wrong_count(settings: Settings, topic: Topic, cluster: Cluster, count: int) -> Finding | None:
    events = topic_name(settings, CUSTOMER_EVENTS)
    if topic.name == events:
        if count == settings.partitions:
            return None
        return Finding(
            f"topic {events} has {count} partitions but TIERSTREAM_PARTITIONS is "
            f"{settings.partitions}",
            f"set TIERSTREAM_PARTITIONS={count}",
        )
    expected = len(cluster.topics[events]) if events in cluster.topics else settings.partitions
    if count == expected:
        return None
    return Finding(
        f"topic {topic.name} has {count} partitions but {events} has {expected}",
        f"make it anew with {expected} partitions",
    )


def _wrong_config(topic: Topic, cluster: Cluster) -> Finding | None:
    configs = cluster.configs.get(topic.name)
    if configs is None:
        return None
    for name, wanted in ({"cleanup.policy": "delete"} | topic.config).items():
        actual = configs.get(name, _BROKER_DEFAULTS[name])
        if not _fits(name, actual, wanted):
            return Finding(
                f"topic {topic.name} has {name}={actual}",
                f"it must be {wanted}: kafka-configs.sh --alter --entity-type topics "
                f"--entity-name {topic.name} --add-config {name}={wanted}",
            )
    return None


def _fits(name: str, actual: str, wanted: str) -> bool:
    if _FOR_EVER in (actual, wanted):
        return actual == _FOR_EVER
    if name in _AT_LEAST:
        return int(actual) >= int(wanted)
    return int(actual) <= int(wanted) if name in _AT_MOST else actual == wanted


def _too_few_copies(
    settings: Settings, topic: Topic, partitions: list[dict[str, Any]]
) -> Finding | None:
    copies = min(len(partition["replicas"]) for partition in partitions)
    if copies >= settings.replication_factor:
        return None
    return Finding(
        f"topic {topic.name} has {copies} copies but TIERSTREAM_REPLICATION_FACTOR is "
        f"{settings.replication_factor}",
        "give its partitions more replicas (kafka-reassign-partitions.sh)",
    )


def _config_words(topic: Topic) -> str:
    if topic.config.get("cleanup.policy") == "compact":
        return ", compacted"
    return ", kept for ever" if topic.config.get("retention.ms") == _FOR_EVER else ""
