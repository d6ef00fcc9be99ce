"""The measured constants, each with the command that measured it.

They are of two shared cores of an AMD EPYC: put in your own.
"""

from __future__ import annotations

from typing import NamedTuple


class Constant(NamedTuple):
    """A measured value."""

    value: float
    unit: str
    what: str
    command: str


_PATH = "python -m bench --events 150000"
_SIZES = "python -m bench.capacity.sizes"
_GROWTH = "python -m bench.growth"
_RESTORE = "python -m bench.restore"
_VIEW = "python -m bench.view"

CONSTANTS: dict[str, Constant] = {
    "client_us": Constant(55.5, "CPU µs/event", "ingest and engine, with the client", _PATH),
    "broker_us": Constant(34.2, "CPU µs/event", "broker, one copy", _PATH),
    "outputs": Constant(0.16, "records/event", "outputs", _PATH),
    "profiles": Constant(0.40, "records/event", "profiles", _PATH),
    "states": Constant(0.57, "records/event", "states", _PATH),
    "upstream_bytes": Constant(271, "bytes", "an event upstream", _SIZES),
    "log_bytes": Constant(306, "bytes", "an event in the log", _SIZES),
    "output_bytes": Constant(989, "bytes", "an output", _SIZES),
    "profile_bytes": Constant(948, "bytes", "a profile", _SIZES),
    "tick_bytes": Constant(108, "bytes", "a tick in the log", _SIZES),
    "own_bytes": Constant(1_698, "bytes", "the partition's own record", _SIZES),
    "state_bytes": Constant(990, "bytes", "a packed state, ten orders", _GROWTH),
    "memory_bytes": Constant(1_362, "bytes/customer", "in a worker, ten orders", _GROWTH),
    "due_us": Constant(189, "CPU µs", "a customer who falls due", _GROWTH),
    "restore_us": Constant(7.7, "µs/customer", "restore, one core", _RESTORE),
    "base_bytes": Constant(84 * 2**20, "bytes", "a worker without customers", _RESTORE),
    "idle_core": Constant(
        0.0055, "cores/partition", "a partition without events", "python -m bench.latency --rates 0"
    ),
    "view_bytes": Constant(3_976, "bytes/customer", "Redis, full profile", _VIEW),
    "view_us": Constant(62, "CPU µs/profile", "Redis, an update", _VIEW),
}
