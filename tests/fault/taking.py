"""Takes down what Kafka and Redis hold, with nothing but their plain clients."""

from __future__ import annotations

from collections.abc import Mapping

import redis
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.fault.evidence import PROFILES_TOPIC, Place, RawRecord

_FETCH_RECORDS = 5_000
_FETCH_WAIT_MS = 500
_FETCH_TRIES = 60
_REDIS_TIMEOUT_S = 10


async def take_topics(
    bootstrap_servers: str, names: Mapping[str, str], partitions: int
) -> dict[str, dict[int, list[RawRecord]]]:
    """All records of all topics, by short name and partition."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    async with consumer:
        return {
            short: {
                number: await _take_partition(consumer, TopicPartition(full, number))
                for number in range(partitions)
            }
            for short, full in names.items()
        }


async def _take_partition(consumer: AIOKafkaConsumer, tp: TopicPartition) -> list[RawRecord]:
    consumer.assign([tp])
    await consumer.seek_to_beginning(tp)
    end = (await consumer.end_offsets([tp]))[tp]
    taken: list[RawRecord] = []
    tries = 0
    while await consumer.position(tp) < end:
        fetched = await consumer.getmany(tp, timeout_ms=_FETCH_WAIT_MS, max_records=_FETCH_RECORDS)
        records = fetched.get(tp, [])
        tries = 0 if records else tries + 1
        if tries > _FETCH_TRIES:
            raise AssertionError(f"{tp.topic}/{tp.partition} cannot be read up to {end}")
        taken += [
            RawRecord(
                record.offset, record.timestamp, record.key, record.value, tuple(record.headers)
            )
            for record in records
            if record.offset < end
        ]
    return taken


async def delete_topics(bootstrap_servers: str, names: list[str]) -> None:
    """Remove the topics of an episode that is over."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_topics(names)
    finally:
        await admin.close()


def view_is_current(url: str, prefix: str, ends: Mapping[Place, int]) -> bool:
    """Whether the view has every record of the profiles up to these ends."""
    with _client(url) as client:
        try:
            current = client.get(f"{prefix}current")
            if current is None:
                return False
            positions = client.hgetall(f"{prefix}{_text(current)}:positions")
        except redis.RedisError:
            return False
    reached = {_text(name): int(value) for name, value in positions.items()}
    return all(
        reached.get(f"next:{number}", -1) >= end
        for (topic, number), end in ends.items()
        if topic == PROFILES_TOPIC
    )


def take_view(url: str, prefix: str) -> dict[str, dict[str, str]]:
    """The fields of every customer in the view, by id, and as `profile` the whole."""
    with _client(url) as client:
        current = client.get(f"{prefix}current")
        if current is None:
            return {}
        base = f"{prefix}{_text(current)}:"
        view: dict[str, dict[str, str]] = {}
        for key in client.scan_iter(match=f"{base}customer:*", count=1_000):
            fields = client.hgetall(key).items()
            customer = _text(key).removeprefix(f"{base}customer:")
            view[customer] = {_text(name): _text(value) for name, value in fields}
        for key in client.scan_iter(match=f"{base}profile:*", count=1_000):
            customer = _text(key).removeprefix(f"{base}profile:")
            view.setdefault(customer, {})["profile"] = _text(client.get(key))
        return view


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=_REDIS_TIMEOUT_S, socket_connect_timeout=_REDIS_TIMEOUT_S
    )


def _text(value: object) -> str:
    assert isinstance(value, bytes)
    return value.decode()
