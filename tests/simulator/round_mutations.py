"""Safeguards of a policy's round that can be turned off, one by one."""

from __future__ import annotations

from handlers.partition import Partition
from handlers.partition_core import PartitionCore
from handlers.state.policy_round import PolicyRound
from streams.engine.owned_partition import OwnedPartition
from tests.simulator.mutation import Edit, Mutation

OF_ROUNDS = (
    Mutation(
        "a round that goes on after a restart",
        killed_by=5_081,
        edits=(
            Edit(
                OwnedPartition,
                "_snapshot",
                "replace(self._meta, ",
                "replace(self._meta, round=None, ",
            ),
        ),
    ),
)

SEEN_BY_THE_ORACLE = (
    Mutation(
        "what is due waits for the turn",
        killed_by=2,
        edits=(Edit(PartitionCore, "_fire_due", "if self.round.waits(customer_id):", "if False:"),),
    ),
    Mutation(
        "a record's own customer has a turn first",
        killed_by=0,
        edits=(Edit(PartitionCore, "go_round", "self.take_turn(offset, own)", "pass"),),
    ),
    Mutation(
        "a turn is as of when the policy came",
        killed_by=2,
        edits=(
            Edit(
                PolicyRound,
                "standing_of",
                "max(customer.newest_ms, former.clock_ms)",
                "max(customer.newest_ms, self._meta.clock_ms)",
            ),
        ),
    ),
    Mutation(
        "who waits comes from the policy it is under",
        killed_by=2,
        edits=(
            Edit(
                PolicyRound,
                "standing_of",
                "next(each for each in current.formers if customer.applied < each.offset)",
                "current.formers[-1]",
            ),
        ),
    ),
    Mutation(
        "orders that left the window while a customer waits are not known",
        killed_by=60,
        edits=(
            Edit(
                Partition,
                "_as_of_now",
                "if self.round.standing_of(customer) is None:",
                "if True:",
            ),
        ),
    ),
    Mutation(
        "a round is finished at the end",
        killed_by=0,
        edits=(Edit(PartitionCore, "finish_round", "while self.round.is_on:", "while False:"),),
    ),
    Mutation(
        "the clock moves after the turns",
        killed_by=2,
        edits=(
            Edit(
                Partition,
                "tick",
                "self.go_round(offset, None)\n    "
                "    self.move_clock(offset, wall_ms - self.meta.allowed_lateness_ms)",
                "self.move_clock(offset, wall_ms - self.meta.allowed_lateness_ms)\n    "
                "    self.go_round(offset, None)",
            ),
        ),
    ),
)
"""A fold of the log without them is as wrong as the worker: who sees it shares no code with it."""
