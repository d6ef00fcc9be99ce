"""A whole Tierstream of a test's own on a shared broker: topics, workers, records in and out."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from config.settings import Settings
from handlers.partition import Partition
from streams.changelog import read_state
from streams.dump import dump_partition
from streams.local import Broker
from streams.local.guardian import Workspace
from streams.reading import read_to_end
from streams.topics import CUSTOMER_EVENTS, INPUTS, create_topics, topic_name
from tests.integration.running_worker import CLI, ROOT, RunningWorker

EXAMPLE = ROOT / "tests" / "example"
DRAIN_TIMEOUT_S = 40.0
_POLL_S = 0.1

# Intervals for tests: an idle deployment is caught up in well under a second.
_QUICK = {
    "rebalance_timeout": "1s",
    "startup_timeout": "10s",
    "flush_interval": "50ms",
    "tick_interval": "100ms",
}


class Message(NamedTuple):
    """A record for a topic, named without its prefix. Without a partition the key decides."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    timestamp_ms: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class TopicPosition(NamedTuple):
    """Where a record is."""

    topic: str
    partition: int
    offset: int


Send = Callable[[Iterable[Message]], Awaitable[list[TopicPosition]]]


class Deployment:
    """Settings, topics and workers of one test, in a `with` statement that ends what is left.

    Args:
        broker: where its topics are, under a prefix of its own.
        folder: for logs and files.
        policy: as parsed TOML; without it, that of the worked example.
        settings: further settings by their field names.

    Attributes:
        sent: what `send` wrote to input topics.
    """

    def __init__(
        self,
        broker: Broker,
        folder: Path,
        *,
        policy: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        name = f"t{uuid.uuid4().hex[:12]}"
        policy_file = EXAMPLE / "policy.toml"
        if policy is not None:
            policy_file = folder / f"{name}.toml"
            policy_file.write_text(
                "".join(f"{key} = {_toml(value)}\n" for key, value in policy.items())
            )
        self._values: dict[str, Any] = {
            "kafka_bootstrap_servers": broker.bootstrap_servers,
            "producer_idempotence": broker.idempotence,
            "app_id": f"{name}-app",
            "topic_prefix": f"{name}.",
            "partitions": 3,
            "mode": "replay",
            # Apache Kafka takes no less than six; the embedded broker waits for it twice.
            "session_timeout": "6s" if broker.kind == "kafka" else "3s",
            "policy_file": policy_file,
            **_QUICK,
            **settings,
        }
        self.settings = Settings(**self._values)
        self.policy_file = policy_file
        self.folder = folder
        self._workspace = Workspace("deployment")
        self._workers: list[RunningWorker] = []
        self.sent: dict[TopicPosition, bytes | None] = {}
        self._sent_ends: dict[TopicPartition, int] = {}

    def __enter__(self) -> Deployment:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()
        self._workspace.close()

    # -- processes

    def environment(self, **others: Any) -> dict[str, str]:
        """The variables of a process of this deployment, and none of ours."""
        ours = ("TIERSTREAM_", "KAFKA_", "REDIS_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        settings = {**self._values, **others}
        given = {f"TIERSTREAM_{name.upper()}": str(value) for name, value in settings.items()}
        return kept | given

    def start_worker(self, **others: Any) -> RunningWorker:
        """Start a worker; it is not ready yet."""
        name = f"{self.settings.app_id}-{len(self._workers)}"
        environment = self.environment(**others)
        self._workers.append(RunningWorker(name, environment, self.folder, self._workspace))
        return self._workers[-1]

    async def ready_worker(self, **others: Any) -> RunningWorker:
        """Start a worker and wait until it is ready."""
        worker = self.start_worker(**others)
        await worker.ready()
        return worker

    def run(self, *arguments: str, **others: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*CLI, *arguments],
            cwd=ROOT,
            env=self.environment(**others),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    # -- topics

    async def create_topics(self) -> None:
        """Make all topics, and wait until the broker can keep the positions of our group."""
        await create_topics(self.settings)
        # A new cluster makes its own topic for positions at the first question for one. The client
        # would call that an error, in the log of a worker.
        await self._committed({TopicPartition(self.topic(CUSTOMER_EVENTS), 0): 0})

    def topic(self, name: str) -> str:
        """The full name of a topic."""
        return topic_name(self.settings, name)

    @asynccontextmanager
    async def sender(self) -> AsyncIterator[Send]:
        """Writes records, each topic partition in the order given; tells where each one is."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka_bootstrap_servers,
            enable_idempotence=self.settings.producer_idempotence,
            acks="all",
        )

        async def send(messages: Iterable[Message]) -> list[TopicPosition]:
            messages = list(messages)
            sent = [
                await producer.send(
                    self.topic(message.topic),
                    message.value,
                    message.key,
                    message.partition,
                    message.timestamp_ms,
                    list(message.headers),
                )
                for message in messages
            ]
            positions = [
                TopicPosition(record.topic, record.partition, record.offset)
                for record in await asyncio.gather(*sent)
            ]
            for message, position in zip(messages, positions, strict=True):
                self._note_sent(message, position)
            return positions

        async with producer:
            yield send

    async def send(self, messages: Iterable[Message]) -> list[TopicPosition]:
        """Write records with a sender of their own."""
        async with self.sender() as send:
            return await send(messages)

    def _note_sent(self, message: Message, position: TopicPosition) -> None:
        if message.topic in INPUTS:
            self.sent[position] = message.value
        tp = TopicPartition(position.topic, position.partition)
        self._sent_ends[tp] = max(position.offset + 1, self._sent_ends.get(tp, 0))

    async def read(self, name: str) -> list[list[ConsumerRecord]]:
        """All records of a topic, by partition."""
        return await self.read_full(self.topic(name))

    async def read_full(self, name: str) -> list[list[ConsumerRecord]]:
        """All records of a topic given by its full name, by partition."""
        tps = [TopicPartition(name, n) for n in range(self.settings.partitions)]
        async with self._consumer() as consumer:
            return [await _records(consumer, tp) for tp in tps]

    async def drained(self) -> None:
        """Wait until everything sent is forwarded, applied, written and committed."""
        inputs = {tp: end for tp, end in self._sent_ends.items() if _is_input(tp)}
        await self._committed(inputs)
        events = self.topic(CUSTOMER_EVENTS)
        ends: dict[TopicPartition, int] = {}
        for number, records in enumerate(await self.read(CUSTOMER_EVENTS)):
            ends[TopicPartition(events, number)] = records[-1].offset + 1 if records else 0
        await self._committed(ends)

    async def behind(self) -> int:
        """How many records sent to input topics are not committed yet."""
        async with self._consumer(group_id=self.settings.app_id) as group:
            return await _behind(group, self._sent_ends)

    async def _committed(self, ends: Mapping[TopicPartition, int]) -> None:
        deadline_s = time.monotonic() + DRAIN_TIMEOUT_S
        async with self._consumer(group_id=self.settings.app_id) as group:
            while behind := await _behind(group, ends):
                logs = "\n".join(worker.log for worker in self._workers)
                assert time.monotonic() < deadline_s, f"{behind} records are not done\n{logs}"
                await asyncio.sleep(_POLL_S)

    def _consumer(self, **arguments: Any) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka_bootstrap_servers,
            enable_auto_commit=False,
            fetch_max_wait_ms=20,  # what comes next waits for the fetch under way
            **arguments,
        )

    # -- what is durable

    async def dump(self, number: int) -> tuple[list[bytes], int]:
        """The log of a partition as `tierstream dump` writes it, and how much it left out."""
        target = io.BytesIO()
        _, repeated = await dump_partition(self.settings, number, target, lambda *_: None)
        return target.getvalue().splitlines(), repeated

    async def state(self, number: int) -> Partition:
        """The state of a partition as a worker would restore it."""
        return await read_state(self.settings, number)


async def _records(consumer: AIOKafkaConsumer, tp: TopicPartition) -> list[ConsumerRecord]:
    return [record async for records, _ in read_to_end(consumer, tp) for record in records]


async def _behind(group: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> int:
    group.assign(list(ends))
    return sum([max(0, end - (await group.committed(tp) or 0)) for tp, end in ends.items()])


def _is_input(tp: TopicPartition) -> bool:
    return str(tp.topic).rpartition(".")[2] in INPUTS


def _toml(value: Any) -> str:
    """A value in TOML, tables inline."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
