"""Checks the workers' consumer group: its lag, and whether any worker runs."""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from cli.doctor import Finding
from config.settings import Settings
from streams.kafka.clients import new_admin, new_consumer
from streams.kafka.offsets import all_ends
from streams.kafka.topics import CUSTOMER_EVENTS, INPUT_TOPICS, topic_name


async def group_finding(settings: Settings, counts: Mapping[str, int]) -> Finding:
    """The lag of the workers; a fault if there is some and no worker runs.

    Args:
        counts: partitions by topic; topics that are missing are left out.
    """
    lag, open_records = await _lag(settings, counts)
    members = await group_members(settings)
    waiting = "nothing waits" if lag == 0 else f"{lag:,} records wait"
    if open_records:
        waiting += f" and {open_records:,} more for a producer to end its transaction"
    group = f"consumer group {settings.app_id}"
    if members is None:
        return Finding(f"{group}: {waiting}")
    if members == 0 and lag > 0:
        return Finding(f"{group}: {waiting} and no worker runs", "start 'tierstream worker'")
    workers = "1 worker runs" if members == 1 else f"{members} workers run"
    return Finding(f"{group}: {workers if members else 'no worker runs'}, {waiting}")


async def _lag(settings: Settings, counts: Mapping[str, int]) -> tuple[int, int]:
    """How many records wait, and how many more cannot be read yet."""
    names = [topic_name(settings, name) for name in (*INPUT_TOPICS, CUSTOMER_EVENTS)]
    tps = [TopicPartition(name, number) for name in names for number in range(counts.get(name, 0))]
    written = await all_ends(settings, tps)
    consumer = new_consumer(settings, group_id=settings.app_id)
    await consumer.start()
    try:
        consumer.assign(tps)
        begins, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
        lag, behind = 0, sum(max(0, written[tp] - ends[tp]) for tp in tps)
        for tp in tps:
            committed = await consumer.committed(tp)
            done = begins[tp] if committed is None else max(committed, begins[tp])
            lag += max(0, ends[tp] - done)
    finally:
        await consumer.stop()
    return lag, behind


async def group_members(settings: Settings) -> int | None:
    """How many members the group has; None if the broker does not say."""
    admin = new_admin(settings)
    try:
        await admin.start()
        answers = await admin.describe_consumer_groups([settings.app_id])
    except KafkaError:
        return None
    finally:
        await admin.close()
    for answer in answers:
        for error_code, group, _, _, _, members, *_ in answer.groups:
            if group == settings.app_id and error_code == 0:
                return len(members)
    return None
