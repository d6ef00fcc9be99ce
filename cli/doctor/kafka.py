"""Checks of Kafka: broker, topics, the policy in force, the workers, and the topics' ids."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiokafka.errors import KafkaError

from cli.doctor import Finding
from cli.doctor.changelog import changelog_findings
from cli.doctor.clock import clock_finding
from cli.doctor.cluster import Cluster, look_at_cluster
from cli.doctor.group import group_finding
from cli.doctor.policy_in_force import policy_finding
from cli.doctor.state_format import format_finding
from cli.doctor.topic_settings import topic_findings
from config.settings import Settings, SettingsError
from scoring.policy import Policy
from streams.faust_app import TopicChanged
from streams.kafka.clients import BrokerUnreachable
from streams.kafka.offsets import read_group_offsets, topic_guard
from streams.kafka.topics import all_topics, changelog_name


async def identity_finding(settings: Settings, counts: Mapping[str, int]) -> Finding:
    """Compare the topic ids stored with committed offsets to those of the topics, as workers do.

    Args:
        settings: of the deployment.
        counts: partitions by topic; all of ours are there.
    """
    positions = await read_group_offsets(settings, counts)
    guard = topic_guard(settings)
    guard.look(positions.topics)
    try:
        for tp, (offset, mark) in positions.committed.items():
            guard.check_topic_ids(mark)
            if offset < positions.begins[tp]:
                raise guard.out_of_range(tp, offset, positions.begins[tp], positions.ends[tp])
    except TopicChanged as changed:
        what, _, remedy = str(changed).partition("; ")
        return Finding(what, remedy)
    if not guard.metadata:
        return Finding("positions: the brokers give topics no ids, so nobody can compare them")
    return Finding("positions: all belong to the topics there are")


_DEADLINE_S = 20.0


async def kafka_findings(settings: Settings, declared: Policy | None) -> AsyncIterator[Finding]:
    """Check the broker; if it answers, also topics, policy and consumer group.

    Args:
        declared: the policy of the configured file, if that can be read.
    """
    servers = settings.kafka_bootstrap_servers
    try:
        cluster = await look_at_cluster(settings)
    except SettingsError as error:
        yield Finding(str(error), "correct the file")
        return
    except BrokerUnreachable as error:
        yield Finding(
            str(error),
            "start Kafka, or correct KAFKA_BOOTSTRAP_SERVERS and TIERSTREAM_SECURITY_PROTOCOL",
        )
        return
    nodes = "1 broker" if cluster.brokers == 1 else f"{cluster.brokers} brokers"
    yield Finding(
        f"Kafka at {servers} answers over {settings.security_protocol}: {nodes}, "
        f"cluster {cluster.cluster_id}"
    )
    topics = all_topics(settings)
    for topic in topics:
        for finding in topic_findings(settings, topic, cluster):
            yield finding
    # A client that asks for a topic that is missing would not stop asking.
    if all(topic.name in cluster.topics for topic in topics):
        yield await _in_time(clock_finding(settings), "the brokers' time")
        counts = _counts(cluster)
        states = format_finding(settings, counts[changelog_name(settings)])
        readable = await _in_time(states, "the changelog")
        yield readable
        if readable.is_ok:
            for finding in await changelog_findings(settings, counts):
                yield finding
            yield await _in_time(policy_finding(settings, declared), "the policy in the log")
        yield await _in_time(group_finding(settings, counts), "the consumer group")
        yield await _in_time(identity_finding(settings, counts), "the positions")


def _counts(cluster: Cluster) -> dict[str, int]:
    return {name: len(partitions) for name, partitions in cluster.topics.items()}


async def _in_time(looking: Any, what: str) -> Finding:
    try:
        async with asyncio.timeout(_DEADLINE_S):
            finding: Finding = await looking
            return finding
    except TimeoutError:
        return Finding(f"{what} could not be read within {_DEADLINE_S:g} s", "look at the brokers")
    except KafkaError as error:
        return Finding(
            f"{what} could not be read ({str(error) or type(error).__name__})",
            "look at the brokers and at what this user may read",
        )
