"""Does faults and heals them."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

import redis

from devtools.servers import RedisServer
from tests.fault.evidence import ClockJump, FaultSpan
from tests.fault.load import Load
from tests.fault.schedule import Fault
from tests.harness.cluster import Cluster
from tests.harness.proxy import Condition, Direction
from tests.harness.stopwatch import Stopwatch
from tests.harness.supervisor import Place, Supervisor

_log = logging.getLogger(__name__)

_POLL_S = 0.05
_POINT_TIMEOUT_S = 10.0
"""How long a worker may take to come to a point; one without partitions never does."""
_LATENCY_S = 0.2
_BYTES_PER_S = 200_000.0
_GUEST_STAYS_S = 1.5
_GUEST_READY_S = 10.0


class Stage(Protocol):
    """Where faults happen: an episode in progress."""

    cluster: Cluster
    redis: RedisServer
    supervisor: Supervisor
    load: Load
    watch: Stopwatch
    partitions: int

    def place(self, name: str) -> Place:
        """A place for a process."""

    async def ready(self, name: str, within_s: float) -> bool:
        """Wait until a process says that it is ready; whether it did."""

    async def publish_policy(self) -> None:
        """Put the next policy in force."""


@dataclass(slots=True)
class Faults:
    """Does the faults of a schedule, each at its time; several may be under way.

    Attributes:
        spans: what was done.
        clock_jumps: likewise, for the clocks.
    """

    stage: Stage
    seed: int
    spans: list[FaultSpan] = field(default_factory=list)
    clock_jumps: list[ClockJump] = field(default_factory=list)
    _dead: Counter[int] = field(default_factory=Counter)
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, schedule: Sequence[Fault]) -> None:
        """Do them all, and heal them all."""
        began_s = self.stage.watch.now_s
        async with asyncio.TaskGroup() as group:
            for fault in schedule:
                await asyncio.sleep(max(0.0, began_s + fault.at_s - self.stage.watch.now_s))
                group.create_task(self._do(fault))

    async def _do(self, fault: Fault) -> None:
        watch = self.stage.watch
        began_s = watch.now_s
        _log.info(
            "%6.1f s  fault %s at %s for %s s (%s)",
            *(began_s, fault.kind, fault.target, fault.seconds, fault.detail),
        )
        await ACTIONS[fault.kind](self, fault)
        self.spans.append(FaultSpan(fault.kind, fault.target, began_s, watch.now_s))
        _log.info("%6.1f s  healed %s at %s", watch.now_s, fault.kind, fault.target)

    def place(self, fault: Fault) -> Place:
        """The place that a fault is about."""
        return self.stage.supervisor.places[fault.target]

    def note(self, text: str, *values: Any) -> None:
        """Log something with the episode's time."""
        _log.info("%6.1f s  " + text, self.stage.watch.now_s, *values)

    # -- processes

    async def kill_at(self, fault: Fault) -> None:
        """Have a worker die at a point; where it does not come there, kill it anyway."""
        if not await self._brought_to(fault, signal.SIGKILL):
            self.place(fault).signal(signal.SIGKILL)

    async def freeze_at(self, fault: Fault) -> None:
        """Freeze a worker at a point, or where it is, and let it go on as a former owner."""
        place = self.place(fault)
        if not await self._brought_to(fault, signal.SIGSTOP):
            place.signal(signal.SIGSTOP)
        pid = place.pid
        await self._thaw(place, pid, fault.seconds)

    async def _brought_to(self, fault: Fault, number: signal.Signals) -> bool:
        """Whether the worker came to the point and sent itself the signal."""
        place = self.place(fault)
        place.controls.arm(fault.detail, number)
        if fault.detail == "amid_restore":  # it must restore first
            place.signal(signal.SIGKILL)
        deadline_s = self.stage.watch.now_s + _POINT_TIMEOUT_S
        while place.controls.is_armed:
            if self.stage.watch.now_s > deadline_s:
                place.controls.disarm()
                self.note("%s did not come to %s", fault.target, fault.detail)
                return False
            await asyncio.sleep(_POLL_S)
        return True

    async def kill(self, fault: Fault) -> None:
        """Kill a process."""
        self.place(fault).signal(signal.SIGKILL)

    async def terminate(self, fault: Fault) -> None:
        """Ask a process to end, as a new version's roll-out does."""
        self.place(fault).signal(signal.SIGTERM)

    async def freeze(self, fault: Fault) -> None:
        """Stop a worker until others have taken over, and let it go on as if nothing had been."""
        place = self.place(fault)
        await self._thaw(place, place.signal(signal.SIGSTOP), fault.seconds)

    async def _thaw(self, place: Place, pid: int | None, after_s: float) -> None:
        await asyncio.sleep(after_s)
        if pid is not None and place.pid == pid:
            place.signal(signal.SIGCONT)

    async def storm(self, fault: Fault) -> None:
        """Have workers join and leave without end, ready or not."""
        await self._guests(fault, [f"guest-{number}" for number in range(int(fault.detail))], 0.0)

    async def crowd(self, fault: Fault) -> None:
        """Have a projector and an API join and leave without end."""
        await self._guests(fault, ("guest-projector", "guest-api"), _GUEST_READY_S)

    async def _guests(self, fault: Fault, names: Sequence[str], ready_s: float) -> None:
        random = Random(f"{fault.kind} {self.seed} {fault.at_s}")
        deadline_s = self.stage.watch.now_s + fault.seconds

        async def come_and_go(name: str) -> None:
            place = self.stage.place(name)
            while self.stage.watch.now_s < deadline_s:
                place.want()
                if ready_s:
                    await self.stage.ready(name, ready_s)
                await asyncio.sleep(random.uniform(1.0, 2.0) + _GUEST_STAYS_S)
                if random.random() < 0.5:
                    place.signal(signal.SIGKILL)
                await place.stop()
            await place.stop()

        await asyncio.gather(*map(come_and_go, names))

    # -- brokers and the way there

    async def broker_kill(self, fault: Fault) -> None:
        """Kill a broker and start it again."""
        await self._down(_number(fault.target), fault.seconds)

    async def brokers_down(self, fault: Fault) -> None:
        """Kill all brokers and start them again."""
        await self._down(None, fault.seconds)

    async def _down(self, node: int | None, seconds: float) -> None:
        """Kill brokers; start those that no other fault under way wants dead."""
        broker = self.stage.cluster.broker
        numbers = range(len(broker.nodes)) if node is None else [node]
        self._dead.update(numbers)
        async with self._starting:  # a broker that dies while it starts is a failure of the rig
            await asyncio.to_thread(broker.kill, node)
        await asyncio.sleep(seconds)
        self._dead.subtract(numbers)
        for number in numbers:
            if self._dead[number] == 0 and not broker.nodes[number].running:
                broker.nodes[number].launch()
        if not +self._dead:
            async with self._starting:
                await asyncio.to_thread(broker.start)

    async def disk_full(self, fault: Fault) -> None:
        """Fill the disk under the brokers' data; make room, and start them again."""
        disk = self.stage.cluster.disk
        assert disk is not None
        async with self._starting:
            await asyncio.to_thread(disk.fill)
        await asyncio.sleep(fault.seconds)
        ended = not any(node.running for node in self.stage.cluster.broker.nodes)
        self.note("the brokers %s", "have ended" if ended else "still run")
        disk.empty()
        await self._down(None, 0.0)

    async def broker_pause(self, fault: Fault) -> None:
        """Freeze a broker."""
        process = self.stage.cluster.broker.nodes[_number(fault.target)]
        if not process.running:
            return  # killed by a fault that is still under way
        process.pause()
        await asyncio.sleep(fault.seconds)
        if process.running:
            process.resume()

    async def cut(self, fault: Fault) -> None:
        """Close connections to Kafka and refuse new ones."""
        await self._way(fault, Condition("cut"))

    async def half_open(self, fault: Fault) -> None:
        """Swallow what is sent, one way or both."""
        await self._way(fault, Condition("half_open", _direction(fault.detail)))

    async def slow(self, fault: Fault) -> None:
        """Let it pass late and bit by bit."""
        condition = Condition("slow", _direction(fault.detail), _LATENCY_S, _BYTES_PER_S)
        await self._way(fault, condition)

    async def _way(self, fault: Fault, condition: Condition) -> None:
        lane = None if fault.target == "all" else fault.target
        self.stage.cluster.set(condition, lane)
        await asyncio.sleep(fault.seconds)
        self.stage.cluster.set(Condition(), lane)

    # -- Redis

    async def redis_kill(self, fault: Fault) -> None:
        """Kill Redis; it comes back empty."""
        await asyncio.to_thread(self.stage.redis.kill)
        await asyncio.sleep(fault.seconds)
        await asyncio.to_thread(self.stage.redis.start)

    async def redis_flush(self, _: Fault) -> None:
        """Empty Redis."""
        process = self.stage.redis.process
        if process is None or not process.running:
            return  # killed by a fault that is still under way
        with redis.Redis.from_url(self.stage.redis.url, socket_timeout=30) as client:
            await asyncio.to_thread(client.flushall)

    async def redis_pause(self, fault: Fault) -> None:
        """Freeze Redis."""
        process = self.stage.redis.process
        if process is None or not process.running:
            return
        process.pause()
        await asyncio.sleep(fault.seconds)
        if process.running:
            process.resume()

    # -- what is sent

    async def oversized(self, fault: Fault) -> None:
        """Send records that are too large."""
        load = self.stage.load
        now_ms = self.stage.watch.now_ms
        await load.send([load.traffic.oversized(now_ms) for _ in range(int(fault.detail))])

    async def poison(self, fault: Fault) -> None:
        """Send many records at once that cannot be used."""
        load = self.stage.load
        await load.send([load.traffic.bad() for _ in range(int(fault.detail))])

    async def poison_log(self, fault: Fault) -> None:
        """Write into the log itself what no worker writes."""
        load = self.stage.load
        random = Random(f"poison {self.seed} {fault.at_s}")
        numbers = [random.randrange(self.stage.partitions) for _ in range(int(fault.detail))]
        await load.send([load.traffic.poison(number) for number in numbers])

    async def policy(self, _: Fault) -> None:
        """Publish another policy."""
        await self.stage.publish_policy()

    async def clock(self, fault: Fault) -> None:
        """Set clocks off."""
        offset_ms = int(fault.detail)
        places = [
            place
            for place in self.stage.supervisor.places.values()
            if place.name.startswith("worker") and fault.target in ("all", place.name)
        ]
        began_s = self.stage.watch.now_s
        for place in places:
            place.controls.offset_ms = offset_ms
        await asyncio.sleep(fault.seconds)
        for place in places:
            place.controls.offset_ms = 0
            jump = ClockJump(place.name, began_s, self.stage.watch.now_s, offset_ms)
            self.clock_jumps.append(jump)


Action = Callable[[Faults, Fault], Awaitable[None]]

ACTIONS: dict[str, Action] = {
    "kill_at": Faults.kill_at,
    "kill": Faults.kill,
    "terminate": Faults.terminate,
    "freeze": Faults.freeze,
    "freeze_at": Faults.freeze_at,
    "storm": Faults.storm,
    "crowd": Faults.crowd,
    "broker_kill": Faults.broker_kill,
    "broker_pause": Faults.broker_pause,
    "disk_full": Faults.disk_full,
    "brokers_down": Faults.brokers_down,
    "cut": Faults.cut,
    "half_open": Faults.half_open,
    "slow": Faults.slow,
    "redis_kill": Faults.redis_kill,
    "redis_flush": Faults.redis_flush,
    "redis_pause": Faults.redis_pause,
    "oversized": Faults.oversized,
    "poison": Faults.poison,
    "poison_log": Faults.poison_log,
    "policy": Faults.policy,
    "clock": Faults.clock,
}


def _number(target: str) -> int:
    return int(target.rpartition("-")[2])


def _direction(detail: str) -> Direction:
    assert detail in ("requests", "answers", "both")
    return detail  # type: ignore[return-value]  # mypy does not narrow by `in`
