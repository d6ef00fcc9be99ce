"""A burst of ten times the load on one worker: how long orders wait, and until when.

Events come at a constant rate, then at ten times that rate, and at the first rate again. A wait is
that of `bench.latency`: from the instant at which an order was meant to be sent to the reading of
its `tier.changed`.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.latency import Events
from bench.restore import environment_of, settings_of
from bench.workers import Workers
from config.policy_file import load_policy
from devtools.servers import Broker
from streams.kafka.topics import create_topics
from streams.policy_log import ensure_policy

TIMES = 10
_BACK_TO_NORMAL = 2.0
"""It is caught up once nobody waits more than twice as long as the longest before the burst."""


class Burst(NamedTuple):
    """What a burst did. Waits are in seconds."""

    rate: int
    seconds: float
    """Of the burst."""
    outputs: int
    longest_before_s: float
    longest_s: float
    caught_up_s: float
    """After the end of the burst; 0 if it was never behind by then."""


def run(broker: Broker, rate: int, seconds: float, tell: Callable[[str], None]) -> Burst:
    """Start a worker and send a burst to it."""
    settings = settings_of(broker)
    asyncio.run(create_topics(settings))
    asyncio.run(ensure_policy(settings, load_policy()))
    with (
        tempfile.TemporaryDirectory(prefix="tierstream-bench-") as folder,
        Workers(1, environment_of(settings), Path(folder)) as workers,
    ):
        workers.wait_until_ready()
        tell(f"{rate:,} events/s, then {rate * TIMES:,} for {seconds:g} s, then {rate:,}")
        steps = [(rate, seconds), (rate * TIMES, seconds), (rate, 3 * seconds)]
        waits = asyncio.run(Events(settings, "burst").waits(steps))
        workers.check()
    return judged(waits, rate, seconds)


def judged(waits: Sequence[tuple[float, float]], rate: int, seconds: float) -> Burst:
    """What follows from pairs of when an order was sent, since the beginning, and how long it took.

    Args:
        waits: in any order.
        rate: before the burst.
        seconds: how long the load was steady before the burst, and how long the burst was.
    """
    before_s = max(wait_s for at_s, wait_s in waits if at_s < seconds)
    late = [at_s + wait_s for at_s, wait_s in waits if wait_s > _BACK_TO_NORMAL * before_s]
    return Burst(
        rate,
        seconds,
        len(waits),
        before_s,
        max(wait_s for _, wait_s in waits),
        max(0.0, max(late, default=0.0) - 2 * seconds),
    )
