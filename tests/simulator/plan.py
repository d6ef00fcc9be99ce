"""What a seed stands for: a load, a deployment and the faults that strike it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from random import Random
from typing import Any, NamedTuple

from config.policy_file import check_policy
from handlers.control_records import Mode
from handlers.state.formats import FIRST, NEWEST
from scoring.policy import Policy
from tests.simulator.merges import with_merges
from tests.support.traffic import PLAIN, PRACTICE, SHOP, Traffic

LOAD_S = 3.5
POINTS = (
    "before outputs",
    "after outputs",
    "before state",
    "after state",
    "before profiles",
    "after profiles",
    "before meta",
    "after meta",
    "before commit",
    "after commit",
    "restore",
    "given back",
    "before log",
    "after log",
    "after tick",
)
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_TURNS = 0.15
_SHOPS = 0.1
_PRACTICES = 0.2


@dataclass(frozen=True)
class Fault:
    """Something that is done to a worker, or to all, at some time.

    Attributes:
        at_s: seconds after the begin; what waits for a point or a step waits from then on.
        kind: `kill`, `freeze`, `stop`, `fail_write`, `write_twice`, `rebalance`, `jump`, `policy`,
            `compaction`, `stray` (records of somebody else in the log) or `wrong_clock` (of one
            machine; a jump is that of all clocks).
        slot: which worker.
        point: a named point; None: after `count` steps.
        count: the how-manieth time the point is reached, or steps, or writes.
        for_s: how long it is frozen.
        by_ms: how far the wall clock jumps, or is wrong.
        kills_others: when it wakes, all others are killed: at once, or at this point.
    """

    at_s: float
    kind: str
    slot: int = 0
    point: str | None = None
    count: int = 1
    for_s: float = 0.0
    by_ms: int = 0
    kills_others: str | None = None

    def less_one(self) -> Fault:
        """The same, after its point was reached once."""
        return replace(self, count=self.count - 1)

    def __str__(self) -> str:
        where = "" if self.point is None else f" {self.point}"
        by = f" by {self.by_ms / _HOUR_MS:.0f} h"
        lasts = f" for {self.for_s:.1f} s"
        more = {"freeze": lasts, "jump": by, "wrong_clock": by + lasts}
        return f"{self.kind} w{self.slot}{where} #{self.count}{more.get(self.kind, '')}"


class Sent(NamedTuple):
    """A record that upstream puts into an input topic."""

    at_s: float
    topic: str
    partition: int
    value: bytes
    key: bytes | None
    wall_ms: int
    """The wall clock has reached this time by then."""


@dataclass(frozen=True)
class Plan:
    """Everything that follows from a seed, but for how long each request takes."""

    seed: int
    mode: Mode
    workers: int
    leases: bool
    """Whether workers ask before they write whether they are still members."""
    oblivious_s: float
    sticky: float
    stuck: float
    checkpoint_pauses: int
    """Flush intervals from one checkpoint to the next; as many as a busy worker has, or few."""
    policies: tuple[Policy, ...]
    at_a_time: int | None
    """How many customers go at a time under another policy; None: all by its own record."""
    load: tuple[Sent, ...]
    faults: tuple[Fault, ...]
    tells_time: bool = False
    """Whether brokers tell their time, so that workers compare their clocks with it."""
    first_format: int = FIRST
    """The format of the first policy."""


def plan_of(seed: int) -> Plan:
    """The plan of a seed."""
    plan = _plan(seed)
    draws = Random(f"clocks {seed}")
    if draws.random() >= _TELLS_TIME:
        return plan
    # All clocks jump only without a wrong one: it could not be told which is right.
    faults = [fault for fault in plan.faults if fault.kind != "jump"]
    faults += [_wrong_clock(draws, plan.workers) for _ in range(draws.randint(1, 3))]
    ordered = tuple(sorted(faults, key=lambda fault: fault.at_s))
    return replace(plan, faults=ordered, tells_time=True)


def _plan(seed: int) -> Plan:
    random = Random(f"plan {seed}")
    mode: Mode = random.choice(("live", "replay"))
    workers = random.choice((2, 2, 3))
    leases = random.random() < 0.4
    traffic = _traffic(seed)
    first = traffic.policy(random)
    turns = Random(f"turns 35 {seed}")
    at_a_time = turns.choice((1, 1, 2, 3)) if turns.random() < _TURNS else None
    return Plan(
        seed,
        mode,
        workers,
        leases,
        oblivious_s=random.choice((0.0, 0.3, 1.5)),
        sticky=random.choice((0.0, 0.5, 0.95)),
        stuck=random.choice((0.0, 0.0, 0.01, 0.03)),
        checkpoint_pauses=random.choice((8, 20, 60)),
        policies=_policies(random, turns, traffic, first),
        at_a_time=at_a_time,
        load=_load(random, traffic, turns.randint(6, 14) if at_a_time is not None else None),
        faults=_with_policies(turns, _faults(random, workers), at_a_time),
        first_format=FIRST if traffic is PLAIN else NEWEST,
    )


_TELLS_TIME = 0.1
_TWO_YEARS_MS = 730 * _DAY_MS


def _wrong_clock(random: Random, workers: int) -> Fault:
    """From the start of a worker, or while it runs; behind so far that events are refused."""
    return Fault(
        random.choice((0.0, 0.3 + random.random() * LOAD_S)),
        "wrong_clock",
        random.randrange(workers),
        for_s=random.choice((0.3, 1.5, 10.0)),
        by_ms=random.choice((_HOUR_MS, -_HOUR_MS, _TWO_YEARS_MS, -_TWO_YEARS_MS)),
    )


def _traffic(seed: int) -> Traffic:
    """What account managers and members live by in some histories, what shops send in others.

    Only mutations of practice name some of these.
    """
    if Random(f"practice 138 {seed}").random() < _PRACTICES:
        return PRACTICE
    return SHOP if Random(f"shop 5 {seed}").random() < _SHOPS else PLAIN


def _policies(
    random: Random, turns: Random, traffic: Traffic, first: dict[str, Any]
) -> tuple[Policy, ...]:
    others = [
        _changed(random, traffic, first),
        {**_changed(turns, traffic, first), "version": "after that"},
    ]
    return tuple(check_policy(policy) for policy in (first, *others))


def _with_policies(
    turns: Random, faults: tuple[Fault, ...], at_a_time: int | None
) -> tuple[Fault, ...]:
    """Where customers take turns, at least one policy, and others soon behind it."""
    if at_a_time is None:
        return faults
    at_s = 0.3 + turns.random() * LOAD_S / 2
    policies = [
        Fault(at_s + turns.random() * 0.3, "policy") for _ in range(turns.choice((1, 1, 2, 3, 6)))
    ]
    return tuple(sorted([*faults, *policies], key=lambda fault: fault.at_s))


def _changed(random: Random, traffic: Traffic, policy: dict[str, Any]) -> dict[str, Any]:
    """Another policy with the same tiers' names, time zone and currency, or most of it."""
    other = traffic.policy(random)
    return {**other, "timezone": policy["timezone"], "version": "next"}


