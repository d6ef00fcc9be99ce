"""The committed offsets of the consumer group, and the topics they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from config.settings import Settings
from streams.faust_app import (
    READ_UNCOMMITTED,
    TopicGuard,
    TopicState,
    committed_offsets,
    describe_topics,
)
from streams.kafka.clients import new_consumer
from streams.kafka.topics import (
    CLOCK_PROBE,
    CUSTOMER_EVENTS,
    INPUT_TOPICS,
    all_topics,
    changelog_name,
    topic_name,
)


class GroupOffsets(NamedTuple):
    """What the group has committed, beside the topics as they are.

    Attributes:
        topics: all of ours by name.
        committed: offsets by partition, each with the ids of the topics it belongs to.
        begins: the first offset that is kept, by partition.
        ends: the end offset, by partition, also of transactions that are open.
    """

    topics: Mapping[str, TopicState]
    committed: Mapping[TopicPartition, OffsetAndMetadata]
    begins: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]


def topic_guard(settings: Settings) -> TopicGuard:
    """The guard of our topics; it has not compared anything yet."""
    changelog = changelog_name(settings)
    kept = {topic_name(settings, CUSTOMER_EVENTS): CUSTOMER_EVENTS, changelog: "changelog"}
    inputs = {topic_name(settings, name): name for name in INPUT_TOPICS}
    probe = topic_name(settings, CLOCK_PROBE)  # nothing is lost if it is made anew
    outputs = {
        topic.name: topic.name.removeprefix(settings.topic_prefix)
        for topic in all_topics(settings)
        if topic.name not in kept and topic.name not in inputs and topic.name != probe
    }
    return TopicGuard(inputs, outputs, kept)


async def read_group_offsets(settings: Settings, counts: Mapping[str, int]) -> GroupOffsets:
    """Ask the brokers for committed offsets, offset bounds and topics.

    Args:
        settings: of the deployment.
        counts: partitions by topic; all of ours are there.

    Raises:
        KafkaError: a broker does not answer.
    """
    names = [topic_name(settings, name) for name in (*INPUT_TOPICS, CUSTOMER_EVENTS)]
    tps = [TopicPartition(name, number) for name in names for number in range(counts[name])]
    consumer = new_consumer(settings, isolation_level=READ_UNCOMMITTED, group_id=settings.app_id)
    await consumer.start()
    try:
        consumer.assign(tps)
        return GroupOffsets(
            await describe_topics(consumer, topic_guard(settings).names),
            await committed_offsets(consumer, tps),
            await consumer.beginning_offsets(tps),
            await consumer.end_offsets(tps),
        )
    finally:
        await consumer.stop()


async def all_ends(
    settings: Settings, tps: Iterable[TopicPartition]
) -> Mapping[TopicPartition, int]:
    """The end offset of each partition, behind all that was written, also in open transactions.

    Raises:
        KafkaError: a broker does not answer.
    """
    consumer = new_consumer(settings, isolation_level=READ_UNCOMMITTED)
    await consumer.start()
    try:
        found: Mapping[TopicPartition, int] = await consumer.end_offsets(list(tps))
    finally:
        await consumer.stop()
    return found
