"""A changelog as a long-lived partition has it: packed states of very many customers.

The states are made by the product's own rules from some thousand short histories; each history
serves many customers, under their own ids. A share of the customers has older records too, as where
Kafka has not compacted yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bench.load import Load
from bench.offline import APP_ID, live_partition
from config.settings import Settings
from handlers.control_records import ClockTick, encode_control
from handlers.reasons import Rejection
from handlers.state.customer import Customer, pack, unpack
from handlers.state.partition_state import pack_meta
from streams.faust_app import BatchProducer
from streams.kafka.clients import new_producer
from streams.kafka.headers import META_KEY
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import CUSTOMER_EVENTS, changelog_name, topic_name

EVENTS_PER_CUSTOMER = 7
LOG_POSITIONS = 1_000
"""Records of the canonical log of each partition that the states reflect."""
_HISTORIES = 20_000
_SPAN_MS = 120 * 86_400_000
_EPOCH = 3
_EVENTS_PER_TICK = 1_000
_OLDER_RECORDS = (0, 0, 0, 0, 0, 0, 0, 1, 1, 2)
"""Older records of a customer, drawn in turn: four in every ten customers."""


class Changelog(NamedTuple):
    """What was written."""

    customers: int
    records: int
    value_bytes: int


def histories(customers: int, end_ms: int, seed: int) -> tuple[list[Customer], bytes]:
    """States after short histories that end at `end_ms`, and the record of their partition."""
    count = min(customers, _HISTORIES)
    events = count * EVENTS_PER_CUSTOMER
    load = Load(events, count, end_ms, _SPAN_MS, seed=seed)
    partition = live_partition()
    for position, record in enumerate(load.records(), 1):
        if position % _EVENTS_PER_TICK == 0:
            tick = ClockTick(end_ms - _SPAN_MS + position * _SPAN_MS // events)
            partition.control(position, encode_control(tick))
        event = partition.admit(record.value)
        assert not isinstance(event, Rejection)
        partition.apply(position, event)
    partition.control(events, encode_control(ClockTick(end_ms)))
    partition.context.outbox.clear()
    states = [unpack(packed) for _, packed in partition.store.pack_changed(_EPOCH)]
    partition.meta.epoch, partition.meta.applied = _EPOCH, LOG_POSITIONS
    return states, pack_meta(partition.meta)


def states_of(customers: int, known: list[Customer]) -> Iterator[tuple[bytes, bytes]]:
    """Key and packed state of `customers` customers, older records before newer ones."""
    for number in range(customers):
        customer = known[number % len(known)]
        customer.customer_id = f"customer-{number:09d}"
        key = customer.customer_id.encode()
        newest = number % LOG_POSITIONS
        for back in range(_OLDER_RECORDS[number % len(_OLDER_RECORDS)], -1, -1):
            customer.applied = max(0, newest - back)
            yield key, pack(customer)


async def fill(settings: Settings, customers: int, end_ms: int, seed: int) -> Changelog:
    """Write the changelog, and as many records of the canonical log as it reflects."""
    assert settings.app_id == APP_ID, "the partition's record names the application"
    known, meta = histories(customers, end_ms, seed)
    changelog = changelog_name(settings)
    partitions = range(settings.partitions)
    producer = new_producer(settings, "fill")
    await producer.start()
    try:
        tick = encode_control(ClockTick(end_ms))
        for number in partitions:
            for _ in range(LOG_POSITIONS + 1):
                producer.add(topic_name(settings, CUSTOMER_EVENTS), number, None, tick)
        records = value_bytes = 0
        for key, packed in states_of(customers, known):
            number = partition_of(key, settings.partitions)
            await _add(producer, changelog, number, key, packed)
            records += 1
            value_bytes += len(packed)
        for number in partitions:
            await _add(producer, changelog, number, META_KEY, meta)
        await producer.flush()
    finally:
        await producer.stop()
    return Changelog(customers, records + len(partitions), value_bytes)


async def _add(producer: BatchProducer, topic: str, number: int, key: bytes, value: bytes) -> None:
    producer.add(topic, number, key, value)
    if producer.full:
        await producer.flush()