def _load(random: Random, traffic: Traffic, more_customers: int | None) -> tuple[Sent, ...]:
    customers, days = random.randint(2, 5), random.choice((60, 200))
    customers = more_customers or customers
    history = traffic.history(random, customers, days, merges=random.random() < 0.5)
    lines = with_merges(random, history.lines(random.randint(40, 80)))
    sent: list[Sent] = []
    at_s, wall_ms = 0.1, 0
    for line in lines:
        if random.random() < 0.3:
            at_s += random.random() * 2 * LOAD_S / (0.3 * len(lines))
        topic, occurred_ms = _read(line)
        wall_ms = max(wall_ms, occurred_ms)
        record = Sent(at_s, topic, random.randrange(2), line, random.choice((None, b"k")), wall_ms)
        sent.append(record)
        if random.random() < 0.05:
            sent.append(record)  # the producer upstream tries again
        if random.random() < 0.04 and b"amount" in line:
            sent.append(record._replace(value=_contradicted(line, wall_ms)))
    return tuple(sent)


def _contradicted(line: bytes, wall_ms: int) -> bytes:
    """The same event id with another amount and a later time: a conflict."""
    return json.dumps({**json.loads(line), "amount": "3.21", "occurred_at": wall_ms}).encode()


_TOPICS = {
    "order": "orders",
    "ticket": "support",
    "survey": "support",
    "followup": "support",
    "profile": "profiles",
    "consent": "profiles",
    "customer": "profiles",
    "activity": "profiles",
    "points": "profiles",
    "tier": "profiles",
}


