"""Private parts of an aiokafka consumer, each behind a function that says what it is for.

Nothing else of ours but `streams.faust_app` reaches into aiokafka or Faust. `docs/dependencies.md`
lists every private part with its reason, and `tests/unit/test_faust_hooks.py` tells whether it is
still there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import cast

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from typing_extensions import override

from streams.faust_app.topic_identity import TopicState, fetch_topics

READ_COMMITTED = "read_committed"
"""The isolation level of everything that reads: what an aborted transaction wrote is not seen."""
READ_UNCOMMITTED = "read_uncommitted"
"""Only for who looks at what was written, whatever became of it."""


class Consumer(AIOKafkaConsumer):  # type: ignore[misc]  # a package without types
    """An `AIOKafkaConsumer` whose `stop` always closes the connections.

    aiokafka cancels its requests when it stops, and awaits them. One that is about to be repeated,
    because a broker is away, hands the cancellation on to whoever stops the consumer. Then the
    connections would stay open, and the reason for the stop would be lost behind a cancellation
    that nobody asked for.
    """

    @override
    async def stop(self) -> None:
        """Close it, as aiokafka says."""
        try:
            await super().stop()
        except asyncio.CancelledError:
            await close_connections(self)
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise


async def close_connections(consumer: AIOKafkaConsumer) -> None:
    """Close the connections of a consumer whose `stop` was interrupted."""
    await consumer._client.close()  # noqa: SLF001


def limit_fetch_wait(consumer: AIOKafkaConsumer, max_wait_ms: int) -> None:
    """Set how long a broker may hold a fetch; before the consumer starts.

    Faust fixes it at 1,500 ms.
    """
    consumer._fetch_max_wait_ms = max_wait_ms  # noqa: SLF001


def read_committed(consumer: AIOKafkaConsumer) -> None:
    """Leave out what aborted transactions wrote; before the consumer starts.

    Faust asks for it only where it writes in transactions itself.
    """
    consumer._isolation_level = READ_COMMITTED  # noqa: SLF001


def stable_end(consumer: AIOKafkaConsumer, tp: TopicPartition) -> int | None:
    """Where the records end that can be read, by the last fetch; None before the first.

    That is before the first record of a transaction that is still open. None as well where the
    partition is not assigned any more.
    """
    if tp not in consumer.assignment():
        return None
    end: int | None = consumer.last_stable_offset(tp)
    if end is None or end < 0:  # a broker that knows no transactions
        end = consumer.highwater(tp)
    return end


def open_records(consumer: AIOKafkaConsumer, tp: TopicPartition) -> int:
    """The records behind the first one of an open transaction, by the last fetch; 0 without one."""
    end = stable_end(consumer, tp)
    return 0 if end is None else max(0, (consumer.highwater(tp) or 0) - end)


def read_positions(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
) -> dict[TopicPartition, int]:
    """The offset up to which each partition was read, where it is known.

    It moves past what gives no records: the ends of transactions, and what was aborted.
    """
    subscription = consumer._subscription.subscription  # noqa: SLF001
    assignment = None if subscription is None else subscription.assignment
    if assignment is None:
        return {}
    states = {tp: assignment.state_value(tp) for tp in partitions if tp in assignment.tps}
    return {tp: state.position for tp, state in states.items() if state.has_valid_position}


def coordinator_of(consumer: AIOKafkaConsumer) -> GroupCoordinator:
    """What speaks with the consumer group for a consumer, for `streams.faust_app.group_watch`."""
    return consumer._coordinator  # noqa: SLF001


async def committed_offsets(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> Mapping[TopicPartition, OffsetAndMetadata]:
    """The committed offsets of the consumer's group with their metadata, where there are any.

    aiokafka's public `committed` leaves the metadata out.
    """
    found = await consumer._coordinator.fetch_committed_offsets(partitions)  # noqa: SLF001
    return cast(Mapping[TopicPartition, OffsetAndMetadata], found)


def count_as_poll(consumer: AIOKafkaConsumer) -> None:
    """Have aiokafka take this moment for a fetch, so that it does not leave the group."""
    with consumer._subscription.fetch_context():  # noqa: SLF001
        pass


async def describe_topics(
    consumer: AIOKafkaConsumer, names: Iterable[str]
) -> dict[str, TopicState]:
    """The topics of these names that are there, as a broker describes them.

    Raises:
        KafkaError: no broker answers, or it has no answer about a topic now.
    """
    return await fetch_topics(consumer._client, names)  # noqa: SLF001


async def fetch_partition_counts(
    consumer: AIOKafkaConsumer, names: Iterable[str]
) -> dict[str, int]:
    """The number of partitions of each topic; 0 for one that is missing.

    A consumer without an assignment tells them only through the client inside of it.

    Raises:
        KafkaError: no broker answers.
    """
    cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001
    return {name: len(cluster.partitions_for_topic(name) or ()) for name in names}


def cached_partition_count(consumer: AIOKafkaConsumer, topic: str) -> int:
    """The number of partitions of a topic as far as the consumer knows; 0 for none."""
    return len(consumer._client.cluster.partitions_for_topic(topic) or ())  # noqa: SLF001


def refresh_metadata(consumer: AIOKafkaConsumer) -> None:
    """Have the consumer look at its topics now, not at the next of its rare looks."""
    consumer._client.force_metadata_update()  # noqa: SLF001
