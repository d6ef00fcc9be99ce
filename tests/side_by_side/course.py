"""The course that each contender runs: a backlog, then bursts with faults, then a fresh worker."""

from __future__ import annotations

import asyncio
import logging
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from devtools.servers import Broker, start_broker
from streams.kafka.partitioner import partition_of
from tests.fault.taking import take_topics
from tests.harness.stopwatch import Stopwatch
from tests.harness.supervisor import Place, Supervisor
from tests.side_by_side.contenders import PARTITIONS, Contender, contenders
from tests.side_by_side.counting import Counts, count
from tests.side_by_side.orders import Order, truth_of
from tests.side_by_side.progress import Progress
from tests.side_by_side.timetable import Fault, Timetable

_log = logging.getLogger(__name__)

WORKERS = 2
_GROUP = "tiers"
WARM_UP_ORDERS = 240
_FROZEN_BEYOND_SESSION_S = 20.0
_GUEST_STAYS_S = 12.0
_BROKER_AWAY_S = 4.0
_READY_S = 120.0
_DRAIN_S = 240.0
_STUCK_S = 90.0
_POLL_S = 0.1
_SEND_TIMEOUT_MS = 60_000


class Load(NamedTuple):
    """How many orders come, and how; and what all contenders have in common."""

    backlog: int = 20_000
    """At once, before the faults: for the speed."""
    burst: int = 1_500
    every_s: float = 5.0
    session_s: int = 10
    """Silence after which the group takes a worker for dead."""

    def total(self, bursts: int) -> int:
        """All orders of a course."""
        return WARM_UP_ORDERS + self.backlog + bursts * self.burst


class Outcome(NamedTuple):
    """What became of one contender."""

    name: str
    orders: int
    per_second: float
    """Of the backlog, until it was committed; 0 if it never was."""
    recoveries_s: tuple[tuple[str, float | None], ...]
    """By fault: until all that was there when it began was committed."""
    uncommitted: int
    """Orders that were not committed before the fresh worker came."""
    ends: int
    """Processes that ended by themselves."""
    counts: Counts


