"""What the tests of the Faust plumbing share: topics, workers as processes, and what they left."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from config.settings import Settings
from devtools.servers import Broker
from streams.faust_app import BatchProducer
from streams.kafka.clients import new_producer
from tests.harness.apps.batch_worker import VERSION

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Lab:
    """Topics of one test on a broker."""

    broker: Broker
    app_id: str
    partitions: int

    @property
    def events(self) -> str:
        return f"{self.app_id}.events"

    @property
    def done(self) -> str:
        return f"{self.app_id}.done"

    @property
    def changelog(self) -> str:
        return f"{self.app_id}-counts-changelog"

    async def create_topics(self) -> None:
        compacted = {"cleanup.policy": "compact"}
        admin = AIOKafkaAdminClient(bootstrap_servers=self.broker.bootstrap_servers)
        await admin.start()
        try:
            await admin.create_topics(
                [
                    NewTopic(self.events, self.partitions, 1),
                    NewTopic(self.done, self.partitions, 1),
                    NewTopic(self.changelog, self.partitions, 1, topic_configs=compacted),
                ]
            )
        finally:
            await admin.close()

    def producer(self, **arguments: Any) -> BatchProducer:
        settings = Settings(
            kafka_bootstrap_servers=self.broker.bootstrap_servers,
            producer_idempotence=self.broker.idempotence,
        )
        return new_producer(settings, "lab", **arguments)

    async def fill(self, count: int, *, keys: int = 500, value: bytes = b"x" * 100) -> None:
        """Write ``count`` events, evenly over the partitions; a key is always in the same one."""
        records = (
            (number % self.partitions, b"k%d" % (number % (keys * self.partitions)), value)
            for number in range(count)
        )
        await self.write(self.events, records)

    async def write(self, topic: str, records: Iterable[tuple[int, bytes, bytes | None]]) -> None:
        producer = self.producer()
        await producer.start()
        try:
            for partition, key, value in records:
                producer.add(topic, partition, key, value)
                if producer.full:
                    await producer.flush()
            await producer.flush()
        finally:
            await producer.stop()

    async def committed(self) -> dict[int, int | None]:
        """The group's position in each partition of the events."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.broker.bootstrap_servers,
            group_id=self.app_id,
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            tps = [TopicPartition(self.events, number) for number in range(self.partitions)]
            consumer.assign(tps)
            return {tp.partition: await consumer.committed(tp) for tp in tps}
        finally:
            await consumer.stop()

    async def read(self, topic: str) -> list[Any]:
        """All records of ``topic``."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.broker.bootstrap_servers, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            tps = [TopicPartition(topic, number) for number in range(self.partitions)]
            consumer.assign(tps)
            await consumer.seek_to_beginning(*tps)
            records: list[Any] = []
            # By what fetches say: the embedded broker lists wrong end offsets.
            while any([await consumer.position(tp) != consumer.highwater(tp) for tp in tps]):
                for chunk in (await consumer.getmany(*tps, timeout_ms=200)).values():
                    records += chunk
            return records
        finally:
            await consumer.stop()

    async def done_ranges(self) -> dict[int, list[tuple[int, int]]]:
        """The batches that were done, as first and last offset, by partition in order of doing."""
        ranges: dict[int, list[tuple[int, int]]] = {n: [] for n in range(self.partitions)}
        for record in await self.read(self.done):
            partition, first, last = map(int, record.value.split())
            ranges[partition].append((first, last))
        return ranges

    async def counts(self) -> dict[bytes, int]:
        """The newest count of each key in the changelog."""
        newest: dict[bytes, tuple[int, int, int]] = {}
        for record in await self.read(self.changelog):
            version = VERSION.unpack(record.value)
            newest[record.key] = max(newest.get(record.key, (0, 0, 0)), version)
        return {key: count for key, (_, _, count) in newest.items()}


def overlaps(ranges: list[tuple[int, int]]) -> int:
    """How many batches of a partition began before the one done just before them ended."""
    return sum(first <= last for (_, last), (first, _) in itertools.pairwise(ranges))


class WorkerProcess:
    """`tests.harness.apps.batch_worker` as a process."""

    def __init__(self, lab: Lab, folder: Path, name: str, **options: Any) -> None:
        self.name = name
        self._stdout = folder / f"{name}.out"
        self._stderr = folder / f"{name}.err"
        given = {
            "servers": lab.broker.bootstrap_servers,
            "app_id": lab.app_id,
            "events": lab.events,
            "done": lab.done,
            "idempotence": lab.broker.idempotence,
            # The embedded broker keeps every join waiting this long.
            "rebalance_timeout_ms": 1_000 if lab.broker.kind == "embedded" else 10_000,
            **options,
        }
        with self._stdout.open("w") as out, self._stderr.open("w") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.harness.apps.batch_worker", json.dumps(given)],
                cwd=_ROOT,
                stdout=out,
                stderr=err,
            )

    def told(self, event: str, **facts: Any) -> list[dict[str, Any]]:
        """What the worker told of ``event`` so far, where the facts match."""
        lines = [json.loads(line) for line in self._stdout.read_text().splitlines()]
        return [
            line
            for line in lines
            if line["event"] == event and all(line[name] == fact for name, fact in facts.items())
        ]

    def wait_for(self, event: str, *, times: int = 1, timeout_s: float = 90, **facts: Any) -> None:
        """Wait until the worker told ``event`` so many times."""
        deadline_s = time.monotonic() + timeout_s
        while len(self.told(event, **facts)) < times:
            assert time.monotonic() < deadline_s, f"{self.name}: no {event}\n{self.log}"
            assert self._process.poll() is None, f"{self.name} ended\n{self.log}"
            time.sleep(0.05)

    def wait_for_log(self, text: str) -> None:
        """Wait until its log has ``text``."""
        deadline_s = time.monotonic() + 90
        while text not in self.log:
            assert time.monotonic() < deadline_s, f"{self.name}: no {text}\n{self.log}"
            time.sleep(0.05)

    def quiet_for(self, duration_s: float) -> None:
        """Wait, and see that it tells nothing and goes on running."""
        before = self._stdout.read_text()
        time.sleep(duration_s)
        assert self._stdout.read_text() == before
        assert self._process.poll() is None, self.log

    def wait_until_done(self, records: int) -> None:
        """Wait until it has flushed so many records."""
        deadline_s = time.monotonic() + 90
        while not (flushed := self.told("flushed")) or flushed[-1]["done"] < records:
            assert time.monotonic() < deadline_s, f"{self.name}: {flushed[-1:]}\n{self.log}"
            assert self._process.poll() is None, f"{self.name} ended\n{self.log}"
            time.sleep(0.05)

    @property
    def log(self) -> str:
        """Its log."""
        return self._stderr.read_text()

    def kill(self) -> None:
        """End it at once, with nothing cleaned up."""
        self._process.kill()
        self._process.wait()

    def terminate(self, timeout_s: float = 20) -> int:
        """Ask it to stop; its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.exit_code(timeout_s)

    def exit_code(self, timeout_s: float = 90) -> int:
        """Wait for its end."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end\n{self.log}") from None

    def end(self) -> None:
        """Make sure that it is gone."""
        if self._process.poll() is None:
            self.kill()