def _read(line: bytes) -> tuple[str, int]:
    from scoring.timestamps import parse_rfc3339

    try:
        document = json.loads(line)
        at = document["occurred_at"]
    except (ValueError, KeyError, TypeError):
        return "browse", 0
    found = at if type(at) is int else parse_rfc3339(at)
    topic = _TOPICS.get(document["type"].split(".")[0], "browse")
    return topic, found or 0


def _faults(random: Random, workers: int) -> tuple[Fault, ...]:
    faults = [_fault(random, workers) for _ in range(random.randint(1, 5))]
    if random.random() < 0.5:
        zombie = _zombie(random, workers)
        faults.append(zombie)
        if zombie.point in _IN_REBALANCES:
            faults.append(Fault(zombie.at_s + 0.05, "rebalance"))
    return tuple(sorted(faults, key=lambda fault: fault.at_s))


_ZOMBIES_WAKE_TO = (
    ("before outputs", 3),
    ("before state", 5),
    ("before profiles", 2),
    ("before meta", 3),
    ("before log", 2),
    ("restore", 6),
    ("given back", 2),
)
"""What a worker that was frozen for long goes on with, and how often."""


_IN_REBALANCES = ("restore", "given back")


def _zombie(random: Random, workers: int) -> Fault:
    """A worker that stands still until others own its partitions, and who may die when it wakes."""
    points, weights = zip(*_ZOMBIES_WAKE_TO, strict=True)
    [point] = random.choices(points, weights)
    # Who wakes in a restore must find that others are further, and that there still is work.
    early = point in _IN_REBALANCES
    lasts_s = (1.4, 2.4) if early else random.choice(((1.0, 2.0), (1.0, 5.0)))
    return Fault(
        0.3 + random.random() * (0.5 if early else LOAD_S - 1.0),
        "freeze",
        random.randrange(workers),
        point,
        1,
        random.uniform(*lasts_s),
        kills_others=random.choice((None, "at once", "before state", "before meta", "before meta")),
    )


_KINDS = {
    "kill": 30,
    "freeze": 30,
    "stop": 6,
    "fail_write": 8,
    "write_twice": 6,
    "rebalance": 10,
    "jump": 6,
    "policy": 6,
    "compaction": 6,
    "stray": 6,
}


def _fault(random: Random, workers: int) -> Fault:
    [kind] = random.choices(list(_KINDS), list(_KINDS.values()))
    point, count = None, random.randint(1, 12)
    if kind in ("kill", "freeze"):
        if random.random() < 0.7:
            point, count = random.choice(POINTS), random.randint(1, 3)
        else:
            count = random.randint(1, 600)
    return Fault(
        0.3 + random.random() * LOAD_S,
        kind,
        random.randrange(workers),
        point,
        count,
        random.choice((0.2, 1.5, 2.5, 4.0)) * (0.5 + random.random()),
        random.choice((1, -1)) * random.choice((_HOUR_MS, _DAY_MS)),
    )
