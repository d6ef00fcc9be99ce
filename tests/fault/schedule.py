"""Which faults an episode has, and when: a pure function of its seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.harness.controls import POINTS

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_OFFSETS_MS = (
    -_DAY_MS,
    -_HOUR_MS,
    _HOUR_MS - 300_000,  # the most that Kafka takes is an hour
    _HOUR_MS + 60_000,
    _DAY_MS,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        at_s: seconds after the first.
        kind: a name of `KINDS`.
        target: a process, ``broker-<n>``, ``brokers``, ``redis``, ``load``, or ``all`` workers.
        seconds: until it is healed; 0 where there is nothing to heal.
        detail: what else there is to know: a point of death, a direction, an offset, a count.
    """

    at_s: float
    kind: str
    target: str
    seconds: float = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """What an episode is made of.

    Attributes:
        workers: places of workers.
        brokers: nodes of the cluster.
        faults: how many.
        gap_s: mean time from one to the next.
        patient: whether faults last as long as in production, or just long enough to be noticed.
        session_s: silence after which the group takes a worker for dead.
    """

    workers: int = 3
    brokers: int = 1
    faults: int = 10
    gap_s: float = 4.5
    patient: bool = False
    session_s: float = 4.0


Maker = Callable[[Random, Shape], tuple[str, float, str]]


def schedule(seed: int, shape: Shape) -> list[Fault]:
    """The faults of the episode with this seed, in the order of their beginning.

    Kinds come from a shuffled deck, so that a few episodes together have all of them.
    """
    random = Random(f"schedule {seed}")
    deck: list[str] = []
    faults = []
    at_s = 0.0
    for _ in range(shape.faults):
        if not deck:
            deck = [kind for kind, (_, copies) in KINDS.items() for _ in range(copies)]
            random.shuffle(deck)
        kind = deck.pop()
        target, seconds, detail = KINDS[kind][0](random, shape)
        faults.append(Fault(round(at_s, 2), kind, target, round(seconds, 2), detail))
        # Mostly one at a time; now and then the next begins while this one lasts.
        at_s += shape.gap_s * random.choice((0.1, 0.8, 1.0, 1.3, 1.8))
    return faults


def _worker(random: Random, shape: Shape) -> str:
    return f"worker-{random.randrange(shape.workers)}"


def _broker(random: Random, shape: Shape) -> str:
    return f"broker-{random.randrange(shape.brokers)}"


def _process(random: Random, shape: Shape) -> str:
    return random.choice((*(f"worker-{n}" for n in range(shape.workers)), "projector"))


def _longer_than_session(random: Random, shape: Shape) -> float:
    return 30.0 if shape.patient else shape.session_s + random.uniform(1.5, 3.0)


def _kill_at(random: Random, shape: Shape) -> tuple[str, float, str]:
    return _worker(random, shape), 0.0, random.choice(POINTS)


def _freeze_at(random: Random, shape: Shape) -> tuple[str, float, str]:
    target, _, point = _kill_at(random, shape)
    return target, _longer_than_session(random, shape), point


def _kill(random: Random, shape: Shape) -> tuple[str, float, str]:
    return _process(random, shape), 0.0, ""


def _stop(random: Random, shape: Shape) -> tuple[str, float, str]:
    return _worker(random, shape), _longer_than_session(random, shape), ""


def _storm(random: Random, shape: Shape) -> tuple[str, float, str]:
    return "guests", random.uniform(6.0, 10.0), str(random.randint(1, 2))


def _crowd(random: Random, _: Shape) -> tuple[str, float, str]:
    return "guests", random.uniform(6.0, 10.0), ""


def _broker_away(random: Random, shape: Shape) -> tuple[str, float, str]:
    return _broker(random, shape), random.uniform(2.0, 8.0 if shape.patient else 4.0), ""


def _all_down(random: Random, shape: Shape) -> tuple[str, float, str]:
    return "brokers", 20.0 if shape.patient else random.uniform(4.0, 6.0), ""


def _lane(random: Random, shape: Shape) -> tuple[str, float, str]:
    target = random.choice((_process(random, shape), "all"))
    return target, random.uniform(2.0, 8.0), random.choice(("requests", "answers", "both"))


def _redis(random: Random, _: Shape) -> tuple[str, float, str]:
    return "redis", random.uniform(2.0, 6.0), ""


def _burst(random: Random, _: Shape) -> tuple[str, float, str]:
    return "load", 0.0, str(random.randint(3, 8))


def _policy(random: Random, _: Shape) -> tuple[str, float, str]:
    return "load", 0.0, str(random.randrange(1_000_000))


def _clock(random: Random, shape: Shape) -> tuple[str, float, str]:
    target = random.choice((_worker(random, shape), "all"))
    return target, random.uniform(3.0, 8.0), str(random.choice(_OFFSETS_MS))


KINDS: dict[str, tuple[Maker, int]] = {
    "kill_at": (_kill_at, 4),
    "kill": (_kill, 2),
    "terminate": (_kill, 1),
    "freeze": (_stop, 1),
    "freeze_at": (_freeze_at, 2),
    "storm": (_storm, 1),
    "crowd": (_crowd, 1),
    "broker_kill": (_broker_away, 1),
    "broker_pause": (_broker_away, 1),
    "brokers_down": (_all_down, 1),
    "cut": (_lane, 1),
    "half_open": (_lane, 1),
    "slow": (_lane, 1),
    "redis_kill": (_redis, 1),
    "redis_flush": (_redis, 1),
    "redis_pause": (_redis, 1),
    "oversized": (_burst, 1),
    "poison": (_burst, 1),
    "poison_log": (_burst, 1),
    "policy": (_policy, 1),
    "clock": (_clock, 2),
}
"""Every kind of fault that leaves the cluster's data alone: how it is drawn, how often it is in a
deck."""
