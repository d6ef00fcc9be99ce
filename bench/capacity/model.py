"""From constants, customers and events to workers, partitions, memory, disk and network.

The formulas are those of `docs/capacity.md`, under the same names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

DAY_S = 86_400
GB = 1e9


class Demand(NamedTuple):
    """What is asked for."""

    customers: float
    events_per_day: float
    peak: float = 3.0
    """Events a second at the peak over the mean."""
    copies: int = 3
    log_days: float = 365.0
    """How long the log is kept; as created, for ever."""
    upstream_days: float = 7.0
    output_days: float = 7.0
    due_share: float = 0.01
    """Customers who fall due in a day, all at its beginning at worst."""


class Machine(NamedTuple):
    """What a worker has and what is asked of it: a process uses one core."""

    memory_bytes: float = 8 * 2**30
    busy: float = 0.6
    """Of a core at the peak; the rest is for restarts and catching up."""
    restore_seconds: float = 60.0
    due_seconds: float = 300.0
    """Within which all who fall due at the beginning of a day are done."""
    partitions_per_worker: int = 2


class Need(NamedTuple):
    """What it takes. `by` is the number of workers that each reason asks for alone."""

    mean_events_s: float
    peak_events_s: float
    by: Mapping[str, int]
    workers: int
    partitions: int
    worker_memory_bytes: float
    memory_bytes: float
    restore_seconds: float
    due_seconds: float
    catch_up_seconds: float
    """After ten minutes without workers at the peak."""
    broker_cores: float
    disk_bytes: Mapping[str, float]
    idle_records_s: float
    idle_bytes_s: float
    network_in_bytes_s: float
    """Written by clients at the peak, idle ticks included."""
    network_copies_bytes_s: float
    """Between brokers."""
    network_out_bytes_s: float
    """Read by workers and the projector."""
    view_bytes: float
    view_cores: float
    """Of Redis, which has one for commands."""

    @property
    def breaks_first(self) -> str:
        """The reason that asks for most workers."""
        return max(self.by, key=lambda name: self.by[name])


def need(constants: Mapping[str, float], demand: Demand, machine: Machine) -> Need:
    """Work it out."""
    c = constants
    mean = demand.events_per_day / DAY_S
    peak = mean * demand.peak
    by = _workers_by(c, demand, machine, peak)
    workers = max(by.values())
    partitions = workers * machine.partitions_per_worker
    of_one = demand.customers / workers
    due_us = demand.customers * demand.due_share * c["due_us"]
    load_cores = peak * c["client_us"] / 1e6 + partitions * c["idle_core"]
    spare = 1 - load_cores / workers
    written = (
        c["upstream_bytes"]
        + c["log_bytes"]
        + c["outputs"] * c["output_bytes"]
        + c["profiles"] * c["profile_bytes"]
        + c["states"] * c["state_bytes"]
    )
    read = c["upstream_bytes"] + c["log_bytes"] + c["profiles"] * c["profile_bytes"]
    idle_bytes_s = partitions * (c["tick_bytes"] + c["own_bytes"])
    in_bytes_s = peak * written + idle_bytes_s
    return Need(
        mean_events_s=mean,
        peak_events_s=peak,
        by=by,
        workers=workers,
        partitions=partitions,
        worker_memory_bytes=c["base_bytes"] + of_one * c["memory_bytes"],
        memory_bytes=workers * c["base_bytes"] + demand.customers * c["memory_bytes"],
        restore_seconds=of_one * c["restore_us"] / 1e6,
        due_seconds=due_us / 1e6 / workers / spare,
        catch_up_seconds=600 * load_cores / workers / spare,
        broker_cores=peak * c["broker_us"] * demand.copies / 1e6,
        disk_bytes=_disk(c, demand, partitions),
        idle_records_s=2 * partitions,
        idle_bytes_s=idle_bytes_s,
        network_in_bytes_s=in_bytes_s,
        network_copies_bytes_s=in_bytes_s * (demand.copies - 1),
        network_out_bytes_s=peak * read + partitions * c["tick_bytes"],
        view_bytes=demand.customers * c["view_bytes"],
        view_cores=peak * c["profiles"] * c["view_us"] / 1e6,
    )


def _workers_by(
    c: Mapping[str, float], demand: Demand, machine: Machine, peak: float
) -> dict[str, int]:
    """How many workers each reason asks for."""
    a_worker = machine.busy - machine.partitions_per_worker * c["idle_core"]
    room = machine.memory_bytes * 0.75 - c["base_bytes"]
    due_s = demand.customers * demand.due_share * c["due_us"] / 1e6
    return {
        "events": math.ceil(peak * c["client_us"] / 1e6 / a_worker),
        "memory": math.ceil(demand.customers * c["memory_bytes"] / room),
        "restore": math.ceil(demand.customers * c["restore_us"] / 1e6 / machine.restore_seconds),
        "a day's beginning": math.ceil(due_s / machine.due_seconds / (1 - machine.busy)),
    }


def _disk(c: Mapping[str, float], demand: Demand, partitions: int) -> dict[str, float]:
    """Bytes on all brokers. A compacted topic holds up to twice what is newest."""
    events, copies = demand.events_per_day, demand.copies
    ticks = partitions * DAY_S * c["tick_bytes"]
    return {
        "log": copies * demand.log_days * (events * c["log_bytes"] + ticks),
        "inputs": copies * demand.upstream_days * events * c["upstream_bytes"],
        "outputs": copies * demand.output_days * events * c["outputs"] * c["output_bytes"],
        "changelog": copies * 2 * demand.customers * c["state_bytes"],
        "profiles": copies * 2 * demand.customers * c["profile_bytes"],
    }
