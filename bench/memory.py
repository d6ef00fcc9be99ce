"""Memory a customer: a worker's partition restores packed states in a process of its own.

`python -m bench.memory STATES` prints the bytes that a process grows by for each customer: with
its state packed, as all are kept, and unpacked beside it, as those in use are.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.load import Load
from bench.offline import live_partition
from bench.processes import resident_bytes
from handlers.reasons import Rejection
from streams.engine.owned_partition import OwnedPartition
from tests.support.changelog import changelog_batch

_CHUNK = 2_000


class Memory(NamedTuple):
    """Bytes for one customer."""

    customers: int
    state_bytes: float
    """The packed state alone."""
    restored_bytes: float
    """What a process grows by: packed state, its key, its due instant."""
    in_use_bytes: float
    """What it grows by further for a customer that is in use."""


def measure(load: Load) -> Memory:
    """Restore the customers of a load in a fresh process."""
    partition = live_partition()
    for position, record in enumerate(load.records(), 1):
        event = partition.admit(record.value)
        assert not isinstance(event, Rejection)
        partition.apply(position, event)
    partition.context.outbox.clear()
    states = partition.store.pack_changed(1)
    with tempfile.TemporaryDirectory(prefix="tierstream-bench-") as folder:
        file = Path(folder) / "states"
        file.write_bytes(msgspec.msgpack.encode(states))
        child = [sys.executable, "-m", "bench.memory", str(file)]
        told = subprocess.run(child, check=True, capture_output=True, text=True).stdout.split()
    packed_bytes = sum(len(packed) for _, packed in states) / len(states)
    return Memory(len(states), packed_bytes, float(told[0]), float(told[1]))


def _restore(file: Path) -> tuple[float, float]:
    states = msgspec.msgpack.Decoder(list[tuple[str, bytes]])
    partition = OwnedPartition(0, lambda _: None)
    gc.collect()
    empty_bytes = resident_bytes(os.getpid())
    count = _restore_states(partition, states.decode(file.read_bytes()))
    partition.on_restored(1)
    gc.collect()
    restored_bytes = resident_bytes(os.getpid())
    store = partition.partition.store
    store.max_live = count
    for customer_id in store.ids():
        store.get(customer_id)
    gc.collect()
    in_use_bytes = resident_bytes(os.getpid())
    return (restored_bytes - empty_bytes) / count, (in_use_bytes - restored_bytes) / count


def _restore_states(partition: OwnedPartition, states: list[tuple[str, bytes]]) -> int:
    for start in range(0, len(states), _CHUNK):
        chunk = states[start : start + _CHUNK]
        records = [(customer_id.encode(), packed) for customer_id, packed in chunk]
        partition.restore(changelog_batch(records))
    return len(states)


if __name__ == "__main__":
    restored, in_use = _restore(Path(sys.argv[1]))
    sys.stdout.write(f"{restored:.1f} {in_use:.1f}\n")
