"""Makes the states of a partition anew from its log, for a changelog that cannot be restored.

The log is the record: applied by the same rules it gives the same states. It is applied up to the
offset that the workers have committed, so all outputs that follow from that part are written; the
worker goes on behind it. Outputs that were written beyond it come again with the same bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from faust.types import TP

from config.settings import Settings
from handlers.control_records import PolicyActivated, decode_control, is_control
from handlers.partition import Partition
from handlers.state.formats import NEWEST, RULES
from handlers.state.partition_state import pack_meta
from streams.changelog import newest_meta
from streams.changelog_scan import ChangelogScan, scan_changelog
from streams.engine.apply import Applier
from streams.faust_app import BatchProducer
from streams.kafka.clients import new_consumer, new_producer
from streams.kafka.headers import META_KEY
from streams.kafka.read import read_to_end
from streams.kafka.topics import CUSTOMER_EVENTS, OUTPUTS, changelog_name, topic_name

Progress = Callable[[str, int, int], None]
"""Told what is being done, how far it is, and where it ends."""

_WRITE_CUSTOMERS = 1_000


class CannotRebuild(Exception):
    """The states cannot be made from the log; one sentence that says what can be done."""


class Rebuilt(NamedTuple):
    """What was written.

    Attributes:
        customers: states.
        until: the offset of the log before which all is applied.
        superseded: records of the changelog that were no states, and are superseded now.
        is_under_other_rules: the log has parts that another release's rules were applied to.
    """

    customers: int
    until: int
    superseded: int
    is_under_other_rules: bool


async def rebuild_state(settings: Settings, number: int, on_progress: Progress) -> Rebuilt:
    """Make the states of one partition anew and write them to the changelog; no worker may run.

    Raises:
        CannotRebuild: the log has lost its beginning, or nobody knows up to where to apply it.
        NewerFormat, UnreadableControl: a newer release wrote the log or the changelog.
        ProduceFailed: the brokers did not take what was written; run it again.
    """
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        log = TopicPartition(topic_name(settings, CUSTOMER_EVENTS), number)
        changelog = TopicPartition(changelog_name(settings), number)
        until = await _committed(settings, consumer, log, changelog)
        scan = await scan_changelog(
            consumer, changelog, lambda done, end: on_progress("reading the changelog", done, end)
        )
        rebuild = _Rebuild(log)
        await rebuild.apply(consumer, until, on_progress)
        if rebuild.is_under_other_rules:
            rebuild.sequences = await _sequences(settings, consumer, number)
    finally:
        await consumer.stop()
    producer = new_producer(settings, "rebuild-state")
    await producer.start()
    try:
        customers = await rebuild.write(settings, producer, scan, on_progress)
    finally:
        await producer.stop()
    return Rebuilt(customers, until, len(scan.obstacles), rebuild.is_under_other_rules)


async def _committed(
    settings: Settings, consumer: AIOKafkaConsumer, log: TopicPartition, changelog: TopicPartition
) -> int:
    """The offset up to which the log is to be applied."""
    begin = (await consumer.beginning_offsets([log]))[log]
    if begin > 0:
        raise CannotRebuild(
            f"{log.topic}/{log.partition} begins at offset {begin}: what was before is gone, so the"
            " states cannot be made from it; restore the topic from a backup, or begin with new "
            "topics and load the history from the systems that have it"
        )
    group = new_consumer(settings, group_id=settings.app_id)
    await group.start()
    try:
        group.assign([log])
        committed = await group.committed(log)
    finally:
        await group.stop()
    if committed is not None:
        return int(committed)
    meta = await newest_meta(consumer, changelog)
    if meta is not None:
        return meta.applied + 1
    raise CannotRebuild(
        f"group {settings.app_id} has no committed offset in {log.topic}/{log.partition}, and the "
        "changelog has no checkpoint that can be read, so nobody knows which outputs are written; "
        f"delete the records of {changelog.topic}/{changelog.partition} (kafka-delete-records.sh): "
        "then a worker applies the whole log, and its outputs come again with the same sequences"
    )


class _Rebuild:
    """The states of one partition, made from its log."""

    def __init__(self, log: TopicPartition) -> None:
        self.is_under_other_rules = False
        self.sequences: Mapping[str, int] = {}
        self._log = log
        self._partition = Partition(is_whole=False, remembers=NEWEST)
        self._applier = Applier(self._partition)

    async def apply(self, consumer: AIOKafkaConsumer, until: int, on_progress: Progress) -> None:
        """Apply the log before an offset. What follows from it was written by the workers."""
        tp, meta = TP(*self._log), self._partition.meta
        async for records in _before(consumer, self._log, until):
            for record in records:
                self._note_rules(record)
                self._applier.apply(record, tp, 0)
            self._forget_outputs()
            meta.applied = records[-1].offset
            on_progress("applying the log", meta.applied + 1, until)
        meta.applied = until - 1

    def _note_rules(self, record: ConsumerRecord) -> None:
        if record.key is not None or record.value is None or not is_control(record.value):
            return
        try:
            control = decode_control(record.value)
        except msgspec.MsgspecError:
            return
        if isinstance(control, PolicyActivated) and control.rules not in (0, RULES):
            self.is_under_other_rules = True

    def _forget_outputs(self) -> None:
        partition, applier = self._partition, self._applier
        if partition.meta.policy is not None:
            partition.context.outbox.clear()
        partition.stale_profiles.clear()
        applier.dead_letters.clear()
        applier.envelopes.clear()
        partition.store.pack_changed(0, NEWEST)

    async def write(
        self,
        settings: Settings,
        producer: BatchProducer,
        scan: ChangelogScan,
        on_progress: Progress,
    ) -> int:
        """Write the partition's record, then all states; the number of customers.

        The record comes first: should this break off, a restore must not take the offset of a
        former owner together with states that end before it. The epoch is above all others, so that
        what a former owner still writes loses.
        """
        partition, number = self._partition, self._log.partition
        meta, changelog = partition.meta, changelog_name(settings)
        meta.epoch = scan.max_epoch + 1
        producer.add(changelog, number, META_KEY, pack_meta(meta))
        await producer.flush()
        ids = partition.store.ids()
        for start in range(0, len(ids), _WRITE_CUSTOMERS):
            for customer_id in ids[start : start + _WRITE_CUSTOMERS]:
                self._raise_sequence(customer_id)
                if meta.format < NEWEST:
                    self._forget_later(customer_id)
                partition.store.touch(customer_id)
            for customer_id, packed in partition.store.pack_changed(meta.epoch, meta.format):
                producer.add(changelog, number, customer_id.encode(), packed)
                if self.is_under_other_rules:
                    self._add_profile(settings, producer, customer_id)
                if producer.full:
                    await producer.flush()
            await producer.flush()
            on_progress("writing states", min(start + _WRITE_CUSTOMERS, len(ids)), len(ids))
        there = {customer_id.encode() for customer_id in ids} | {META_KEY, b""}
        for key in scan.obstacles.keys() - there:
            producer.add(changelog, number, key, None)
        await producer.flush()
        return len(ids)

    def _add_profile(self, settings: Settings, producer: BatchProducer, customer_id: str) -> None:
        """Other rules make other profiles; nobody else would write them."""
        profile = self._partition.profile(customer_id)
        if profile is not None:
            topic, number = topic_name(settings, profile.topic), self._log.partition
            producer.add(topic, number, customer_id.encode(), profile.value)

    def _forget_later(self, customer_id: str) -> None:
        """The partition's format cannot hold what a later one remembers."""
        customer = self._partition.store.get(customer_id)
        assert customer is not None
        customer.ledger.gone_value, customer.ledger.left = 0, b""

    def _raise_sequence(self, customer_id: str) -> None:
        """A consumer must not take what comes next for what it has seen."""
        seen = self.sequences.get(customer_id, 0)
        customer = self._partition.store.get(customer_id)
        assert customer is not None
        customer.sequence = max(customer.sequence, seen)


async def _before(
    consumer: AIOKafkaConsumer, tp: TopicPartition, until: int
) -> AsyncIterator[Sequence[ConsumerRecord]]:
    """The records of a partition before an offset."""
    async for records, _ in read_to_end(consumer, tp):
        wanted = [record for record in records if record.offset < until]
        if wanted:
            yield wanted
        if len(wanted) < len(records):
            return


class _Data(msgspec.Struct):
    customer_id: str
    sequence: int


class _Output(msgspec.Struct):
    data: _Data


_output = msgspec.json.Decoder(_Output)


async def _sequences(
    settings: Settings, consumer: AIOKafkaConsumer, number: int
) -> Mapping[str, int]:
    """The highest sequence of each customer that the outputs have."""
    found: dict[str, int] = {}
    for name in OUTPUTS:
        tp = TopicPartition(topic_name(settings, name), number)
        async for records, _ in read_to_end(consumer, tp):
            for record in records:
                try:
                    data = _output.decode(record.value or b"").data
                except (msgspec.MsgspecError, ValueError):
                    continue  # not ours
                found[data.customer_id] = max(found.get(data.customer_id, 0), data.sequence)
    return found
