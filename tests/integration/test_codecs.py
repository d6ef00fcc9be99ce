"""Records that other producers and the brokers compress are read everywhere."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from devtools.servers import Broker, RedisServer
from handlers.outputs import TIER_CHANGES
from streams.kafka.topics import Topic, all_topics
from tests.builders import day, order
from tests.harness.api import serving
from tests.harness.deployment import Deployment, Message
from tests.harness.view import eventually, projecting
from tests.integration.audit import audit
from tests.integration.sse import Listener
from tierstream_client import Alert, AlertConsumer, MemoryFile

CODECS = ("gzip", "snappy", "lz4", "zstd")
_CODEC_BITS = {1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
_HEADER = struct.Struct(">qiibIh")
"""Of a batch: base offset, length of the rest, leader epoch, format, checksum, attributes."""
_LENGTH_FROM = 12


@pytest.mark.kafka
async def test_every_codec_is_read_by_worker_projector_api_dump_and_client(
    kafka_broker: Broker, redis_server: RedisServer, topic_prefix: str, tmp_path: Path
) -> None:
    with Deployment(
        kafka_broker,
        tmp_path,
        partitions=1,
        redis_url=redis_server.url,
        redis_key_prefix=topic_prefix,
    ) as deployment:
        settings = deployment.settings
        await deployment.create_topics()
        topics = all_topics(settings)
        first = await deployment.ready_worker()
        async with projecting(settings), serving(settings) as api:
            for number, codec in enumerate(CODECS):
                # The brokers compress what we write; what others write comes as they compress it.
                await compress(deployment, (one for one in topics if not one.is_input), codec)
                value = order("A1", "900", day(number), customer=codec)
                messages = [Message("orders", value, headers=(("note", b"-" * 500),))]
                await deployment.send([*messages, Message("orders", b"?")], compression_type=codec)
                await deployment.drained()
            for topic in ("orders", "customer-events", TIER_CHANGES, "customer-profiles"):
                assert codecs_of(kafka_broker, deployment.topic(topic)) >= set(CODECS), topic

            async def are_shown() -> bool:
                paths = [f"/v1/customers/{codec}" for codec in CODECS]
                return [(await api.http.get(path)).status_code for path in paths] == [200] * 4

            await eventually(are_shown)
            changes = {"topic": TIER_CHANGES, "since": "1h"}
            events = await Listener(api.http, changes).take(len(CODECS))
        assert [event.json()["subject"] for event in events] == [*CODECS]
        assert await told(deployment, tmp_path) == [*CODECS]
        assert first.stop() == 0
        second = await deployment.ready_worker()  # restores states, in every codec
        assert second.stop() == 0
        assert first.complaints + second.complaints == []
        await audit(deployment)


async def told(deployment: Deployment, folder: Path) -> list[str]:
    """Whose tiers changed, as a program with the client is told."""
    told: list[str] = []
    servers = deployment.settings.kafka_bootstrap_servers
    with MemoryFile(folder / "memory") as memory:
        topics = [deployment.topic(TIER_CHANGES)]
        async with AlertConsumer(servers, topics, memory) as consumer, asyncio.timeout(30):

            async def handle(alert: Alert) -> None:
                told.append(alert.customer_id)
                if len(told) == len(CODECS):
                    consumer.stop()

            await consumer.run(handle)
    return told


async def compress(deployment: Deployment, topics: Iterable[Topic], codec: str) -> None:
    """Have the brokers compress what is written to some topics from now on."""
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        await admin.alter_configs(
            [
                ConfigResource(
                    ConfigResourceType.TOPIC,
                    topic.name,
                    configs={**topic.config, "compression.type": codec},
                )
                for topic in topics
            ]
        )
    finally:
        await admin.close()


def codecs_of(broker: Broker, topic: str) -> set[str]:
    """In which codecs the batches of a topic are on the disk of the broker."""
    files = broker._workspace.path.glob(f"data-*/{topic}-*/*.log")
    return {codec for file in files for codec in _codecs(file.read_bytes())}


def _codecs(segment: bytes) -> Iterator[str]:
    at = 0
    while at + _HEADER.size <= len(segment):
        _, length, _, _, _, attributes = _HEADER.unpack_from(segment, at)
        if not length:
            return  # the rest is reserved
        yield _CODEC_BITS.get(attributes & 7, "none")
        at += _LENGTH_FROM + length
