"""Adopts a topic that is not the one to which the committed offsets belong.

Workers refuse such a topic, since records may be lost or read again. An operator decides that this
is right; adopting then commits new offsets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from cli.doctor.group import group_members
from config.settings import Settings
from streams.faust_app import TopicChanged, TopicGuard
from streams.faust_app.topic_guard import decode_topic_ids, encode_topic_ids
from streams.kafka.clients import new_consumer
from streams.kafka.offsets import GroupOffsets, read_group_offsets, topic_guard
from streams.kafka.topics import (
    CUSTOMER_EVENTS,
    INPUT_TOPICS,
    TopicsUnusable,
    changelog_name,
    check_topics,
    topic_name,
)


class AdoptionRefused(TopicsUnusable):
    """The topic cannot be adopted; one sentence."""


class OffsetChange(NamedTuple):
    """A partition whose committed offset changes.

    Attributes:
        tp: the partition.
        offset: where it is read from now on.
        meaning: what that loses or repeats.
    """

    tp: TopicPartition
    offset: int
    meaning: str


class Adoption(NamedTuple):
    """What adopting a topic commits.

    Attributes:
        topic: its full name.
        changes: partitions whose offset changes.
        committed: all offsets to commit; empty if there is nothing to do.
    """

    topic: str
    changes: list[OffsetChange]
    committed: Mapping[TopicPartition, OffsetAndMetadata]


async def plan_adoption(settings: Settings, name: str) -> Adoption:
    """What must be committed so that workers accept a topic as it is.

    Args:
        settings: of the deployment.
        name: of one of our topics, with or without the prefix.

    Raises:
        AdoptionRefused: it is no topic of ours, workers run, or it is the log or changelog of a
            former topic, whose state cannot be kept.
        BrokerUnreachable: no broker answers.
        TopicsUnusable: a topic is missing.
    """
    guard = topic_guard(settings)
    topic = name if name in guard.names else topic_name(settings, name)
    if topic not in guard.names:
        raise AdoptionRefused(f"{name} is no topic of ours")
    members = await group_members(settings)
    if members:
        raise AdoptionRefused(f"{members} workers run in group {settings.app_id}; stop them first")
    positions = await read_group_offsets(settings, await check_topics(settings))
    guard.look(positions.topics)
    label = guard.label(topic)
    if topic in (topic_name(settings, CUSTOMER_EVENTS), changelog_name(settings)):
        _refuse_made_anew(guard, positions, label)
    changes = list(_changes(positions, topic, label, is_input=label in INPUT_TOPICS))
    return Adoption(topic, changes, _to_commit(guard, positions, label, changes))


async def commit_adoption(settings: Settings, adoption: Adoption) -> None:
    """Commit what was planned.

    Raises:
        KafkaError: the group refused; workers run after all.
    """
    consumer = new_consumer(settings, group_id=settings.app_id)
    await consumer.start()
    try:
        consumer.assign(list(adoption.committed))
        await consumer.commit(dict(adoption.committed))
    finally:
        await consumer.stop()


def _refuse_made_anew(guard: TopicGuard, positions: GroupOffsets, label: str) -> None:
    for _, mark in positions.committed.values():
        try:
            guard.check_topic_ids(encode_topic_ids({label: decode_topic_ids(mark).get(label, "")}))
        except TopicChanged as changed:
            raise AdoptionRefused(str(changed)) from None


def _changes(
    positions: GroupOffsets, topic: str, label: str, *, is_input: bool
) -> Iterator[OffsetChange]:
    present_id = positions.topics[topic].topic_id
    marks = [decode_topic_ids(mark) for _, mark in positions.committed.values()]
    is_anew = bool(present_id) and any(mark.get(label, present_id) != present_id for mark in marks)
    for tp, begin in positions.begins.items():
        if tp.topic != topic:
            continue
        end = positions.ends[tp]
        committed = positions.committed.get(tp)
        if is_input and is_anew and (committed is None or committed.offset != begin):
            yield OffsetChange(tp, begin, f"{end - begin} records of the new topic are read")
        elif is_anew or committed is None:
            continue
        elif committed.offset < begin:
            yield OffsetChange(tp, begin, f"records {committed.offset} to {begin - 1} are given up")
        elif committed.offset > end:
            raise AdoptionRefused(
                f"{topic}/{tp.partition} ends at {end}, before position {committed.offset}: what "
                f"is written there up to {committed.offset} would be taken for repetitions; delete "
                "the topic, make it anew and adopt that"
            )


def _to_commit(
    guard: TopicGuard, positions: GroupOffsets, label: str, changes: list[OffsetChange]
) -> dict[TopicPartition, OffsetAndMetadata]:
    """The changed offsets, and all others stored with the id of the former topic."""
    present = decode_topic_ids(guard.metadata)
    changed = {change.tp: change.offset for change in changes}
    marks = {tp: decode_topic_ids(mark) for tp, (_, mark) in positions.committed.items()}
    known: dict[str, str] = {}
    for mark in marks.values():
        known |= mark
    found = {}
    for tp in {**changed, **marks}:
        former = marks.get(tp) or {**present, **known}
        mark = {**former, label: present[label]} if label in present else former
        offset = changed[tp] if tp in changed else positions.committed[tp].offset
        if tp in changed or mark != marks[tp]:
            found[tp] = OffsetAndMetadata(offset, encode_topic_ids(mark))
    return found
