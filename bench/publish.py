"""`python -m bench.publish`: how long other events wait while a million customers change policy.

A changelog on Apache Kafka is filled with the states of that many customers, and one worker
restores them. Orders of new customers come at a constant rate, each of which must move its customer
to a tier. The time from writing an order to reading its `tier.changed` is taken before a policy is
published, in the first seconds after it, and until all customers had their turn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

from aiokafka import TopicPartition
from msgspec.structs import replace
from rich.console import Console

from bench.changelog import fill
from bench.facts import show_facts
from bench.processes import pin
from bench.restore import PARTITIONS, commit_states, environment_of, metric, settings_of
from bench.workers import Workers
from config.policy_file import load_policy
from config.settings import Settings
from devtools.servers import Broker, LocalServerError, start_broker
from handlers.outputs import TIER_CHANGES
from handlers.state.formats import NEWEST
from handlers.state.partition_state import Meta
from scoring.timestamps import rfc3339
from streams.changelog import newest_meta
from streams.kafka.clients import new_consumer, new_producer
from streams.kafka.topics import changelog_name, create_topics, topic_name
from streams.policy_log import ensure_policy, publish_policy
from streams.runtime.clock import wall_ms

_EVERY_S = 0.1
_FIRST_S = 10.0


class Publish(NamedTuple):
    """Seconds that orders took: those sent before the publish, right after it, and later."""

    before: list[float]
    first: list[float]
    later: list[float]
    watched_seconds: float
    """Since the publish; to the end of the round, if that came."""
    waiting: float
    """Customers who had no turn by then."""


def run(
    broker: Broker, customers: int, seed: int, most_s: float, tell: Callable[[str], None]
) -> Publish:
    """Fill the changelog, restore it, publish, and take the times, for so long at most."""
    end_ms = wall_ms()
    cores = sorted(os.sched_getaffinity(0))
    settings = settings_of(broker)
    asyncio.run(create_topics(settings))
    asyncio.run(ensure_policy(settings, load_policy()))
    tell(f"writing the states of {customers:,} customers")
    asyncio.run(fill(settings, customers, end_ms, seed))
    asyncio.run(commit_states(settings))
    if len(cores) > 1:
        for node in broker.nodes:
            if node.pid is not None:
                pin(node.pid, cores[1])
    with tempfile.TemporaryDirectory(prefix="tierstream-bench-") as folder:
        environment = environment_of(settings)
        with Workers(1, environment, Path(folder), core=cores[0]) as workers:
            tell("restoring them")
            workers.wait_until_ready()
            return asyncio.run(_Orders(settings, workers, tell).measure(most_s))


class _Orders:
    """Orders of new customers, and when their tier changes came."""

    def __init__(self, settings: Settings, workers: Workers, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._workers = workers
        self._tell = tell
        self._sent_s: dict[str, float] = {}
        self._took_s: dict[str, float] = {}
        self._ends = False

    async def measure(self, most_s: float) -> Publish:
        """Publish among orders, and wait until all customers had their turn."""
        reading = asyncio.create_task(self._read())
        sending = asyncio.create_task(self._send())
        await asyncio.sleep(_FIRST_S)
        policy = load_policy()
        tiers = tuple(replace(tier, action=f"{tier.name} again") for tier in policy.tiers)
        self._tell("publishing another policy")
        published_s = time.monotonic()
        other = replace(policy, version="another", tiers=tiers, window_days=180)
        await publish_policy(self._settings, other, await self._running())
        await asyncio.sleep(_FIRST_S)
        waiting = await self._waiting()
        for _ in range(round(most_s - _FIRST_S)):
            if not waiting:
                break
            await asyncio.sleep(1)
            waiting = await self._waiting()
        watched_s = time.monotonic() - published_s
        self._ends = True
        await sending
        await asyncio.wait_for(reading, 60)
        return self._found(published_s, watched_s, waiting)

    def _found(self, published_s: float, watched_s: float, waiting: float) -> Publish:
        phases: tuple[list[float], list[float], list[float]] = [], [], []
        for order, sent_s in self._sent_s.items():
            since = sent_s - published_s
            phase = 0 if since < 0 else 1 if since < _FIRST_S else 2
            phases[phase].append(self._took_s[order])
        return Publish(*phases, watched_s, waiting)

    async def _running(self) -> Meta:
        """The state of a partition, in a format that has customers go in turns."""
        consumer = new_consumer(self._settings)
        await consumer.start()
        try:
            found = await newest_meta(consumer, TopicPartition(changelog_name(self._settings), 0))
        finally:
            await consumer.stop()
        assert found is not None, "the changelog was filled"
        return replace(found, format=NEWEST)

    async def _waiting(self) -> float:
        [text] = await asyncio.to_thread(self._workers.metrics)
        return metric(text, "tierstream_policy_waiting_customers")

    async def _send(self) -> None:
        producer = new_producer(self._settings, "bench")
        topic = topic_name(self._settings, "orders")
        await producer.start()
        try:
            while not self._ends:
                order = f"new-{len(self._sent_s)}"
                document = {
                    "event_id": order,
                    "type": "order.placed",
                    "customer_id": order,
                    "occurred_at": rfc3339(wall_ms()),
                    "order_id": order,
                    "amount": "12.50",
                    "currency": "USD",
                }
                self._sent_s[order] = time.monotonic()
                producer.add(topic, 0, order.encode(), json.dumps(document).encode(), ())
                await producer.flush()
                await asyncio.sleep(_EVERY_S)
        finally:
            await producer.stop()

    async def _read(self) -> None:
        """Note when each tier change of a new customer came, until all came."""
        consumer = new_consumer(self._settings)
        await consumer.start()
        try:
            topic = topic_name(self._settings, TIER_CHANGES)
            consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
            await consumer.seek_to_end()
            while not self._ends or len(self._took_s) < len(self._sent_s):
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    for record in records:
                        order = record.key.decode()
                        if order in self._sent_s and order not in self._took_s:
                            self._took_s[order] = time.monotonic() - self._sent_s[order]
        finally:
            await consumer.stop()


def _facts(customers: int, found: Publish) -> dict[str, float]:
    facts: dict[str, float] = {"customers": customers}
    for name, times in (
        ("before the publish", found.before),
        (f"in the first {_FIRST_S:g} s after it", found.first),
        ("later", found.later),
    ):
        if times:
            facts[f"orders {name}"] = len(times)
            facts[f"seconds for half of those {name}"] = round(median(times), 3)
            facts[f"seconds for each of those {name}, at most"] = round(max(times), 3)
    facts["seconds watched since the publish"] = round(found.watched_seconds, 1)
    facts["customers who then still waited, at most"] = round(found.waiting)
    return facts


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.publish", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1_800, help="watch for so long at most")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    arguments = parser.parse_args()
    console = Console(stderr=True, highlight=False)
    try:
        with start_broker("kafka", progress=console.print) as broker:
            found = run(
                broker, arguments.customers, arguments.seed, arguments.seconds, console.print
            )
    except LocalServerError as error:
        console.print(f"bench: {error}")
        return 1
    facts = _facts(arguments.customers, found)
    show_facts("other events while a policy is published", facts, as_json=arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
