"""All runs of one measurement, interleaved, and what came of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aiokafka.errors import KafkaError

from bench import stages
from bench.peers import machine
from bench.peers.data_set import DataSet
from bench.peers.journal import Journal, Measured
from bench.peers.outcome import Outcome
from bench.peers.program import PeerFailed
from bench.peers.registry import Peer
from bench.peers.results import (
    READ_LIMIT,
    TIERSTREAM,
    Facts,
    Run,
    facts_of_check,
    facts_of_run,
    ratios_of,
    summaries_of,
)
from bench.peers.run import Ground, PeerRun, Written, read_limit, write
from bench.peers.tierstream import TierstreamRun
from bench.workers import WorkerFailed

_MOST_STAGE_EVENTS = 60_000


class Plan(NamedTuple):
    """What to run. Tierstream and the reading limit are contenders like the peers."""

    events: int
    customers: int
    small_events: int
    repeats: int
    contenders: Sequence[str]
    peers: Sequence[Peer]

    def peer(self, name: str) -> Peer:
        """The peer of a name."""
        return next(peer for peer in self.peers if peer.name == name)

    def facts(self) -> Facts:
        """What was asked for."""
        return {
            "events": self.events,
            "customers": self.customers,
            "small_events": self.small_events,
            "repeats": self.repeats,
            "contenders": list(self.contenders),
        }

    def small(self, end_ms: int) -> DataSet:
        """For slow peers and the kills: as many events a customer as the whole has."""
        events = min(self.small_events, self.events)
        return DataSet(events, max(1, self.customers * events // self.events), end_ms)


def conditions_of(plan: Plan) -> Facts:
    """What must be the same for runs to belong together."""
    peers = (peer for peer in plan.peers if peer.name in plan.contenders)
    return {
        "plan": plan.facts(),
        "machine": machine.machine(),
        "versions": machine.versions(peers),
    }


class Session:
    """One measurement, kept on disk after each run.

    Args:
        ground: with the broker.
        plan: what to run.
        measured: nothing yet, or the measurement to go on with; its runs are not made again.
        journal: keeps it.
    """

    def __init__(self, ground: Ground, plan: Plan, measured: Measured, journal: Journal) -> None:
        self._ground, self._plan, self._tell = ground, plan, ground.tell
        self._measured, self._journal = measured, journal
        self._failures: dict[str, str] = {}
        self._stages: list[Facts] = []
        self._number = 0
        self.is_complete = False
        """Whether it came to its end; failed contenders are in the results."""

    def measure(self) -> Facts:
        """Write the data sets, let everybody run in turns, then with a kill in the middle."""
        try:
            self._measure()
            self.is_complete = True
        except KeyboardInterrupt:
            self._tell(
                "interrupted: these are the results so far; with --resume it goes on from here"
            )
        return self._results()

    def _measure(self) -> None:
        plan, end_ms = self._plan, self._measured.end_ms
        self._tell(f"writing {plan.events:,} events of {plan.customers:,} customers")
        whole = asyncio.run(
            write(self._ground, "whole.", DataSet(plan.events, plan.customers, end_ms))
        )
        small_set = plan.small(end_ms)
        self._tell(f"writing {small_set.events:,} events of {small_set.customers:,} customers")
        self._run_all(whole, asyncio.run(write(self._ground, "small.", small_set)))
        if TIERSTREAM in plan.contenders:
            self._tell("Tierstream stage by stage")
            found = stages.measure(min(plan.events, _MOST_STAGE_EVENTS), plan.customers)
            self._stages = [
                {"stage": s.name, "us_per_event": round(s.event_us, 2)} for s in found.stages
            ]

    def _run_all(self, whole: Written, small: Written) -> None:
        plan = self._plan
        for number in range(1, plan.repeats + 1):
            for name in plan.contenders:
                if not self._measured.has_run(name, number):
                    self._tell(f"round {number} of {plan.repeats}: {name}")
                    self._one(name, number, self._data_of(name, whole, small))
        for name in plan.contenders:
            if name != READ_LIMIT and not self._measured.has_kill(name):
                self._tell(f"killed in the middle: {name}")
                self._one_killed(name, small)

    def _data_of(self, name: str, whole: Written, small: Written) -> Written:
        is_bounded = name not in (TIERSTREAM, READ_LIMIT) and self._plan.peer(name).bounded
        return small if is_bounded else whole

    def _one(self, name: str, number: int, data: Written) -> None:
        outcome = self._guarded(name, lambda: self._run(name, data))
        if outcome is not None:
            facts = facts_of_run(Run(name, number, data.data_set.events, outcome))
            self._measured.runs.append(facts)
            self._journal.save(self._measured)
            self._tell(
                f"  {facts['events_per_second']:,} events/s,"
                f" {facts['cpu_us_per_event']} + {facts['broker_cpu_us_per_event']} CPU µs an event"
            )

    def _run(self, name: str, data: Written) -> Outcome:
        if name == READ_LIMIT:
            return read_limit(self._ground, data)
        return self._run_of(name, data).measure()

    def _one_killed(self, name: str, data: Written) -> None:
        outcome = self._guarded(name, lambda: self._run_of(name, data).check_with_kill())
        if outcome is not None:
            self._measured.kills.append({"peer": name, **facts_of_check(outcome)})
            self._journal.save(self._measured)

    def _run_of(self, name: str, data: Written) -> TierstreamRun | PeerRun:
        self._number += 1
        if name == TIERSTREAM:
            return TierstreamRun(self._ground, data, self._number)
        return PeerRun(self._ground, self._plan.peer(name), data, self._number)

    def _guarded(self, name: str, run: Callable[[], Outcome]) -> Outcome | None:
        """What a run comes to; a contender that failed does not run again, and the rest goes on."""
        if name in self._failures:
            return None
        try:
            outcome = run()
        except (PeerFailed, WorkerFailed, TimeoutError, KafkaError) as error:
            self._failures[name] = str(error) or type(error).__name__
            self._tell(f"  {name} failed: {error}")
            return None
        if outcome.check is not None:
            found = outcome.check
            self._tell(
                f"  of {found.customers:,} customers {found.figures_differ} have wrong figures,"
                f" {found.tiers_differ} were told a wrong tier"
            )
            for example in found.examples:
                self._tell(f"    {example}")
        return outcome

    def _results(self) -> Facts:
        plan, measured = self._plan, self._measured
        small = plan.small(measured.end_ms)
        summaries = summaries_of(measured.runs)
        return {
            "began": measured.began,
            "data_set": {
                "events": plan.events,
                "customers": plan.customers,
                "small_events": small.events,
                "small_customers": small.customers,
            },
            "machine": measured.conditions["machine"],
            "versions": measured.conditions["versions"],
            "ratios": ratios_of(summaries),
            "summary": summaries,
            "runs": measured.runs,
            "kills": measured.kills,
            "failures": self._failures,
            "stages": self._stages,
        }
