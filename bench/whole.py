"""The whole path on Apache Kafka: worker processes from input topics to durable profiles.

Workers start on empty topics and are frozen while the load is put into the input topics. The clock
runs from their thaw to the commit of the last event by the engine: a commit comes after outputs,
states and profiles were acknowledged by all replicas.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.load import Load
from bench.processes import cpu_seconds, resident_bytes
from bench.progress import Progress
from bench.reading import Reading, read_all
from bench.topics import is_committed, partitions_of
from bench.workers import Workers
from config.policy_file import load_policy
from config.settings import Settings
from devtools.servers import Broker
from devtools.traffic.sender import open_sender
from handlers import outputs
from streams.kafka.clients import new_consumer
from streams.kafka.headers import META_KEY
from streams.kafka.topics import (
    CUSTOMER_EVENTS,
    INPUT_TOPICS,
    OUTPUTS,
    changelog_name,
    create_topics,
    topic_name,
)
from streams.policy_log import ensure_policy
from streams.runtime.clock import wall_ms

PARTITIONS = 4
_POLL_S = 0.1
_AT_MOST_S = 1_800.0
_SPAN_MS = 180_000
_FROZEN_AT_MOST = "10m"
"""The group must not take frozen workers for dead."""


class Plan(NamedTuple):
    """What to run."""

    events: int
    customers: int
    workers: int
    seed: int


class WholePath(NamedTuple):
    """What came of it. CPU is user and system time; `workers` all of them together."""

    plan: Plan
    reading: Reading
    seconds: float
    worker_cpu_seconds: float
    broker_cpu_seconds: float
    idle_resident_bytes: int
    resident_bytes: int
    records: dict[str, int]
    """Records written, by what they are."""
    state_bytes: int
    """Of the newest state records together."""

    @property
    def events_per_second(self) -> float:
        """Of the whole path."""
        return self.plan.events / self.seconds

    @property
    def worker_us(self) -> float:
        """CPU µs an event of all workers."""
        return self.worker_cpu_seconds / self.plan.events * 1e6

    @property
    def broker_us(self) -> float:
        """CPU µs an event of the broker."""
        return self.broker_cpu_seconds / self.plan.events * 1e6


def run(broker: Broker, plan: Plan, folder: Path, tell: Callable[[str], None]) -> WholePath:
    """Load the topics, read them for the limit, let workers take the whole path."""
    settings = Settings(
        app_id="bench",
        topic_prefix="bench.",
        kafka_bootstrap_servers=broker.bootstrap_servers,
        partitions=PARTITIONS,
    )
    asyncio.run(_prepare(settings))
    inputs = [topic_name(settings, name) for name in INPUT_TOPICS]
    environment = {
        "TIERSTREAM_APP_ID": settings.app_id,
        "TIERSTREAM_TOPIC_PREFIX": settings.topic_prefix,
        "TIERSTREAM_KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "TIERSTREAM_PARTITIONS": str(PARTITIONS),
        "TIERSTREAM_MODE": "live",
        "TIERSTREAM_LOG_FORMAT": "console",
        "TIERSTREAM_SESSION_TIMEOUT": _FROZEN_AT_MOST,
    }
    broker_pids = [node.pid for node in broker.nodes if node.pid is not None]
    tell(f"starting {plan.workers} worker process{'es' * (plan.workers > 1)}")
    with Workers(plan.workers, environment, folder) as workers:
        workers.wait_until_ready()
        idle_bytes = sum(map(resident_bytes, workers.pids))
        workers.pause()
        tell(f"loading {plan.events:,} events of {plan.customers:,} customers")
        asyncio.run(_load(settings, plan))
        tell("reading limit")
        reading = read_all(broker.bootstrap_servers, inputs, PARTITIONS)
        tell("whole path")
        workers_began_s = sum(map(cpu_seconds, workers.pids))
        broker_began_s = sum(map(cpu_seconds, broker_pids))
        began_s = time.monotonic()
        workers.resume()
        asyncio.run(until_committed(settings, inputs, workers.check))
        seconds = time.monotonic() - began_s
        worker_cpu_s = sum(map(cpu_seconds, workers.pids)) - workers_began_s
        broker_cpu_s = sum(map(cpu_seconds, broker_pids)) - broker_began_s
        busy_bytes = sum(map(resident_bytes, workers.pids))
    records, state_bytes = asyncio.run(_written(settings))
    return WholePath(
        plan,
        reading,
        seconds,
        worker_cpu_s,
        broker_cpu_s,
        idle_bytes,
        busy_bytes,
        records,
        state_bytes,
    )


async def _prepare(settings: Settings) -> None:
    await create_topics(settings)
    await ensure_policy(settings, load_policy())


async def _load(settings: Settings, plan: Plan) -> None:
    load = Load(plan.events, plan.customers, wall_ms(), _SPAN_MS, seed=plan.seed)
    async with open_sender(settings) as sender:
        await sender.send(load.records())


async def until_committed(
    settings: Settings,
    inputs: Sequence[str],
    check: Callable[[], None],
    at_most_s: float = _AT_MOST_S,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Until ingest has committed its inputs, and the engine all that ingest had written by then.

    Args:
        settings: of the deployment.
        inputs: topics.
        check: raises if a worker ended.
        at_most_s: how long it may take.
        tell: takes progress.

    Raises:
        TimeoutError: it takes longer than `at_most_s`.
    """
    consumer = new_consumer(settings, group_id=settings.app_id)
    await consumer.start()
    try:
        async with asyncio.timeout(at_most_s):
            for topics in (inputs, [topic_name(settings, CUSTOMER_EVENTS)]):
                tps = partitions_of(settings, topics)
                consumer.assign(tps)
                ends = await consumer.end_offsets(tps)
                progress = Progress(tell, ends)
                while not await is_committed(consumer, ends):
                    check()
                    await progress.tell(consumer)
                    await asyncio.sleep(_POLL_S)
    finally:
        await consumer.stop()


async def _written(settings: Settings) -> tuple[dict[str, int], int]:
    """Records by topic, and the bytes of the newest state of every customer."""
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        names = {
            "canonical log": [topic_name(settings, CUSTOMER_EVENTS)],
            "outputs": [topic_name(settings, name) for name in OUTPUTS],
            "profiles": [topic_name(settings, outputs.CUSTOMER_PROFILES)],
            "states": [changelog_name(settings)],
        }
        counts = {}
        for name, topics in names.items():
            counts[name] = sum(
                (await consumer.end_offsets(partitions_of(settings, topics))).values()
            )
        newest: dict[bytes, int] = {}
        tps = partitions_of(settings, [changelog_name(settings)])
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        left = counts["states"]
        while left > 0:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                left -= len(records)
                newest.update((record.key, len(record.value)) for record in records)
        newest.pop(META_KEY, None)
    finally:
        await consumer.stop()
    return counts, sum(newest.values())
