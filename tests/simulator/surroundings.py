"""What a simulated worker is put into: the same for all workers of a history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from handlers.control_records import Mode
from tests.simulator.broker import Broker
from tests.simulator.clock import WallClock
from tests.simulator.group import Group
from tests.simulator.network import Network
from tests.simulator.producer import WriteFaults


@dataclass(frozen=True)
class Surroundings:
    """The world as a worker sees it.

    Attributes:
        broker: the topics.
        group: the consumer group.
        network: between workers and those.
        clock: wall time.
        write_faults: which writes go wrong.
        draws: where batches are cut.
        mode: of the deployment.
        leases: whether workers ask before each write whether they are still members.
        oblivious_s: how long a worker does not hear that the group has given it up.
        changelog: the topic of the customers table.
        ticking: whether ticks are written.
        clock_draws: how long brokers take to tell their time; None: they never tell it.
    """

    broker: Broker
    group: Group
    network: Network
    clock: WallClock
    write_faults: WriteFaults
    draws: Random
    mode: Mode
    leases: bool
    oblivious_s: float
    changelog: str
    ticking: Callable[[], bool]
    clock_draws: Random | None
