"""Safeguards against faults in handlers that can be turned off."""

from __future__ import annotations

from handlers.partition import Partition
from handlers.partition_core import PartitionCore
from handlers.undo import Undo
from streams.engine.apply import Applier
from tests.simulator.mutation import Edit, Mutation

OF_FAULTS = (
    Mutation(
        "a record that raises is put back",
        killed_by=5_013,
        edits=(Edit(Partition, "apply", "self.put_back()", "pass"),),
    ),
    Mutation(
        "a customer is put back to before the record",
        killed_by=5_045,
        edits=(Edit(Undo, "roll_back", "store.put_back(customer_id, snapshot)", "pass"),),
    ),
    Mutation(
        "a record that raises has a dead letter",
        killed_by=5_013,
        edits=(
            Edit(
                Partition,
                "apply",
                "return self.spared(rejection, customer_id)",
                "return None",
            ),
        ),
    ),
    Mutation(
        "a due instant that raises has a dead letter",
        killed_by=5_013,
        edits=(Edit(Applier, "_take_failures", "if failure.has_letter:", "if False:"),),
    ),
    Mutation(
        "a customer is put back to before the instant",
        killed_by=5_029,
        edits=(
            Edit(
                PartitionCore,
                "_drop",
                "self.store.as_packed(customer.customer_id, before)",
                "customer",
            ),
        ),
    ),
    Mutation(
        "a merge that raises restores its customer",
        killed_by=5_045,
        edits=(
            Edit(
                Partition,
                "take_transfer",
                "return return_transfer(self, offset, transfer, rejection)",
                "return rejection",
            ),
        ),
    ),
)
