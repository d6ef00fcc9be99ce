"""One seed from its plan to its verdict, and many seeds on all cores."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shlex
from collections import Counter
from collections.abc import Generator, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple
from unittest import mock

import orjson
from faust.types import TP

import handlers.state.customer
from config.build import build
from handlers.merge.forwarding import Transfer
from handlers.outputs import CUSTOMER_PROFILES
from handlers.suppression import FREQUENCY_CAP
from streams.kafka.forwarded import read_forwarded
from streams.kafka.topics import CUSTOMER_EVENTS, DEAD_LETTERS, OUTPUTS
from tests.simulator.broker import Stored
from tests.simulator.mutations import MUTATIONS
from tests.simulator.plan import plan_of
from tests.simulator.verdict import NOT_DONE, judge
from tests.simulator.worker import PARTITIONS
from tests.simulator.world import World, live_through
from tests.support.poison import (
    IN_DUE,
    IN_EVENTS,
    IN_OTHERS,
    one_in,
    poisoned_customers,
    poisoned_dues,
    poisoned_events,
)

_SEEDS_A_TASK = 5
_NICENESS = 10
_PRODUCT_LOGGERS = ("streams", "handlers", "cli")
_PROGRAMME_TYPES = ("owner.changed", "retention.due", "ticket.overdue", "visit.due")
_POISONED = (5, 6)
"""One seed in eight has faults in handlers."""


class Outcome(NamedTuple):
    """What became of a seed."""

    seed: int
    problems: list[str]
    exercised: Counter[str]
    """How many faults of each kind took effect, and what else happened."""


@dataclass
class Summary:
    """What became of many seeds."""

    seeds: int = 0
    failures: list[Outcome] = field(default_factory=list)
    exercised: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self.seeds += 1
        self.exercised.update(outcome.exercised)
        if outcome.problems:
            self.failures.append(outcome)

    def __str__(self) -> str:
        return ", ".join(f"{kind} {count:,}" for kind, count in sorted(self.exercised.items()))


def replay_command(seed: int, without: str | None = None) -> str:
    """The line that tells all about a seed."""
    option = "" if without is None else f" --without {shlex.quote(without)}"
    return f".venv/bin/python -m tests.simulator {seed}{option}"


def search_command(safeguard: str) -> str:
    """The line that finds a seed which breaks a promise without a safeguard."""
    return f".venv/bin/python -m tests.simulator --without {shlex.quote(safeguard)} --from 5000"


def outcome_of(seed: int) -> Outcome:
    """Live through the history of a seed and judge it."""
    world, problems = judged(seed)
    return Outcome(seed, problems, exercised(world))


def judged(seed: int) -> tuple[World, list[str]]:
    """The history of a seed, and all that is wrong with it."""
    with _short_memory(), _quiet(), _poisoned(seed):
        world = live_through(plan_of(seed))
        return world, judge(world)


def exercised(world: World) -> Counter[str]:
    """What happened in a history, counted."""
    found = Counter(world.struck)
    found["processes"] = len(world.endings) + world.plan.workers
    found["failed writes"] = len(world.write_faults.failed)
    found["repeated writes"] = world.write_faults.repeated
    found["generations"] = world.group.generation
    found["commits"] = len(world.group.commits)
    found["stuck requests"] = world.network.stuck_requests
    found["stray records"] = world.stray_records
    found["late writes of zombies"] = world.late_writes()
    for process in world.endings:
        if process.error is not None:
            found[f"ended by {type(process.error).__name__}"] += 1
    found["faults in handlers"] = sum(
        b"processing_failed" in dict(record.headers).values()
        for number in range(PARTITIONS)
        for record in world.broker.log(TP(DEAD_LETTERS, number)).written
    )
    return found + _put_out(world) + _passed(world)


def _put_out(world: World) -> Counter[str]:
    """Outputs of programmes, each sequence once, and who came back after an erasure, counted."""
    found: Counter[str] = Counter()
    for number in range(PARTITIONS):
        values = {
            record.value: orjson.loads(record.value or b"")
            for topic in OUTPUTS
            for record in world.broker.log(TP(topic, number)).written
        }
        for output in values.values():
            found[output["type"]] += output["type"] in _PROGRAMME_TYPES
            found["capped"] += output["data"]["suppressed"] == FREQUENCY_CAP
        found += _came_back(world.broker.log(TP(CUSTOMER_PROFILES, number)).written)
    return found


def _came_back(profiles: list[Stored]) -> Counter[str]:
    """Profiles that are there again after they were gone."""
    found: Counter[str] = Counter()
    gone: set[bytes | None] = set()
    for record in profiles:
        if record.value is None:
            gone.add(record.key)
        elif record.key in gone:
            gone.remove(record.key)
            found["came back"] += 1
    return found


def _passed(world: World) -> Counter[str]:
    """What passed from one customer to another, counted."""
    found: Counter[str] = Counter()
    for number in range(PARTITIONS):
        seen = set()
        for record in world.broker.log(TP(CUSTOMER_EVENTS, number)).written:
            forwarded = read_forwarded(record.value, record.headers, CUSTOMER_EVENTS)
            if forwarded is None:
                continue
            if forwarded.source in seen:
                found["forwarded repeatedly"] += 1
                continue
            seen.add(forwarded.source)
            is_transfer = isinstance(forwarded.content, Transfer)
            found["transfers" if is_transfer else "followed events"] += 1
            found["forwarded to another partition"] += forwarded.source.partition != number
            found["forwarded back"] += forwarded.content.back is not None
    return found


def run_seeds(seeds: range, mutation: str | None = None) -> Generator[Outcome, None, None]:
    """The outcomes of many seeds, from all cores, in any order; `mutation` is in force.

    Whoever has deadlines to keep on this machine goes first.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # it is imported once, not in each process
    parts = [seeds[at : at + _SEEDS_A_TASK] for at in range(0, len(seeds), _SEEDS_A_TASK)]
    with ProcessPoolExecutor(os.cpu_count(), context, os.nice, (_NICENESS,)) as pool:
        tasks = [pool.submit(_run_part, part, mutation) for part in parts]
        try:
            for task in as_completed(tasks):
                yield from task.result()
        finally:
            for task in tasks:
                task.cancel()


