"""Writes the policy in force to every partition of the canonical log."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from config.settings import Settings
from handlers.control_records import (
    PolicyActivated,
    decode_control,
    encode_control,
    is_control,
)
from handlers.state.formats import FIRST, NEWEST, RULES, NewerFormat
from handlers.state.partition_state import Meta
from scoring.policy import Policy
from streams.changelog import newest_meta
from streams.kafka.clients import new_consumer, new_producer
from streams.kafka.read import read_to_end
from streams.kafka.topics import CUSTOMER_EVENTS, changelog_name, check_topics, topic_name
from streams.runtime.clock import wall_ms

KNOWS_LIVE_FROM = 3
"""The format that first has `live_from`; in an older one nothing is history."""


def activation(
    settings: Settings,
    policy: Policy,
    running: Meta | None = None,
    number: int | None = None,
    at_a_time: int | None = None,
    *,
    quiet: bool = False,
) -> bytes:
    """The record that puts a policy in force, with the settings that shape results.

    The mode, the lateness, `live_from` and the format of `running`, the state of a partition, are
    kept: publishing a policy must not change them.

    Args:
        settings: of this deployment.
        policy: which is to be in force.
        running: None for a deployment that has not run yet.
        number: of the format, if it is to be another one.
        at_a_time: as in `PolicyActivated`; the first format has all customers go at once.
        quiet: as in `PolicyActivated`.

    Raises:
        FormatTooOld: the policy has something that the format cannot hold.
    """
    keeps = running is not None and running.policy is not None
    if number is None:
        number = running.format if keeps and running else settings.state_format or NEWEST
    live_from_ms = running.live_from_ms if keeps and running else settings.live_from_ms
    return encode_control(
        PolicyActivated(
            event_id=f"policy-{uuid.uuid4()}",
            app_id=settings.app_id,
            mode=running.mode if keeps and running else settings.mode,
            allowed_lateness_ms=(
                running.allowed_lateness_ms if keeps and running else settings.allowed_lateness_ms
            ),
            policy=policy,
            rules=0 if number == FIRST else RULES,
            format=number,
            at_a_time=None if number == FIRST else at_a_time,
            live_from_ms=live_from_ms if number >= KNOWS_LIVE_FROM else None,
            quiet=quiet,
        )
    )


async def policy_in_force(settings: Settings) -> Policy | None:
    """The policy by which a worker decides now; None if none has written a state yet.

    While a new one is being put in force, partitions differ for a moment; the first one with a
    policy tells.

    Raises:
        NewerFormat: a newer release wrote the state.
    """
    counts = await check_topics(settings)
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        for number in range(counts[topic_name(settings, CUSTOMER_EVENTS)]):
            changelog = TopicPartition(changelog_name(settings), number)
            meta = await newest_meta(consumer, changelog)
            if meta is not None and meta.policy is not None:
                return meta.policy
        return None
    finally:
        await consumer.stop()


async def ensure_policy(settings: Settings, policy: Policy) -> list[int]:
    """Write the policy to the partitions of the log that have none; return their numbers.

    Two workers that start at once may both write it; the second record changes nothing.
    """
    formats = await _formats(settings)
    without = [number for number, found in enumerate(formats) if found is None]
    if without:
        value = activation(settings, policy, number=_first_known(formats))
        await _write(settings, value, without)
    return without


async def publish_policy(
    settings: Settings,
    policy: Policy,
    running: Meta | None,
    at_a_time: int | None = None,
    *,
    quiet: bool = False,
) -> int:
    """Write a policy to every partition of the log; return how many there are.

    Args:
        settings: of this deployment.
        policy: which is to be in force.
        running: the state of a partition, None if no worker has written one yet.
        at_a_time: how many customers each further record of the log re-evaluates; None: as many as
            the settings say.
        quiet: what follows from the policy alone goes out marked as not to be acted on.

    Raises:
        FormatTooOld: the format of the log cannot hold the policy, or that it is quiet.
    """
    formats = await _formats(settings)
    number = _first_known(formats) if running is None else None
    go = at_a_time or settings.policy_at_a_time
    value = activation(settings, policy, running, number, go, quiet=quiet)
    await _write(settings, value, range(len(formats)))
    return len(formats)


def _first_known(formats: list[int | None]) -> int | None:
    return next((found for found in formats if found is not None), None)


async def _formats(settings: Settings) -> list[int | None]:
    """The format of each partition of the log that has a policy; None of one that has none.

    Before a policy may stand what is not ours. A partition that has lost its beginning had one
    there. The log itself, which may have what an erased person once sent, is read only where no
    state tells.
    """
    counts = await check_topics(settings)
    topic = topic_name(settings, CUSTOMER_EVENTS)
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        tps = [TopicPartition(topic, number) for number in range(counts[topic])]
        begins = await consumer.beginning_offsets(tps)
        return [await _format_of(settings, consumer, tp, begins[tp]) for tp in tps]
    finally:
        await consumer.stop()


async def _format_of(
    settings: Settings, consumer: AIOKafkaConsumer, tp: TopicPartition, begins: int
) -> int | None:
    changelog = TopicPartition(changelog_name(settings), tp.partition)
    meta = await newest_meta(consumer, changelog)
    if meta is not None and meta.policy is not None:
        return meta.format
    if begins > 0:
        return FIRST
    async for records, _ in read_to_end(consumer, tp):
        for record in records:
            found = _format_in(record)
            if found is not None:
                return found
    return None


def _format_in(record: ConsumerRecord) -> int | None:
    """The format of a record that puts a policy in force; None of any other record."""
    if record.key is not None or record.value is None or not is_control(record.value):
        return None
    try:
        control = decode_control(record.value)
    except NewerFormat:
        return FIRST
    except msgspec.MsgspecError:
        return None
    return control.format if isinstance(control, PolicyActivated) else None


async def _write(settings: Settings, value: bytes, partitions: Iterable[int]) -> None:
    topic = topic_name(settings, CUSTOMER_EVENTS)
    producer = new_producer(settings, "policy")
    await producer.start()
    try:
        for number in partitions:
            producer.add(topic, number, None, value, (), wall_ms())
        await producer.flush()
    finally:
        await producer.stop()
