"""Safeguards of the product that can be turned off, one by one."""

from __future__ import annotations

from typing import Any

import handlers.state.restore
import handlers.state.store
import streams.engine.agent
import streams.engine.restoring
import streams.ingest.agent
from handlers.partition import Partition
from handlers.state.restore import Restoration
from streams.checked_clock import CheckedClock
from streams.engine.agent import Engine
from streams.engine.fencing import Fencing
from streams.engine.flusher import Flusher
from streams.engine.owned_partition import OwnedPartition
from streams.engine.restoring import PartitionRestore
from streams.faust_app import BatchProducer, PartitionedStore
from streams.faust_app.commit import PartitionAcks
from streams.ingest.agent import Ingest
from tests.simulator.fault_mutations import OF_FAULTS
from tests.simulator.merge_mutations import OF_MERGES
from tests.simulator.mutation import Edit, Mutation
from tests.simulator.practice_mutations import OF_PRACTICE
from tests.simulator.round_mutations import OF_ROUNDS

_STATE_STEP = 'await self._step("state", partition, batch, self._records.states)'
_CLAIM_STEP = 'await self._step("claim", partition, batch, self._records.ownership)'
_OUTPUT_STEP = 'await self._step("outputs", partition, batch, self._records.outputs)'
_PROFILE_STEP = 'await self._step("profiles", partition, batch, self._records.profiles)'
_ACKS = """for event in batch.events:
            event.ack()"""


_BEHIND_COMMIT = Edit(OwnedPartition, "take", "batch.read_from > self._last_offset + 1", "False")


def _last_write_wins(module: Any) -> Edit:
    return Edit(
        module, "is_newer", "(found.epoch, found.applied) > (known.epoch, known.applied)", "True"
    )


def _acked_when_taken(module: Any) -> Edit:
    return Edit(module, "batch_events", "stream.noack().events()", "stream.events()")


