"""`python -m bench.latency`: how long an event takes to its output, at given rates.

One worker on Apache Kafka gets events at a constant rate, whether or not the ones before are
answered: four in ten are first orders, each of which moves a new customer to a tier; the others are
page views of known customers. A time runs from the instant at which an order was meant to be sent
to the reading of its `tier.changed`, so it holds the way into Kafka and out of it as well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import orjson
from aiokafka import TopicPartition
from rich.console import Console
from rich.table import Table

from bench.processes import cpu_seconds
from bench.restore import PARTITIONS, environment_of, settings_of
from bench.workers import Workers
from config.policy_file import load_policy
from config.settings import Settings
from devtools.servers import Broker, LocalServerError, start_broker
from handlers.outputs import TIER_CHANGES
from scoring.timestamps import rfc3339
from streams.kafka.clients import new_consumer, new_producer
from streams.kafka.topics import create_topics, topic_name
from streams.policy_log import ensure_policy
from streams.runtime.clock import wall_ms

_ORDERS_IN_TEN = 4
_KNOWN_CUSTOMERS = 20_000
_WARM_UP_S = 3.0
_ANSWERED_WITHIN_S = 30.0


class Latency(NamedTuple):
    """What was measured at one rate, from event to output."""

    rate: int
    outputs: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    worker_core: float
    """CPU seconds of the worker a second."""
    broker_core: float


def run(
    broker: Broker, rates: Sequence[int], seconds: float, tell: Callable[[str], None]
) -> list[Latency]:
    """Start a worker and measure at one rate after another."""
    settings = settings_of(broker)
    asyncio.run(create_topics(settings))
    asyncio.run(ensure_policy(settings, load_policy()))
    pids = [node.pid for node in broker.nodes if node.pid is not None]
    with (
        tempfile.TemporaryDirectory(prefix="tierstream-bench-") as folder,
        Workers(1, environment_of(settings), Path(folder)) as workers,
    ):
        workers.wait_until_ready()
        found: list[Latency] = []
        for rate in rates:
            tell(f"{rate:,} events/s")
            events = Events(settings, f"{rate}-{len(found)}")
            found.append(asyncio.run(events.measure(rate, seconds, workers.pids[0], pids)))
            workers.check()
        return found


class Events:
    """Events at a constant rate, and when the outputs of their orders came."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._meant_s: dict[str, float] = {}
        self._took_s: dict[str, float] = {}
        self._has_sent = False
        self._all_came = asyncio.Event()

    async def measure(
        self, rate: int, seconds: float, worker: int, brokers: Sequence[int]
    ) -> Latency:
        """Warm up, send for so long, and wait for the last output."""
        async with self._answers():
            await self._send(rate, _WARM_UP_S)
            self._forget()
            worker_began_s, broker_began_s = cpu_seconds(worker), sum(map(cpu_seconds, brokers))
            began_s = time.monotonic()
            await self._send(rate, seconds)
            elapsed_s = time.monotonic() - began_s
            worker_s = cpu_seconds(worker) - worker_began_s
            broker_s = sum(map(cpu_seconds, brokers)) - broker_began_s
        took_ms = sorted(1_000 * took_s for took_s in self._took_s.values()) or [0.0]
        return Latency(
            rate,
            len(self._took_s),
            took_ms[len(took_ms) // 2],
            took_ms[int(len(took_ms) * 0.99)],
            took_ms[-1],
            worker_s / elapsed_s,
            broker_s / elapsed_s,
        )

    async def waits(self, steps: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
        """Warm up, send at one rate after another, each for so many seconds.

        Returns:
            for each order when it was to be sent, in seconds since the first, and its wait.
        """
        async with self._answers():
            await self._send(steps[0][0], _WARM_UP_S)
            self._forget()
            began_s = time.monotonic()
            for rate, seconds in steps:
                await self._send(rate, seconds)
        meant_s = self._meant_s
        return [(meant_s[name] - began_s, took_s) for name, took_s in self._took_s.items()]

    @asynccontextmanager
    async def _answers(self) -> AsyncIterator[None]:
        """Read outputs meanwhile, and at the end until the last has come."""
        reader = new_consumer(self._settings)
        await reader.start()
        topic = topic_name(self._settings, TIER_CHANGES)
        reader.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
        await reader.seek_to_end()
        reading = asyncio.create_task(self._read(reader))
        try:
            yield
            self._has_sent = True
            if len(self._took_s) < len(self._meant_s):
                async with asyncio.timeout(_ANSWERED_WITHIN_S):
                    await self._all_came.wait()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await reader.stop()

    def _forget(self) -> None:
        """Forget what was sent and read so far."""
        self._meant_s.clear()
        self._took_s.clear()

    async def _send(self, rate: int, seconds: float) -> None:
        """What is due goes out together, as soon as what went before is acknowledged."""
        producer = new_producer(self._settings, "bench")
        await producer.start()
        began_s, sent, count = time.monotonic(), 0, int(rate * seconds)
        try:
            while (passed_s := time.monotonic() - began_s) < seconds or sent < count:
                due = min(count, int(passed_s * rate))
                for number in range(sent, due):
                    topic, customer_id, value = self._event(number, began_s + number / rate)
                    partition = hash(customer_id) % PARTITIONS
                    producer.add(topic, partition, customer_id.encode(), value)
                await producer.flush()
                sent = due
                next_s = began_s + (sent + 1) / rate if rate else began_s + seconds
                await asyncio.sleep(max(0.0, min(0.05, next_s - time.monotonic())))
        finally:
            await producer.stop()

    def _event(self, number: int, meant_s: float) -> tuple[str, str, bytes]:
        """An event of this number: its topic, customer and value."""
        event_id = f"{self._name}-{int(meant_s * 1e6)}"
        event = {"event_id": event_id, "occurred_at": rfc3339(wall_ms())}
        if number % 10 < _ORDERS_IN_TEN:
            self._meant_s[event_id] = meant_s
            customer_id, topic = event_id, "orders"
            event |= {"type": "order.placed", "order_id": event_id}
            event |= {"amount": "60", "currency": "USD"}
        else:
            customer_id, topic = f"customer-{number * 7_919 % _KNOWN_CUSTOMERS}", "browse"
            event |= {"type": "page.viewed", "url": "https://shop.example/books/7"}
        event["customer_id"] = customer_id
        return topic_name(self._settings, topic), customer_id, orjson.dumps(event)

    async def _read(self, reader: object) -> None:
        """Note when each tier change came."""
        while True:
            for records in (await reader.getmany(timeout_ms=1_000)).values():  # type: ignore[attr-defined]
                now_s = time.monotonic()
                for record in records:
                    meant_s = self._meant_s.get(record.key.decode())
                    if meant_s is not None:
                        self._took_s.setdefault(record.key.decode(), now_s - meant_s)
                if len(self._took_s) >= len(self._meant_s) and self._has_sent:
                    self._all_came.set()


def _table(found: Sequence[Latency]) -> Table:
    table = Table("events/s", "outputs", "p50 ms", "p99 ms", "worst ms", "worker", "broker")
    for one in found:
        times = (f"{took_ms:.1f}" for took_ms in (one.p50_ms, one.p99_ms, one.worst_ms))
        cores = (f"{core:.1%}" for core in (one.worker_core, one.broker_core))
        table.add_row(f"{one.rate:,}", f"{one.outputs:,}", *times, *cores)
    return table


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__)
    parser.add_argument("--rates", default="0,50,500,1500", help="events/s, with commas between")
    parser.add_argument("--seconds", type=float, default=15, help="at each rate")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    arguments = parser.parse_args()
    rates = [int(rate) for rate in arguments.rates.split(",")]
    console = Console(stderr=True, highlight=False)
    try:
        with start_broker("kafka", progress=console.print) as broker:
            found = run(broker, rates, arguments.seconds, console.print)
    except LocalServerError as error:
        console.print(f"bench: {error}")
        return 1
    if arguments.json:
        print(json.dumps([one._asdict() for one in found]))
    else:
        Console().print(_table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
