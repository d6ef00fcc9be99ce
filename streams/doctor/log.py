"""Which policy is in force, and whether it is the configured one."""

from __future__ import annotations

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from config.deployment import Settings
from handlers.log import PolicyActivated, decode_control
from handlers.meta import Meta, unpack_meta
from scoring.policy import Policy
from streams.doctor.finding import Finding
from streams.reading import read_to_end
from streams.records import META_KEY
from streams.topics import CUSTOMER_EVENTS, changelog_name, plain_consumer, topic_name

_FIRST_SPAN = 4_000
"""Records from the end of a changelog that are looked through first for its newest checkpoint."""
_SPAN_FACTOR = 8


async def policy_finding(settings: Settings, declared: Policy | None) -> Finding:
    """Hold the policy in force in partition 0 against the configured file."""
    consumer = plain_consumer(settings)
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
            f"{log.topic} does not begin with a policy, so no worker can read it",
            "stop who writes into it, and start with new topics",
        )
    return _compared(activated.policy, declared)


async def newest_meta(consumer: AIOKafkaConsumer, changelog: TopicPartition) -> Meta | None:
    """The newest checkpoint of a partition, looked for from the end; None if there is none."""
    begin = (await consumer.beginning_offsets([changelog]))[changelog]
    end = (await consumer.end_offsets([changelog]))[changelog]
    span = _FIRST_SPAN
    while begin < end:
        start = max(begin, end - span)
        found = None
        async for records, _ in read_to_end(consumer, changelog, start):
            for record in records:
                if record.key == META_KEY and record.value is not None:
                    meta = unpack_meta(record.value)
                    if found is None or (meta.epoch, meta.applied) >= (found.epoch, found.applied):
                        found = meta
        if found is not None or start == begin:
            return found
        span *= _SPAN_FACTOR
    return None


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
    in_log = meta.mode, meta.allowed_lateness_ms
    if in_log == (settings.mode, settings.allowed_lateness_ms):
        return None
    return Finding(
        f"the log runs in mode {meta.mode} with {meta.allowed_lateness_ms} ms of lateness, but "
        f"the settings say {settings.mode} and {settings.allowed_lateness_ms} ms",
        "correct TIERSTREAM_MODE and TIERSTREAM_ALLOWED_LATENESS; a worker started with these "
        "settings changes the log's",
    )