class Course:
    """One contender on a broker of its own."""

    def __init__(
        self, contender: Contender, broker: Broker, folder: Path, plan: Timetable, load: Load
    ) -> None:
        self._contender = contender
        self._broker = broker
        self._plan = plan
        self._load = load
        self._supervisor = Supervisor(folder, Stopwatch())
        self._producer = AIOKafkaProducer(
            bootstrap_servers=broker.bootstrap_servers,
            enable_idempotence=True,
            request_timeout_ms=_SEND_TIMEOUT_MS,
        )
        chain = contender.chain
        self._progress = Progress(broker.bootstrap_servers, _GROUP, chain, PARTITIONS)
        self._began: list[tuple[str, float]] = []
        self._killed = 0

    async def run(self, orders: Sequence[Order]) -> Outcome:
        """Run it to its end."""
        await self._contender.prepare()
        stream = iter(orders)
        async with self._supervisor, self._producer, self._progress:
            places = [self._add(f"worker-{number}") for number in range(WORKERS)]
            for place in places:
                await self._start(place)
            per_second = await self._speed(stream)
            await self._bursts(stream, places)
            took_s = await self._progress.until_done(_DRAIN_S, _STUCK_S)
            uncommitted = 0 if took_s is not None else self._progress.left()
            recoveries = tuple((kind, self._progress.took_s(at_s)) for kind, at_s in self._began)
            await asyncio.gather(*(p.stop() for p in self._supervisor.places.values()))
            ends = self._ends()
            await self._fresh_worker()
        return Outcome(
            self._contender.name,
            len(orders),
            per_second,
            recoveries,
            uncommitted,
            ends,
            await self._counts(len(orders)),
        )

    # -- the load

    async def _speed(self, stream: Iterator[Order]) -> float:
        """Orders a second while there is a backlog, until they are committed."""
        await self._send(stream, WARM_UP_ORDERS)
        await self._progress.until_done(_DRAIN_S, _STUCK_S)
        began_s = time.monotonic()
        await self._send(stream, self._load.backlog)
        sent_s = time.monotonic() - began_s
        took_s = await self._progress.until_done(_DRAIN_S, _STUCK_S)
        self._note("backlog: %s s", took_s)
        return 0.0 if took_s is None else self._load.backlog / (sent_s + took_s)

    async def _bursts(self, stream: Iterator[Order], places: Sequence[Place]) -> None:
        faults = {fault.burst: fault for fault in self._plan.faults}
        due_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(self._plan.bursts):
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                # What a broker held up is not made up for: the faults keep their distance.
                due_s = time.monotonic() + self._load.every_s
                if number in faults:
                    group.create_task(self._do(faults[number], places))
                await self._send(stream, self._load.burst)
            await self._send(stream, None)

    async def _send(self, stream: Iterator[Order], count: int | None) -> None:
        """Send orders keyed by customer, and wait until the broker has them."""
        sent = []
        for number, order in enumerate(stream, 1):
            key = order.customer_id.encode()
            partition = partition_of(key, PARTITIONS)
            topic = self._contender.orders
            sent.append(await self._producer.send(topic, order.value, key, partition))
            if number == count:
                break
        await asyncio.gather(*sent)

    # -- the faults

    async def _do(self, fault: Fault, places: Sequence[Place]) -> None:
        await asyncio.sleep(fault.delay_s)
        self._began.append((fault.kind, time.monotonic()))
        place = places[fault.worker]
        self._note("%s at %s", fault.kind, place.name)
        if fault.kind == "kill":
            self._killed += place.signal(signal.SIGKILL) is not None
        elif fault.kind == "freeze":
            await self._freeze(place)
        elif fault.kind == "join":
            await self._guest()
        else:
            await asyncio.to_thread(self._broker.kill)
            await asyncio.sleep(_BROKER_AWAY_S)
            await asyncio.to_thread(self._broker.start)

    async def _freeze(self, place: Place) -> None:
        pid = place.signal(signal.SIGSTOP)
        await asyncio.sleep(self._load.session_s + _FROZEN_BEYOND_SESSION_S)
        if pid is not None and place.pid == pid:
            place.signal(signal.SIGCONT)

    async def _guest(self) -> None:
        name = f"guest-{len(self._supervisor.places)}"
        guest = self._add(name)
        guest.want()
        await asyncio.sleep(_GUEST_STAYS_S)
        await guest.stop()

    # -- workers

    def _add(self, name: str) -> Place:
        contender = self._contender
        return self._supervisor.add(name, (), contender.environment(), contender.program)

    async def _start(self, place: Place) -> None:
        place.want()
        deadline_s = time.monotonic() + _READY_S
        while place.log is None or not self._contender.is_ready(place.log.read_text()):
            assert time.monotonic() < deadline_s, f"{self._contender.name} does not start"
            await asyncio.sleep(_POLL_S)

    async def _fresh_worker(self) -> None:
        """Whatever was not committed is taken now, by a worker that knows only what is stored."""
        place = self._add("fresh")
        await self._start(place)
        await self._progress.until_done(_DRAIN_S, _STUCK_S)
        await place.stop()

    def _ends(self) -> int:
        """Processes that ended without being told to: those killed and stopped left out.

        One that is asked to stop while it begins dies of the signal.
        """
        codes = [life.exit_code for life in self._supervisor.lives()]
        return sum(code not in (0, -signal.SIGKILL, -signal.SIGTERM, None) for code in codes)

    # -- what is left

    async def _counts(self, orders: int) -> Counts:
        servers, topic = self._broker.bootstrap_servers, self._contender.orders
        taken = await take_topics(servers, {topic: topic}, PARTITIONS)
        values = [r.value or b"" for records in taken[topic].values() for r in records]
        assert len(values) == orders, "the input holds each order once"
        left = await self._contender.left()
        return count(truth_of(values), left.figures, left.most_orders, left.told)

    def _note(self, text: str, *values: object) -> None:
        _log.info("%s: " + text, self._contender.name, *values)


def run(name: str, orders: Sequence[Order], plan: Timetable, load: Load) -> Outcome:
    """Run one contender, on a fresh broker."""
    with (
        tempfile.TemporaryDirectory(prefix="tierstream-side-by-side-") as folder,
        start_broker("kafka") as broker,
    ):
        contender = contenders(broker.bootstrap_servers, Path(folder), load.session_s)[name]
        return asyncio.run(_run(contender, broker, Path(folder), plan, load, orders))


async def _run(
    contender: Contender,
    broker: Broker,
    folder: Path,
    plan: Timetable,
    load: Load,
    orders: Sequence[Order],
) -> Outcome:
    return await Course(contender, broker, folder, plan, load).run(orders)
