"""Safeguards of the product that can be turned off, one by one, by editing its code in memory.

Each is a place in a function and what stands there instead. A place that is not found exactly once
fails, so a mutation cannot silently cease to be one.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import handlers.restoration
import handlers.store
import streams.engine
import streams.ingest
from handlers.partition import Partition
from handlers.restoration import Restoration
from streams.engine import Engine
from streams.engine_partition import EnginePartition
from streams.faust_app import BatchProducer, PartitionedStore
from streams.faust_app.commit import PartitionLedger
from streams.ingest import Ingest


@dataclass(frozen=True)
class Edit:
    """A change of one function or method.

    Attributes:
        owner: its class or module.
        name: its name there.
        old: what stands in it, exactly once.
        new: what stands there instead.
    """

    owner: Any
    name: str
    old: str
    new: str

    def apply(self, source: str) -> str:
        """The function's source with the change."""
        count = source.count(self.old)
        if count != 1:
            raise ValueError(f"{self.name} has {self.old!r} {count} times")
        return source.replace(self.old, self.new)


def _compiled(owner: Any, name: str, edits: Sequence[Edit]) -> Callable[..., Any]:
    """A function of the product with some changes."""
    original = inspect.getattr_static(owner, name)
    source = textwrap.dedent(inspect.getsource(original))
    for edit in edits:
        source = edit.apply(source)
    module = inspect.getmodule(original)
    assert module is not None
    # Annotations are postponed, as in the module it comes from.
    text = f"from __future__ import annotations\n{source}"
    scope = dict(vars(module))
    exec(compile(text, f"<{name} without a safeguard>", "exec"), scope)  # noqa: S102
    made: Callable[..., Any] = scope[name]
    return made


@dataclass(frozen=True)
class Mutation:
    """A safeguard, and the edits that turn it off."""

    safeguard: str
    edits: tuple[Edit, ...]

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Run without the safeguard."""
        with ExitStack() as stack:
            for owner, name in dict.fromkeys((edit.owner, edit.name) for edit in self.edits):
                edits = [edit for edit in self.edits if (edit.owner, edit.name) == (owner, name)]
                made = _compiled(owner, name, edits)
                stack.enter_context(mock.patch.object(owner, name, made))
            yield


_STATE_STEP = 'await self._step("state", taken, self._records.states)'
_CLAIM_STEP = 'await self._step("claim", taken, self._records.claim)'
_OUTPUT_STEP = 'await self._step("outputs", taken, self._records.outputs)'
_PROFILE_STEP = 'await self._step("profiles", taken, self._records.profiles)'
_ACKS = """for _, unflushed in taken:
            for event in unflushed.events:
                event.ack()"""


_BEHIND_COMMIT = Edit(EnginePartition, "take", "batch.first_offset > self._position + 1", "False")


def _last_write_wins(module: Any) -> Edit:
    return Edit(
        module, "is_newer", "(head.epoch, head.applied) > (known.epoch, known.applied)", "True"
    )


def _acked_when_taken(module: Any) -> Edit:
    return Edit(module, "batch_events", "stream.noack().events()", "stream.events()")


_ALL = (
    Mutation(
        "outputs before state",
        (
            Edit(
                Engine,
                "_write",
                f"{_OUTPUT_STEP}\n    {_CLAIM_STEP}\n    {_STATE_STEP}",
                f"{_CLAIM_STEP}\n    {_STATE_STEP}\n    {_OUTPUT_STEP}",
            ),
        ),
    ),
    Mutation(
        "state before commit",
        (
            Edit(
                Engine,
                "_write",
                _OUTPUT_STEP,
                "[event.ack() for _, found in taken for event in found.events]"
                f"\n    {_OUTPUT_STEP}",
            ),
        ),
    ),
    Mutation(
        "acks in order",
        (
            Edit(PartitionLedger, "append", "if last_offset != oldest:", "if False:"),
            Edit(
                PartitionLedger,
                "append",
                "self._in_flight.popleft()",
                "self._in_flight.remove(last_offset)",
            ),
            Edit(
                Engine,
                "_write",
                "self._metrics.flushed(self.partitions)",
                "[p._events.pop().ack() for p in self.partitions if len(p._events) > 1]",
            ),
        ),
    ),
    Mutation(
        "epoch merge of states",
        tuple(map(_last_write_wins, (handlers.restoration, handlers.store))),
    ),
    Mutation(
        "epoch merge of the partition's record",
        (
            Edit(
                EnginePartition,
                "_restore_meta",
                "self._partition is None and found > known",
                "self._partition is None",
            ),
        ),
    ),
    Mutation(
        "foreign-write check",
        (Edit(Engine, "_note_changelog", "if gap is not None:", "if False:"),),
    ),
    Mutation(
        "foreign-write check without own writes",
        (Edit(Engine, "flush_often", ">= self._ownership.look_every_s", "< 0"),),
    ),
    Mutation(
        "foreign-write check of profiles",
        (Edit(Engine, "_note_profiles", "if gap is not None:", "if False:"),),
    ),
    Mutation(
        "foreign-write check at the restore",
        (Edit(Restoration, "take", "self._hidden[customer_id] = None", "pass"),),
    ),
    Mutation(
        "skip of what a customer's state contains",
        (Edit(Partition, "apply", "elif customer.applied >= position:", "elif False:"),),
    ),
    Mutation(
        "skip of applied source positions",
        (
            Edit(
                Partition,
                "is_applied",
                "return is_repeated(self.meta.positions, source)",
                "return False",
            ),
        ),
    ),
    Mutation(
        "stop on a failed write",
        (
            Edit(
                BatchProducer,
                "flush",
                "self._failure = failures[0]\n            raise failures[0]",
                "results = [-1 if result in failures else result for result in results]",
            ),
        ),
    ),
    Mutation(
        # Each of the two does for the other.
        "a new restore after a missed generation, and no state behind the commit",
        (
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
        (Edit(Engine, "_write", _CLAIM_STEP, "pass"),),
    ),
    Mutation(
        "states as of the outputs",
        (
            Edit(
                Engine,
                "_write",
                _STATE_STEP,
                "repacked = lambda p, u: u.states + p.partition.store.pack_changed(p.epoch)"
                "\n    taken = [(p, u._replace(states=repacked(p, u))) for p, u in taken]"
                f"\n    {_STATE_STEP}",
            ),
        ),
    ),
    Mutation(
        "profiles before commit",
        (
            Edit(Engine, "_write", _PROFILE_STEP, "pass"),
            Edit(Engine, "_write", _ACKS, f"{_ACKS}\n        {_PROFILE_STEP}"),
        ),
    ),
    Mutation(
        "profiles of what is ahead of the checkpoint",
        (Edit(EnginePartition, "on_restored", "sorted(found.ahead, reverse=True)", "[]"),),
    ),
    Mutation(
        "a refused record moves no time when it is skipped",
        (Edit(Partition, "apply", "if position not in customer.refused:", "if True:"),),
    ),
    Mutation(
        "input acked when Kafka has it",
        (
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
        tuple(map(_acked_when_taken, (streams.engine, streams.ingest))),
    ),
    Mutation(
        "a state that is behind the commit is refused",
        (_BEHIND_COMMIT,),
    ),
    Mutation(
        "an epoch of its own for each owner",
        (
            Edit(
                EnginePartition,
                "on_restored",
                "max(self._max_epoch + 1, generation)",
                "max(self._max_epoch, 1)",
            ),
        ),
    ),
)

MUTATIONS: dict[str, Mutation] = {mutation.safeguard: mutation for mutation in _ALL}
