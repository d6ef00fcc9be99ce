"""Checks which policy is in force, and whether it is the configured one."""

from __future__ import annotations

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from cli.doctor import Finding
from config.settings import Settings
from handlers.control_records import PolicyActivated, decode_control
from handlers.state.partition_state import Meta
from scoring.policy import Policy
from scoring.timestamps import rfc3339
from streams.changelog import newest_meta
from streams.kafka.clients import new_consumer
from streams.kafka.read import read_to_end
from streams.kafka.topics import CUSTOMER_EVENTS, changelog_name, topic_name
from streams.policy_log import KNOWS_LIVE_FROM


async def policy_finding(settings: Settings, declared: Policy | None) -> Finding:
    """Compare the policy in force in partition 0 with the configured file."""
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        meta = await newest_meta(consumer, TopicPartition(changelog_name(settings), 0))
        log = TopicPartition(topic_name(settings, CUSTOMER_EVENTS), 0)
        first = None if meta is not None else await _first_record(consumer, log)
    finally:
        await consumer.stop()
    if meta is not None and meta.policy is not None:
        return _mode_finding(settings, meta) or _compared(meta.policy, declared)
    if first is None:
        version = "the policy" if declared is None else f"policy {declared.version!r}"
        return Finding(f"no policy in the log yet: the first worker writes {version}")
    activated = _activated(first)
    if activated is None:
        return Finding(
            f"{log.topic} does not begin with a policy, but with a record that is not ours; the "
            "first worker writes one behind it",
            "find out who writes into it",
        )
    return _compared(activated.policy, declared)


async def _first_record(consumer: AIOKafkaConsumer, tp: TopicPartition) -> ConsumerRecord | None:
    async for records, _ in read_to_end(consumer, tp):
        return records[0]
    return None


def _activated(record: ConsumerRecord) -> PolicyActivated | None:
    if record.key is not None or record.value is None:
        return None
    try:
        control = decode_control(record.value)
    except msgspec.MsgspecError:
        return None
    return control if isinstance(control, PolicyActivated) else None


def _compared(running: Policy, declared: Policy | None) -> Finding:
    if declared is None:
        return Finding(f"policy {running.version!r} is in force")
    if running == declared:
        return Finding(f"policy {running.version!r} is in force, and it is the configured one")
    same_name = " of another content" if running.version == declared.version else ""
    return Finding(
        f"policy {running.version!r} is in force, but the configured file is "
        f"{declared.version!r}{same_name}",
        "put the file in force with 'tierstream policy publish', or set TIERSTREAM_POLICY_FILE",
    )


def _mode_finding(settings: Settings, meta: Meta) -> Finding | None:
    if meta.format >= KNOWS_LIVE_FROM and meta.live_from_ms != settings.live_from_ms:
        return Finding(
            f"the log has live_from {_time(meta.live_from_ms)}, but the settings say "
            f"{_time(settings.live_from_ms)}",
            "correct TIERSTREAM_LIVE_FROM; a worker started with these settings changes the log's",
        )
    in_log = meta.mode, meta.allowed_lateness_ms
    if in_log == (settings.mode, settings.allowed_lateness_ms):
        return None
    return Finding(
        f"the log runs in mode {meta.mode} with {meta.allowed_lateness_ms} ms of lateness, but "
        f"the settings say {settings.mode} and {settings.allowed_lateness_ms} ms",
        "correct TIERSTREAM_MODE and TIERSTREAM_ALLOWED_LATENESS; a worker started with these "
        "settings changes the log's",
    )


def _time(instant_ms: int | None) -> str:
    return "none" if instant_ms is None else rfc3339(instant_ms)
