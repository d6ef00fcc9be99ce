"""A small deployment as the workers of a release left it: every record of every topic.

`python -m tests.formats.deployment FILE` lets this release's worker make one.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
import tempfile
import tomllib
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from devtools.servers import start_broker
from streams.kafka.topics import CUSTOMER_EVENTS, INPUT_TOPICS, all_topics
from tests.harness.deployment import Deployment, Message
from tests.harness.flow import Router
from tests.support.histories import History

SETTINGS: dict[str, Any] = {
    "partitions": 2,
    "mode": "replay",
    "app_id": "before-app",
    "topic_prefix": "before.",
}
"""The names stand in the records."""
_SEED = 5
_LINES = 140
_POLICY = Path("examples/profile_policy.toml")

Written = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]
"""Key, value and headers of a record."""
Records = dict[str, list[list[Written]]]
"""By the full name of the topic, and by partition."""


def policy() -> dict[str, object]:
    """A policy with every feature, as parsed TOML."""
    return tomllib.loads(_POLICY.read_text())


async def record(deployment: Deployment) -> Records:
    """Everything in the topics of a deployment whose workers have ended."""
    return {
        topic.name: [
            [(each.key, each.value, list(each.headers)) for each in partition]
            for partition in await deployment.read_full(topic.name)
        ]
        for topic in all_topics(deployment.settings)
    }


def load(file: Path) -> Records:
    """What was recorded."""
    return msgspec.msgpack.decode(gzip.decompress(file.read_bytes()), type=Records)


async def bring(deployment: Deployment, records: Records) -> None:
    """Write what was recorded to a deployment of the same names, and commit what was read of it."""
    prefix = deployment.settings.topic_prefix
    servers = deployment.settings.kafka_bootstrap_servers
    inputs = {prefix + name for name in INPUT_TOPICS}
    read = {}
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for topic, partitions in records.items():
            for number, written in enumerate(partitions):
                if topic in inputs or topic == prefix + CUSTOMER_EVENTS:
                    read[TopicPartition(topic, number)] = len(written)
                if topic in inputs:
                    name = topic.removeprefix(prefix)
                    await deployment.send(
                        Message(name, value, key, number, headers=tuple(headers))
                        for key, value, headers in written
                    )
                    continue
                for key, value, headers in written:
                    await producer.send(topic, value, key, number, headers=headers)
    group = AIOKafkaConsumer(
        bootstrap_servers=servers,
        group_id=deployment.settings.app_id,
        enable_auto_commit=False,
    )
    async with group:
        group.assign(list(read))
        await group.commit(read)


async def _made() -> Records:
    with (
        tempfile.TemporaryDirectory() as folder,
        start_broker("embedded") as broker,
        Deployment(broker, Path(folder), policy=policy(), **SETTINGS) as deployment,
    ):
        await deployment.create_topics()
        worker = await deployment.ready_worker()
        lines = History(Random(_SEED), customers=8, days=60, merges=True).lines(_LINES)
        await deployment.send(Router().messages(lines))
        await deployment.drained()
        assert worker.stop() == 0
        return await record(deployment)


if __name__ == "__main__":
    made = msgspec.msgpack.encode(asyncio.run(_made()))
    Path(sys.argv[1]).write_bytes(gzip.compress(made, mtime=0))