def is_killed(outcome: Outcome) -> bool:
    """Whether it broke a promise, by more than work that was never done."""
    return bool(set(outcome.problems) - {NOT_DONE})


def find_killer(seeds: range, mutation: str) -> int | None:
    """A seed that breaks a promise while a mutation is in force; None if none of them does."""
    with closing(run_seeds(seeds, mutation)) as outcomes:
        return next((outcome.seed for outcome in outcomes if is_killed(outcome)), None)


def _run_part(seeds: range, mutation: str | None) -> list[Outcome]:
    with nullcontext() if mutation is None else MUTATIONS[mutation].in_force():
        return [outcome_of(seed) for seed in seeds]


@contextmanager
def _short_memory() -> Iterator[None]:
    """Few events are remembered by their ids, which would else do for what positions are for."""
    with mock.patch.object(handlers.state.customer, "MAX_SEEN_EVENTS", 3):
        yield


@contextmanager
def _poisoned(seed: int) -> Iterator[None]:
    """Places of the rules raise, for the same events and customers all the time.

    Only where the core is plain: compiled functions cannot be replaced.
    """
    draws = Random(f"poison {seed}")
    # The worker reads most records by the fast path, and would not come by these.
    points = [point for point in IN_EVENTS if point not in ("decode", "check_values")]
    with ExitStack() as stack:
        if seed % 16 in _POISONED and build() == "plain":
            stack.enter_context(poisoned_events(draws.choice(points), one_in(4)))
            stack.enter_context(poisoned_dues(draws.choice(IN_DUE), one_in(3)))
            stack.enter_context(poisoned_customers(draws.choice(IN_OTHERS), one_in(3)))
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """The product tells in its logs of faults that are wanted here."""
    loggers = [logging.getLogger(name) for name in _PRODUCT_LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
