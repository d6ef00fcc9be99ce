"""When which fault happens: a pure function of the seed, in bursts of the load.

Orders come in bursts, as where a shop's backend sends every few seconds what it has gathered. A
fault begins shortly after a burst, while orders are on their way.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

KINDS = {"kill": 4, "freeze": 9, "join": 4, "broker": 5}
"""How many bursts each fault has to itself, so that its effects are its own."""

ROUND = ("kill", "kill", "freeze", "freeze", "join", "broker")


class Fault(NamedTuple):
    """One fault."""

    burst: int
    """Which burst it follows."""
    delay_s: float
    kind: str
    worker: int


class Timetable(NamedTuple):
    """The load and the faults in it."""

    faults: tuple[Fault, ...]
    bursts: int


def timetable(seed: int, rounds: int, workers: int, kinds: Sequence[str] = ROUND) -> Timetable:
    """Each of the kinds once a round, in an order of its own."""
    random = Random(f"timetable {seed}")
    faults, burst = [], 1
    for _ in range(rounds):
        for kind in random.sample(kinds, len(kinds)):
            delay_s = round(random.uniform(0.1, 0.9), 2)
            faults.append(Fault(burst, delay_s, kind, random.randrange(workers)))
            burst += KINDS[kind]
    return Timetable(tuple(faults), burst)
