"""One history: workers in their slots, a supervisor, a load and faults, until all is drained."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import NamedTuple
from unittest import mock

from faust.types import TP

import streams.engine.flusher
from handlers.control_records import PolicyActivated, encode_control
from handlers.outputs import CUSTOMER_PROFILES
from handlers.state.formats import NEWEST
from streams.kafka.topics import CUSTOMER_EVENTS, INPUT_TOPICS, changelog_name
from tests.simulator.broker import Broker, Unsent
from tests.simulator.clock import WallClock
from tests.simulator.event_loop import Deadlock, VirtualLoop
from tests.simulator.group import LOOK_S, Group
from tests.simulator.network import Network
from tests.simulator.plan import LOAD_S, Fault, Plan
from tests.simulator.process import Process
from tests.simulator.producer import WriteFaults
from tests.simulator.surroundings import Surroundings
from tests.simulator.worker import PARTITIONS, Worker, settings_of

COMPACTION_LAG_S = 12.0
_HEAL_S = LOAD_S + 2.0
_DRAIN_LOOKS = 300
_LAST_WORDS_S = 2.5
"""How long after the healing a zombie may still write, or a request be stuck."""
_IDLE_S = 2.6
"""How long an owner may need to see what a zombie wrote, and to write over it."""
_WALL_MS = 1_672_531_200_000
_REPLAY_WALL_MS = 1_800_000_000_000
LATENESS_MS = 300_000
_STRAYS: tuple[tuple[bytes | None, bytes | None], ...] = (
    (None, None),
    (None, b"\xff garbage"),
    (None, b'{"type":"clock.tock","at":1}'),
    (b"c0", b"not json"),
    (b"c0", None),
)


class Happening(NamedTuple):
    """A line of the timeline."""

    at_s: float
    who: str
    what: str


class World:
    """What a plan becomes.

    Attributes:
        timeline: what happened, in order.
        struck: how many faults of each kind took effect.
        endings: of the processes that ended, how.
        drained: whether everything was done in the end.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.loop = VirtualLoop()
        self.begin_s = self.loop.time()
        wall_ms = _REPLAY_WALL_MS if plan.mode == "replay" else _WALL_MS
        self.clock = WallClock(self.loop.time, wall_ms)
        self.broker = Broker(self.loop.time, lambda: self.clock.wall_ms)
        self.changelog = changelog_name(settings_of(plan.mode))
        self.write_faults = WriteFaults(Random(f"writes {plan.seed}"))
        self.network = Network(self.loop, Random(f"network {plan.seed}"), plan.stuck, 2.2)
        self.group = Group(self.loop, self._sets(), Random(f"group {plan.seed}"), plan.sticky)
        self.timeline: list[Happening] = []
        self.struck: Counter[str] = Counter()
        self.endings: list[Process] = []
        self.drained = False
        self.stray_records = 0
        self._published = 0
        self._is_healed = False
        self._ticking = True
        self._restarts = Random(f"restarts {plan.seed}")
        self._armed: list[Fault] = []
        self._processes: dict[int, Process] = {}
        self._clocks_off_ms: dict[int, int] = {}
        self._slots: dict[Process, int] = {}
        self._all: list[Process] = []
        self._around = Surroundings(
            broker=self.broker,
            group=self.group,
            network=self.network,
            clock=self.clock,
            write_faults=self.write_faults,
            draws=Random(f"workers {plan.seed}"),
            mode=plan.mode,
            leases=plan.leases,
            oblivious_s=plan.oblivious_s,
            changelog=self.changelog,
            ticking=lambda: self._ticking,
            clock_draws=Random(f"answers {plan.seed}") if plan.tells_time else None,
        )

    def run(self) -> None:
        """Live through all of it."""
        loop = self.loop
        try:
            flushes = mock.patch.object(
                streams.engine.flusher, "_CHECKPOINT_PAUSES", self.plan.checkpoint_pauses
            )
            with self.clock.in_force(), flushes:
                loop.run_until_complete(self._live())
        except Deadlock as stuck:
            self._tell("world", str(stuck))
        finally:
            loop.bury()
            loop.close()
        if loop.failure is not None:
            raise loop.failure

    def late_writes(self) -> int:
        """Records that were written to the changelog by others than the newest owner there."""
        count = 0
        for tp, log in self.broker.logs.items():
            if tp.topic == self.changelog:
                owners: list[str] = []
                for record in log.written:
                    if record.writer not in owners:
                        owners.append(record.writer)
                    count += record.writer != owners[-1]
        return count

    # -- the course of things

    async def _live(self) -> None:
        loop = self.loop
        self._publish(0)
        tasks = [loop.create_task(self._load()), loop.create_task(self._look_after_group())]
        for fault in self.plan.faults:
            loop.call_later(fault.at_s, self._begin, fault)
        for slot in range(self.plan.workers):
            loop.call_later(slot * 0.15, self._start, slot)
        await asyncio.sleep(_HEAL_S)
        await tasks[0]
        self._heal()
        for _ in range(_DRAIN_LOOKS):
            await asyncio.sleep(0.1)
            self.drained = self._is_drained()
            if self.drained:
                break
        self._tell("world", "drained" if self.drained else "not drained")
        quiet_s = self.begin_s + _HEAL_S + _LAST_WORDS_S
        await asyncio.sleep(max(0.0, quiet_s - loop.time()) + _IDLE_S)
        self._compact(loop.time() + 1)
        tasks[1].cancel()

    def _sets(self) -> list[frozenset[TP]]:
        inputs = [frozenset({TP(name, number)}) for name in INPUT_TOPICS for number in range(2)]
        return inputs + [
            frozenset({TP(CUSTOMER_EVENTS, number), TP(self.changelog, number)})
            for number in range(PARTITIONS)
        ]

    async def _load(self) -> None:
        loop, live = self.loop, self.plan.mode == "live"
        for record in self.plan.load:
            await asyncio.sleep(max(0.0, self.begin_s + record.at_s - loop.time()))
            if live:
                self.clock.reach(record.wall_ms)
            stamp = record.wall_ms
            self.broker.append(
                TP(record.topic, record.partition),
                [Unsent(stamp, record.key, record.value, ())],
                "upstream",
            )

    async def _look_after_group(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.group.look()

    def _publish(self, number: int) -> None:
        """Put a policy in force; the later ones take turns, so that each is another."""
        plan = self.plan
        published = plan.policies[number if number < 2 else 1 + (number - 1) % 2]
        at_a_time = plan.at_a_time if number else None
        record = PolicyActivated(
            f"policy-{number}",
            "sim",
            plan.mode,
            LATENESS_MS,
            published,
            at_a_time=at_a_time,
            # It rises with the first change of the policy, or has been raised before.
            format=NEWEST
            if plan.at_a_time is not None and plan.seed % 2
            else min(plan.first_format + number, NEWEST),
        )
        for partition in range(PARTITIONS):
            self.broker.append(
                TP(CUSTOMER_EVENTS, partition),
                [Unsent(None, None, encode_control(record), ())],
                "publisher",
            )

    def _write_strays(self, partition: int) -> None:
        """Somebody else writes into the log what is neither an event of ingest nor of ours."""
        strays = [Unsent(None, key, value, ()) for key, value in _STRAYS]
        self.stray_records += len(strays)
        self.broker.append(TP(CUSTOMER_EVENTS, partition), strays, "somebody")

    def _compact(self, before_s: float) -> None:
        for tp, log in self.broker.logs.items():
            if tp.topic in (self.changelog, CUSTOMER_PROFILES):
                log.compact(before_s)

    def _is_drained(self) -> bool:
        ends = {tp: log.end for tp, log in self.broker.logs.items()}
        topics = (*INPUT_TOPICS, CUSTOMER_EVENTS)
        return (
            self.group.is_stable
            and len(self._processes) == self.plan.workers
            and all(
                self.group.committed.get(tp, 0) == end
                for tp, end in ends.items()
                if tp.topic in topics
            )
        )

    def _heal(self) -> None:
        self._is_healed, self._ticking = True, False
        self._armed.clear()
        for slot in range(self.plan.workers):
            self._set_off(slot, 0)
        self.network.heal()
        self.write_faults.heal()
        for process in self._all:
            process.strike = process.steps_left = None
            if process.is_frozen:
                process.thaw()
        self._tell("world", "healed")

    # -- workers

    def _start(self, slot: int) -> None:
        number = sum(1 for other in self._slots.values() if other == slot)
        process = Process(self.loop, f"w{slot}.{number}", self._reached)
        process.on_end = self._ended
        process.clock_off_ms = self._clocks_off_ms.get(slot, 0)
        self._slots[process] = slot
        self._processes[slot] = process
        self._all.append(process)
        self._tell(process.name, "starts")
        Worker(process, self._around)

    def _ended(self, process: Process) -> None:
        slot = self._slots[process]
        self._processes.pop(slot, None)
        self.endings.append(process)
        why = "" if process.error is None else f": {type(process.error).__name__}: {process.error}"
        self._tell(process.name, f"ends{why}")
        if process.error is not None and self._restarts.random() < 0.5:
            self.group.leave(process.name)
        self.loop.call_outside(0.05 + self._restarts.random() * 0.6, self._start, slot)

    # -- faults

    def _begin(self, fault: Fault) -> None:
        """A fault is due, or begins to wait for its place."""
        process = self._processes.get(fault.slot)
        if fault.point is not None:
            self._armed.append(fault)
        elif fault.kind in ("kill", "freeze"):
            if process is not None:
                process.steps_left = fault.count
                process.strike = lambda struck: self._strike(struck, fault)
        elif fault.kind in ("fail_write", "write_twice"):
            self.write_faults.strike(fault.kind, fault.count)
        else:
            self.struck[fault.kind] += 1
            self._tell("world", str(fault))
            self._strike_all(fault, process)

    def _strike_all(self, fault: Fault, process: Process | None) -> None:
        if fault.kind == "rebalance":
            self.group.rebalance()
        elif fault.kind == "jump":
            self.clock.jump(fault.by_ms)
        elif fault.kind == "wrong_clock":
            self._set_off(fault.slot, 0 if self._is_healed else fault.by_ms)
            self.loop.call_outside(fault.for_s, self._set_off, fault.slot, 0)
        elif fault.kind == "policy":
            self._published += 1
            self._publish(self._published if self.plan.at_a_time is not None else 1)
        elif fault.kind == "compaction":
            self._compact(self.loop.time() - COMPACTION_LAG_S)
        elif fault.kind == "stray":
            self._write_strays(fault.slot % PARTITIONS)
        elif process is not None:
            process.ask_to_stop()

    def _set_off(self, slot: int, by_ms: int) -> None:
        """Let the clock of a machine be wrong, for whoever runs there."""
        self._clocks_off_ms[slot] = by_ms
        process = self._processes.get(slot)
        if process is not None:
            process.clock_off_ms = by_ms

    def _reached(self, process: Process, point: str) -> None:
        for at, fault in enumerate(self._armed):
            if fault.point == point and self._slots[process] == fault.slot:
                if fault.count > 1:
                    self._armed[at] = fault.less_one()
                    continue
                del self._armed[at]
                self._strike(process, fault)
                return

    def _strike(self, process: Process, fault: Fault) -> None:
        if process.is_dead or process.is_frozen:
            return
        place = "anywhere" if fault.point is None else fault.point
        self.struck[fault.kind] += 1
        self.struck[f"{fault.kind} {place}"] += 1
        self._tell(process.name, str(fault))
        if fault.kind == "kill":
            process.kill()
        else:
            process.freeze()
            self.loop.call_outside(fault.for_s, self._thaw, process, fault.kills_others)

    def _thaw(self, process: Process, kills_others: str | None) -> None:
        if not process.is_frozen or process.is_dead:
            return
        self._tell(process.name, "wakes")
        process.thaw()
        if kills_others is not None and not self._is_healed:
            for other, slot in [(found, slot) for slot, found in self._processes.items()]:
                if other is not process:
                    self._kill_at(kills_others, other, slot)

    def _kill_at(self, point: str, process: Process, slot: int) -> None:
        fault = Fault(self.loop.time() - self.begin_s, "kill", slot, point)
        if point == "at once":
            self._strike(process, replace(fault, point=None))
        else:
            self._armed.append(fault)

    def _tell(self, who: str, what: str) -> None:
        self.timeline.append(Happening(self.loop.time() - self.begin_s, who, what))


def live_through(plan: Plan) -> World:
    """Run a plan; garbage is left for later."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        world = World(plan)
        with suppress(asyncio.CancelledError):
            world.run()
        return world
    finally:
        if was_enabled:
            gc.enable()