_ALL = (
    Mutation(
        "states in the format of their partition",
        killed_by=5_004,
        edits=(
            Edit(
                OwnedPartition,
                "take_flush_batch",
                "pack_changed(self._meta.epoch, self._meta.format)",
                "pack_changed(self._meta.epoch, 1)",
            ),
        ),
    ),
    Mutation(
        "a format that stays through a restore",
        killed_by=5_007,
        edits=(
            Edit(
                streams.engine.restoring,
                "unpack_meta",
                "meta.format = format_of(packed)",
                "pass",
            ),
        ),
    ),
    Mutation(
        "outputs before state",
        killed_by=5_004,
        edits=(
            Edit(
                Flusher,
                "_write",
                f"{_OUTPUT_STEP}\n    {_CLAIM_STEP}\n    {_STATE_STEP}",
                f"{_CLAIM_STEP}\n    {_STATE_STEP}\n    {_OUTPUT_STEP}",
            ),
        ),
    ),
    Mutation(
        "state before commit",
        killed_by=5_001,
        edits=(
            Edit(
                Flusher,
                "_write",
                _OUTPUT_STEP,
                f"[event.ack() for event in batch.events]\n    {_OUTPUT_STEP}",
            ),
        ),
    ),
    Mutation(
        "acks in order",
        killed_by=5_005,
        edits=(
            Edit(PartitionAcks, "append", "if last_offset != oldest:", "if False:"),
            Edit(
                PartitionAcks,
                "append",
                "self._in_flight.popleft()",
                "self._in_flight.remove(last_offset)",
            ),
            Edit(
                Flusher,
                "_write",
                "self._metrics.flushed(batch)",
                "len(partition._events) > 1 and partition._events.pop().ack()",
            ),
        ),
    ),
    Mutation(
        "epoch merge of states",
        killed_by=5_023,
        edits=tuple(map(_last_write_wins, (handlers.state.restore, handlers.state.store))),
    ),
    Mutation(
        "epoch merge of the partition's record",
        killed_by=5_213,
        edits=(
            Edit(
                PartitionRestore,
                "_take_meta",
                "if is_newer(meta, self.meta):",
                "if True:",
            ),
        ),
    ),
    Mutation(
        "foreign-write check",
        killed_by=5_023,
        edits=(Edit(Fencing, "_compare_changelog", "if foreign is not None:", "if False:"),),
    ),
    Mutation(
        "foreign-write check without own writes",
        killed_by=5_158,
        edits=(Edit(Engine, "_look_for_foreign_writes", "in asked:", "in ():"),),
    ),
    Mutation(
        "foreign-write check of profiles",
        killed_by=5_158,
        edits=(Edit(Fencing, "_compare_profiles", "if foreign is not None:", "if False:"),),
    ),
    Mutation(
        "foreign-write check at the restore",
        killed_by=5_185,
        edits=(Edit(Restoration, "take", "self._hidden[customer_id] = None", "pass"),),
    ),
    Mutation(
        "skip of what a customer's state contains",
        killed_by=5_007,
        edits=(Edit(Partition, "_apply", "elif customer.applied >= offset:", "elif False:"),),
    ),
    Mutation(
        "skip of applied source positions",
        killed_by=5_002,
        edits=(
            Edit(
                Partition,
                "is_applied",
                "return is_repeated(self.meta.source_offsets, source)",
                "return False",
            ),
        ),
    ),
    Mutation(
        "stop on a failed write",
        killed_by=5_001,
        edits=(
            Edit(
                BatchProducer,
                "deliver",
                "self._failure = failures[0]\n        raise failures[0]",
                "results = [-1 if result in failures else result for result in results]",
            ),
        ),
    ),
    Mutation(
        # Each of the two does for the other.
        "a new restore after a missed generation, and no state behind the commit",
        killed_by=5_204,
        edits=(
            Edit(
                PartitionedStore,
                "on_rebalance",
                "self._generation is None or generation_id != self._generation + 1",
                "False",
            ),
            _BEHIND_COMMIT,
        ),
    ),
    Mutation(
        "an owner's own record before its first state",
        killed_by=5_000,
        edits=(Edit(Flusher, "_write", _CLAIM_STEP, "pass"),),
    ),
    Mutation(
        "states as of the outputs",
        killed_by=5_017,
        edits=(
            Edit(
                Flusher,
                "_write",
                _STATE_STEP,
                "newer = partition.partition.store.pack_changed("
                "partition.epoch, partition.partition.meta.format)"
                "\n    batch = batch._replace(states=[*batch.states, *newer])"
                f"\n    {_STATE_STEP}",
            ),
        ),
    ),
    Mutation(
        "profiles before commit",
        killed_by=5_025,
        edits=(
            Edit(Flusher, "_write", _PROFILE_STEP, "pass"),
            Edit(Flusher, "_write", _ACKS, f"{_ACKS}\n        {_PROFILE_STEP}"),
        ),
    ),
    Mutation(
        "profiles of what is ahead of the checkpoint",
        killed_by=5_025,
        edits=(Edit(OwnedPartition, "on_restored", "self._ahead = found.ahead", "pass"),),
    ),
    Mutation(
        "a refused record moves no time when it is skipped",
        killed_by=5_011,
        edits=(Edit(Partition, "skip", "if offset not in customer.refused:", "if True:"),),
    ),
    Mutation(
        "input acked when Kafka has it",
        killed_by=5_005,
        edits=(
            Edit(Ingest, "flush", "await self._producer.flush()", "pass"),
            Edit(
                Ingest,
                "flush",
                "for event in events:\n            event.ack()",
                "for event in events:\n            event.ack()"
                "\n        await self._producer.flush()",
            ),
        ),
    ),
    Mutation(
        "acks left to the flush",
        killed_by=5_000,
        edits=tuple(map(_acked_when_taken, (streams.engine.agent, streams.ingest.agent))),
    ),
    Mutation(
        "a state that is behind the commit is refused",
        killed_by=9_189,
        edits=(_BEHIND_COMMIT,),
    ),
    Mutation(
        "an epoch of its own for each owner",
        killed_by=5_042,
        edits=(
            Edit(
                OwnedPartition,
                "on_restored",
                "max(self._max_epoch + 1, generation)",
                "max(self._max_epoch, 1)",
            ),
        ),
    ),
    Mutation(
        "a worker with a wrong clock ends",
        killed_by=5_050,
        edits=(
            Edit(CheckedClock, "_compare", "if 2 * len(wrong) > len(readings):", "if False:"),
            Edit(CheckedClock, "_compare", "if one not in wrong", "if True"),
        ),
    ),
    Mutation(
        "a clock is compared before its first use",
        killed_by=5_080,
        edits=(
            Edit(
                CheckedClock,
                "_holds",
                "if found is None:\n        return False",
                "if found is None:\n        return True",
            ),
        ),
    ),
    Mutation(
        "a clock that has jumped is compared before it is used",
        killed_by=5_050,
        edits=(Edit(CheckedClock, "_holds", "abs(moved_ms) <= _JUMP_MS", "True"),),
    ),
)

MUTATIONS: dict[str, Mutation] = {
    mutation.safeguard: mutation
    for mutation in (*_ALL, *OF_MERGES, *OF_FAULTS, *OF_ROUNDS, *OF_PRACTICE)
}
