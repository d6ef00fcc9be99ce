"""`python -m bench.restore`: how long a worker on one core takes to have a million customers back.

A changelog on Apache Kafka is filled with the states of that many customers. Then a worker process
is started on a core of its own, the broker kept on another, and timed until it is ready: with all
partitions assigned and restored.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from bench.changelog import LOG_POSITIONS, Changelog, fill
from bench.facts import show_facts
from bench.offline import APP_ID
from bench.processes import cpu_seconds, peak_resident_bytes, pin
from bench.workers import Workers
from config.policy_file import load_policy
from config.settings import Settings
from devtools.servers import Broker, LocalServerError, start_broker
from streams.kafka.clients import new_consumer
from streams.kafka.topics import CUSTOMER_EVENTS, create_topics, topic_name
from streams.policy_log import ensure_policy
from streams.runtime.clock import wall_ms

PARTITIONS = 4


class Restore(NamedTuple):
    """What a restore took. CPU is user and system time of the worker since its start."""

    changelog: Changelog
    ready_seconds: float
    """From the start of the process."""
    assigned_seconds: float
    """From the assignment of the partitions to the end of their restore."""
    cpu_seconds: float
    idle_cpu_seconds: float
    """What the same worker took to be ready with nothing to restore."""
    peak_bytes: int
    idle_peak_bytes: int


def settings_of(broker: Broker) -> Settings:
    """The deployment that is measured."""
    return Settings(
        app_id=APP_ID,
        topic_prefix="bench.",
        kafka_bootstrap_servers=broker.bootstrap_servers,
        partitions=PARTITIONS,
    )


def run(broker: Broker, customers: int, seed: int, tell: Callable[[str], None]) -> Restore:
    """Fill the changelog and restore it."""
    end_ms = wall_ms()
    cores = sorted(os.sched_getaffinity(0))
    settings = settings_of(broker)
    with tempfile.TemporaryDirectory(prefix="tierstream-bench-") as folder:
        asyncio.run(create_topics(settings))
        asyncio.run(ensure_policy(settings, load_policy()))
        tell("a worker with nothing to restore")
        idle = _start(settings, Path(folder), cores[0])
        tell(f"writing the states of {customers:,} customers")
        changelog = asyncio.run(fill(settings, customers, end_ms, seed))
        asyncio.run(commit_states(settings))
        for node in broker.nodes:
            if node.pid is not None and len(cores) > 1:
                pin(node.pid, cores[1])
        tell(f"restoring {changelog.records:,} records")
        restored = _start(settings, Path(folder), cores[0])
    return Restore(changelog, *restored[:3], idle[2], restored[3], idle[3])


def _start(settings: Settings, folder: Path, core: int) -> tuple[float, float, float, int]:
    """Start a worker on one core and stop it when it is ready: seconds, CPU, peak memory."""
    began_s = time.monotonic()
    with Workers(1, environment_of(settings), folder, core=core) as workers:
        workers.wait_until_ready()
        ready_s = time.monotonic() - began_s
        [pid] = workers.pids
        cpu_s, peak_bytes = cpu_seconds(pid), peak_resident_bytes(pid)
        [metrics] = workers.metrics()
    return ready_s, _mean_restore_seconds(metrics), cpu_s, peak_bytes


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables of a worker with these settings."""
    return {
        "TIERSTREAM_APP_ID": settings.app_id,
        "TIERSTREAM_TOPIC_PREFIX": settings.topic_prefix,
        "TIERSTREAM_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "TIERSTREAM_PARTITIONS": str(settings.partitions),
        "TIERSTREAM_MODE": "live",
        "TIERSTREAM_LOG_FORMAT": "console",
    }


def metric(metrics: str, name: str) -> float:
    """The value of a metric without labels, in the text of `/metrics`."""
    samples = {
        sample.name: sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
    }
    return float(samples[name])


def _mean_restore_seconds(metrics: str) -> float:
    """The mean over the partitions, which are restored together."""
    name = "tierstream_restore_duration_seconds"
    return metric(metrics, f"{name}_sum") / metric(metrics, f"{name}_count")


async def commit_states(settings: Settings) -> None:
    """Commit what the states reflect, as their owner did."""
    consumer = new_consumer(settings, group_id=settings.app_id)
    topic = topic_name(settings, CUSTOMER_EVENTS)
    await consumer.start()
    try:
        tps = [TopicPartition(topic, number) for number in range(settings.partitions)]
        consumer.assign(tps)
        await consumer.commit({tp: OffsetAndMetadata(LOG_POSITIONS + 1, "") for tp in tps})
    finally:
        await consumer.stop()


def _facts(found: Restore) -> dict[str, float]:
    records = found.changelog.records
    cpu_s = found.cpu_seconds - found.idle_cpu_seconds
    return {
        "customers": found.changelog.customers,
        "changelog records": records,
        "bytes of a state": round(found.changelog.value_bytes / records),
        "seconds from process start to ready": round(found.ready_seconds, 2),
        "seconds from assignment to restored": round(found.assigned_seconds, 2),
        "CPU seconds of the worker": round(found.cpu_seconds, 2),
        "… of them without anything to restore": round(found.idle_cpu_seconds, 2),
        "CPU µs a record": round(cpu_s / records * 1e6, 2),
        "peak memory, MiB": round(found.peak_bytes / 2**20),
        "… without anything to restore, MiB": round(found.idle_peak_bytes / 2**20),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.restore", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    arguments = parser.parse_args()
    console = Console(stderr=True, highlight=False)
    try:
        with start_broker("kafka", progress=console.print) as broker:
            found = run(broker, arguments.customers, arguments.seed, console.print)
    except LocalServerError as error:
        console.print(f"bench: {error}")
        return 1
    facts = _facts(found)
    show_facts("restore on one core", facts, as_json=arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
