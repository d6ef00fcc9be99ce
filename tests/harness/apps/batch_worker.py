"""A small worker on the batched transport, run as a process of its own by the tests.

It counts events per key in the table ``counts``. A flush writes, by the batch: one line for each
batch to the topic of what is done, then the changed counts to the changelog; then it acks. What
happens is told on stdout, one JSON object a line.

Usage: batch_worker.py OPTIONS_AS_JSON, see `Options`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import struct
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from faust.types import StreamT

from config.settings import Settings
from streams.faust_app import (
    Batch,
    BatchLimits,
    FaustOptions,
    PartitionedTable,
    add_table,
    create_app,
    run_worker,
)
from streams.faust_app.batch import BatchEvent, batch_events
from streams.kafka.clients import new_producer

VERSION = struct.Struct(">QQQ")  # generation, applied offset, count


@dataclass
class Options:
    """What a test asks for."""

    servers: str
    app_id: str
    events: str
    done: str
    idempotence: bool
    rebalance_timeout_ms: int
    max_poll_interval_ms: int = 300_000
    commit_interval_ms: int = 300
    flush_interval_s: float = 0.05
    fail_in: str = ""  # "agent", "flush", "restore", "restored"
    fail_at: int = 0  # the offset of the poison, for an agent
    auto_ack: bool = False  # Faust acks when the agent asks for the next batch
    ack_backwards: bool = False
    hang: bool = False  # the flush never ends
    batch_takes_s: float = 0.0
    restore_takes_s: float = 0.0  # busy for so long with each restored batch
    limits: dict[str, int] = field(default_factory=dict)


def tell(event: str, **facts: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, "pid": os.getpid(), **facts}) + "\n")
    sys.stdout.flush()


class Counts:
    """The counts of one partition."""

    def __init__(self, number: int, options: Options) -> None:
        self.number = number
        self.generation = 0
        self.applied = -1
        self.counts: Counter[bytes] = Counter()
        self.changed: dict[bytes, bytes] = {}
        self.fresh = True  # no event since it was restored
        self._versions: dict[bytes, tuple[int, int]] = {}
        self._options = options
        self._restored_records = 0

    def restore(self, batch: Batch) -> None:
        if self._options.fail_in == "restore":
            raise ValueError("this record cannot be restored")
        busy_until_s = time.monotonic() + self._options.restore_takes_s
        while time.monotonic() < busy_until_s:
            pass  # as hard as a restore works: the heartbeats have to get through beside it
        for record in batch.records:
            key, value = record.key, record.value
            assert key is not None
            assert value is not None
            generation, offset, count = VERSION.unpack(value)
            if (generation, offset) >= self._versions.get(key, (0, -1)):
                self._versions[key] = (generation, offset)
                self.counts[key] = count
            self.applied = max(self.applied, offset)
        self._restored_records += len(batch)

    def on_restored(self, generation: int) -> None:
        if self._options.fail_in == "restored":
            raise ValueError("this partition cannot be taken over")
        self.generation = generation
        self.fresh = True
        tell(
            "restored",
            partition=self.number,
            generation=generation,
            keys=len(self.counts),
            total=self.counts.total(),
            records=self._restored_records,
        )

    def on_revoked(self) -> None:
        tell("revoked", partition=self.number, keys=len(self.counts))

    def apply(self, batch: Batch) -> None:
        for record in batch.records:
            if record.offset <= self.applied:
                continue  # applied before, the commit came too late
            key = record.key or b""
            self.counts[key] += 1
            self.applied = record.offset
            self._versions[key] = (self.generation, record.offset)
            self.changed[key] = VERSION.pack(self.generation, record.offset, self.counts[key])


class Worker:
    """What the agent and the flush share."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.app = create_app(
            FaustOptions(
                app_id=options.app_id,
                broker_urls=tuple(f"kafka://{server}" for server in options.servers.split(",")),
                session_timeout_ms=6_000,
                rebalance_timeout_ms=options.rebalance_timeout_ms,
                heartbeat_interval_ms=300,
                max_poll_interval_ms=options.max_poll_interval_ms,
                commit_interval_ms=options.commit_interval_ms,
                limits=BatchLimits(**options.limits),
            )
        )
        self.table: PartitionedTable[Counts] = add_table(
            self.app, "counts", lambda number: Counts(number, options)
        )
        settings = Settings(
            kafka_bootstrap_servers=options.servers, producer_idempotence=options.idempotence
        )
        self.producer = new_producer(settings, "counter")
        self.pending: list[BatchEvent] = []
        self.flushing = asyncio.Lock()
        self.done_records = 0

        topic = self.app.batch_topic(options.events)
        self.app.agent(topic, name="count")(self.count_at_once if options.auto_ack else self.count)
        self.app.on_drain(self.flush)
        self.app.task(self.flush_often)

    async def count(self, stream: StreamT[Batch]) -> None:
        async for event in batch_events(stream):
            await self.take(event.value)
            self.pending.append(event)

    async def count_at_once(self, stream: StreamT[Batch]) -> None:
        async for batch in stream:
            await self.take(batch)
            await self.write([batch])

    async def take(self, batch: Batch) -> None:
        state = self.table.states.partition(batch.tp.partition)
        if state.fresh:
            state.fresh = False
            tell("first", partition=batch.tp.partition, offset=batch.first_offset)
        await asyncio.sleep(self.options.batch_takes_s)
        poison_here = batch.first_offset <= self.options.fail_at <= batch.last_offset
        if self.options.fail_in == "agent" and poison_here:
            raise ValueError("the poison was taken")
        state.apply(batch)

    async def flush_often(self) -> None:
        await self.producer.start()
        while True:
            await asyncio.sleep(self.options.flush_interval_s)
            await self.flush()

    async def flush(self) -> None:
        async with self.flushing:
            taken, self.pending = self.pending, []
            if not taken:
                return
            if self.options.hang:
                await asyncio.Event().wait()
            if self.options.fail_in == "flush":
                raise ValueError("the flush failed")
            await self.write([event.value for event in taken])
            for event in reversed(taken) if self.options.ack_backwards else taken:
                event.ack()

    async def write(self, batches: list[Batch]) -> None:
        for batch in batches:
            line = f"{batch.tp.partition} {batch.first_offset} {batch.last_offset}"
            self.producer.add(self.options.done, batch.tp.partition, None, line.encode())
        await self.producer.flush()
        for number, state in self.table.states.partitions().items():
            for key, value in state.changed.items():
                self.producer.add(self.table.changelog_topic_name, number, key, value)
            state.changed = {}
        for tp, offset in (await self.producer.flush()).items():
            self.table.states.advance(tp.partition, offset)
        self.done_records += sum(len(batch) for batch in batches)
        tell("flushed", batches=len(batches), done=self.done_records)


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    return run_worker(Worker(Options(**json.loads(sys.argv[1]))).app, stop_timeout_s=30)


if __name__ == "__main__":
    sys.exit(main())
