"""Checks that each topic exists, with the right partitions, settings and replicas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cli.doctor import Finding
from cli.doctor.cluster import Cluster
from cli.doctor.topic_demands import demands_on
from config.settings import Settings
from streams.kafka.topics import CUSTOMER_EVENTS, FOR_EVER, Topic, topic_name


def topic_findings(settings: Settings, topic: Topic, cluster: Cluster) -> list[Finding]:
    """Everything that is wrong with a topic, or the one line that nothing is."""
    partitions = cluster.topics.get(topic.name)
    if partitions is None:
        return [Finding(f"topic {topic.name} is missing", "run 'tierstream topics create'")]
    count = len(partitions)
    text = f"topic {topic.name}: {count} partitions"
    without_leader = [p["partition"] for p in partitions if p["leader"] < 0]
    if without_leader:
        return [Finding(f"{text}, {without_leader} without a leader", "look at the brokers")]
    faults = list(_wrong_settings(settings, topic, cluster, partitions))
    if not topic.is_input:
        faults += _wrong_partitions(settings, topic, cluster, partitions)
    return faults or [Finding(text + _config_words(topic))]


def _wrong_partitions(
    settings: Settings, topic: Topic, cluster: Cluster, partitions: list[dict[str, Any]]
) -> Iterator[Finding]:
    events = topic_name(settings, CUSTOMER_EVENTS)
    count = len(partitions)
    expected = len(cluster.topics[events]) if events in cluster.topics else settings.partitions
    if topic.name == events and count != settings.partitions:
        yield Finding(
            f"topic {events} has {count} partitions but TIERSTREAM_PARTITIONS is "
            f"{settings.partitions}",
            f"set TIERSTREAM_PARTITIONS={count}",
        )
    if count != expected:
        yield Finding(
            f"topic {topic.name} has {count} partitions but {events} has {expected}",
            f"make it anew with {expected} partitions",
        )
    copies = _copies(partitions)
    if copies < settings.replication_factor:
        yield Finding(
            f"topic {topic.name} has {copies} copies but TIERSTREAM_REPLICATION_FACTOR is "
            f"{settings.replication_factor}",
            "give its partitions more replicas (kafka-reassign-partitions.sh)",
        )


def _wrong_settings(
    settings: Settings, topic: Topic, cluster: Cluster, partitions: list[dict[str, Any]]
) -> Iterator[Finding]:
    configs = cluster.configs.get(topic.name)
    if configs is None:
        return
    for demand in demands_on(settings, topic, _copies(partitions), cluster.configs):
        actual = configs.get(demand.setting, demand.default)
        if actual is not None and not demand.is_met_by(actual):
            yield Finding(
                f"topic {topic.name} has {demand.setting}={actual}, so {demand.harm}",
                f"it must be {demand}: kafka-configs.sh --alter --entity-type topics "
                f"--entity-name {topic.name} --add-config {demand.setting}={demand.value}",
            )


def _copies(partitions: list[dict[str, Any]]) -> int:
    return min(len(partition["replicas"]) for partition in partitions)


def _config_words(topic: Topic) -> str:
    if topic.config.get("cleanup.policy") == "compact":
        return ", compacted"
    return ", kept for ever" if topic.config.get("retention.ms") == FOR_EVER else ""
