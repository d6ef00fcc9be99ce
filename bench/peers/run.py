"""One run of one contender: Tierstream, a peer, or the reading limit."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench.peers.checks import check, newest_tiers, told_by_probes
from bench.peers.data_set import RULES, DataSet, Reference, generate
from bench.peers.meter import Meter, Spent
from bench.peers.outcome import Outcome
from bench.peers.program import PeerFailed, Program
from bench.peers.registry import Peer
from bench.peers.rules.rfm import Job, write_job
from bench.progress import Progress
from bench.reading import read_all
from bench.topics import (
    delete_topics,
    ends_of,
    is_committed,
    make_topics,
    partitions_of,
    values_of,
    write_keyed,
)
from bench.whole import PARTITIONS
from config.settings import Settings
from devtools.servers import Broker
from devtools.traffic.sender import Sent, open_sender
from streams.kafka.clients import new_consumer

INPUTS = ("orders", "browse", "support")
_STARTED_AT_MOST_S = 180.0
DONE_AT_MOST_S = 7_200.0
_FIGURES_AT_MOST_S = 600.0
_POLL_S = 0.05
_FIGURES_WAIT_MS = 200
_SHORT_COMMIT_MS = 500
_CHANGES_BEFORE_KILL = 0.25
"""Tier changes for each customer; by then it is in the middle of the small set."""


class Written(NamedTuple):
    """A data set in its topics, `prefix` and the names of `INPUTS`."""

    prefix: str
    data_set: DataSet
    reference: Reference

    @property
    def topics(self) -> list[str]:
        """Its input topics."""
        return [self.prefix + name for name in INPUTS]


class Ground(NamedTuple):
    """Where the runs take place."""

    broker: Broker
    folder: Path
    tell: Callable[[str], None]

    @property
    def broker_pids(self) -> list[int]:
        """Of all nodes."""
        return [node.pid for node in self.broker.nodes if node.pid is not None]

    def settings(self, prefix: str = "", app_id: str = "bench", mode: str = "replay") -> Settings:
        """Of a deployment on the broker."""
        return Settings(
            app_id=app_id,
            topic_prefix=prefix,
            kafka_bootstrap_servers=self.broker.bootstrap_servers,
            partitions=PARTITIONS,
            mode=mode,  # type: ignore[arg-type]
        )


async def write(ground: Ground, prefix: str, data_set: DataSet) -> Written:
    """Make the input topics of a data set and fill them."""
    settings, reference = ground.settings(prefix), Reference()
    await make_topics(settings, [prefix + name for name in (*INPUTS, "profiles")])
    step = max(1, data_set.events // 10)
    told = 0

    def progress(sent: Sent) -> None:
        nonlocal told
        if sent.total // step > told:
            told = sent.total // step
            ground.tell(f"  {sent.total:,} of {data_set.events:,} events")

    async with open_sender(settings, on_progress=progress) as sender:
        await sender.send(generate(data_set, reference))
    return Written(prefix, data_set, reference)


def read_limit(ground: Ground, data: Written) -> Outcome:
    """Fetch and parse all records, and nothing else."""
    load = os.getloadavg()[0]
    meter = Meter(ground.broker_pids)
    reading = read_all(ground.broker.bootstrap_servers, data.topics, PARTITIONS)
    spent = meter.stop()._replace(seconds=reading.seconds, client_cpu_seconds=reading.cpu_seconds)
    return Outcome(spent, load, 0, None)


class PeerRun:
    """One run of a peer.

    Args:
        ground: with the broker.
        peer: which.
        data: what it reads.
        number: of the run, for fresh names.
    """

    def __init__(self, ground: Ground, peer: Peer, data: Written, number: int) -> None:
        self._ground, self._peer, self._data = ground, peer, data
        group = f"peers-{peer.name}-{number}"
        self._folder = ground.folder / group
        own = {name: f"{group}.{name}" for name in ("probes", "tier_changes", "figures")}
        self._own = own
        topics = {**{name: data.prefix + name for name in INPUTS}, **own}
        self._job = Job(
            ground.broker.bootstrap_servers, group, self._folder, PARTITIONS, topics, RULES, None
        )
        self._settings = ground.settings(app_id=group)
        self._command = [*peer.command(ground.tell), str(self._folder / "job.json")]

    def measure(self) -> Outcome:
        """Run to the end, kill, start again, and check the figures."""
        load = os.getloadavg()[0]
        try:
            self._prepare(None)
            with self._start() as program:
                spent = self._run_to_end(program)
            return self._outcome(spent, load)
        finally:
            self._clean()

    def check_with_kill(self) -> Outcome:
        """Kill it in the middle, start again, and check the figures at the end."""
        load = os.getloadavg()[0]
        try:
            self._prepare(_SHORT_COMMIT_MS)
            least = round(_CHANGES_BEFORE_KILL * len(self._data.reference.last_ms))
            with self._start() as program:
                killed_at = asyncio.run(self._until_changes(program, least))
            self._ground.tell(f"  killed after {killed_at:,} tier changes")
            with self._start() as program:
                spent = self._run_to_end(program)
            return self._outcome(spent, load)
        finally:
            self._clean()

    def _prepare(self, commit_interval_ms: int | None) -> None:
        self._folder.mkdir()
        write_job(
            self._job._replace(commit_interval_ms=commit_interval_ms), self._folder / "job.json"
        )
        asyncio.run(make_topics(self._settings, self._own.values()))

    def _clean(self) -> None:
        asyncio.run(delete_topics(self._settings, self._own.values(), self._job.group))
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> Program:
        return Program(self._command, self._peer.environment, self._folder / "program.log")

    def _run_to_end(self, program: Program) -> Spent:
        program.wait_for(self._folder / "started", _STARTED_AT_MOST_S)
        meter = Meter(self._ground.broker_pids, program.cpu_seconds)
        if self._peer.done == "exits":
            deadline_s = time.monotonic() + DONE_AT_MOST_S
            while not program.has_ended():
                program.fail_after(deadline_s, "it does not end")
                time.sleep(_POLL_S)
        else:
            asyncio.run(self._until_committed(program))
        return meter.stop()

    async def _until_committed(self, program: Program) -> None:
        ends = await ends_of(self._settings, self._data.topics)
        consumer = new_consumer(self._settings, group_id=self._job.group)
        await consumer.start()
        try:
            deadline_s = time.monotonic() + DONE_AT_MOST_S
            progress = Progress(self._ground.tell, ends)
            while not await is_committed(consumer, ends):
                if program.has_ended():
                    raise PeerFailed(f"{self._peer.title} ended before everything was committed")
                program.fail_after(deadline_s, "it does not commit the end of its inputs")
                await progress.tell(consumer)
                await asyncio.sleep(_POLL_S)
        finally:
            await consumer.stop()

    async def _until_changes(self, program: Program, least: int) -> int:
        tps = partitions_of(self._settings, [self._own["tier_changes"]])
        consumer = new_consumer(self._settings, isolation_level="read_uncommitted")
        await consumer.start()
        try:
            deadline_s = time.monotonic() + _STARTED_AT_MOST_S
            while (count := int(sum((await consumer.end_offsets(tps)).values()))) < least:
                if program.has_ended():
                    return count
                program.fail_after(deadline_s, f"it wrote {count} tier changes, not {least}")
                await asyncio.sleep(_POLL_S)
            return count
        finally:
            await consumer.stop()

    def _outcome(self, spent: Spent, load: float) -> Outcome:
        """The program has been killed: what does it know when it is started again?"""
        customers = list(self._data.reference.last_ms)
        probes = [(c.encode(), f'{{"customer_id":"{c}"}}'.encode()) for c in customers]
        asyncio.run(write_keyed(self._settings, self._own["probes"], probes))
        with self._start() as program:
            asyncio.run(self._until_told(program, len(customers)))
        told = told_by_probes(asyncio.run(self._values("figures")))
        changes = asyncio.run(self._values("tier_changes"))
        found = check(self._data.reference, RULES, told, newest_tiers(changes))
        return Outcome(spent, load, len(changes), found)

    async def _until_told(self, program: Program, customers: int) -> None:
        """Until each customer's figures are committed. Ends of transactions take offsets, too."""
        told: set[bytes] = set()
        deadline_s = time.monotonic() + _FIGURES_AT_MOST_S
        consumer = new_consumer(self._settings)
        await consumer.start()
        try:
            consumer.assign(partitions_of(self._settings, [self._own["figures"]]))
            await consumer.seek_to_beginning()
            while len(told) < customers and not program.has_ended():
                program.fail_after(deadline_s, f"it answered {len(told)} of {customers} probes")
                found = await consumer.getmany(timeout_ms=_FIGURES_WAIT_MS)
                told.update(record.key for records in found.values() for record in records)
        finally:
            await consumer.stop()

    async def _values(self, name: str) -> list[bytes | None]:
        return [value async for _, value in values_of(self._settings, self._own[name])]
