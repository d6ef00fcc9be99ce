"""Safeguards of merges that can be turned off, one by one."""

from __future__ import annotations

import handlers.merge.routing
import handlers.partition
import handlers.state.store
from streams.engine.apply import Applier
from streams.engine.records import EngineRecords
from tests.simulator.mutation import Edit, Mutation

_TAKEN_BACK = "marker, customer = core.store.get(transfer.customer_id), unpack(transfer.state)"

OF_MERGES = (
    Mutation(
        "skip of what already came from another customer",
        killed_by=5_004,
        edits=(Edit(Applier, "_apply", "forwarded.source if", "None if"),),
    ),
    Mutation(
        "skip of a transfer that the state contains",
        killed_by=5_007,
        edits=(
            Edit(
                handlers.partition,
                "receive_transfer",
                "if customer is not None and customer.applied >= offset:",
                "if False:",
            ),
        ),
    ),
    Mutation(
        "what goes on before state",
        killed_by=5_117,
        edits=(
            Edit(EngineRecords, "outputs", "in batch.envelopes:", "in ():"),
            Edit(
                EngineRecords,
                "states",
                "yield changelog, number, customer_id.encode(), packed, ()",
                "yield changelog, number, customer_id.encode(), packed, ()"
                "\n    for key, passed, headers in batch.envelopes:"
                "\n        target = partition_of(key, self._partitions)"
                "\n        yield self._events, target, key, passed, headers",
            ),
        ),
    ),
    Mutation(
        "a marker that stays through a restore",
        killed_by=5_007,
        edits=(
            Edit(
                handlers.state.store,
                "unpack",
                "return _decoder.decode(without_number(_NAME, packed))",
                "found = _decoder.decode(without_number(_NAME, packed))"
                "\n    found.merged_into = None\n    return found",
            ),
        ),
    ),
    Mutation(
        "who was merged leaves",
        killed_by=5_005,
        edits=(
            Edit(
                handlers.partition,
                "start_merge",
                "core.put_marker(offset, merged_customer(customer, merged_into), was)",
                "core.put(offset, customer, was)",
            ),
        ),
    ),
    Mutation(
        "what goes on moves no time when it is skipped",
        killed_by=5_011,
        edits=(
            Edit(
                handlers.merge.routing,
                "_pass_on",
                "core.note_refused(offset, customer, occurred_ms)",
                "pass",
            ),
        ),
    ),
    Mutation(
        "a way back without a loss",
        killed_by=5_001,
        edits=(
            Edit(
                handlers.merge.routing,
                "_as_it_left",
                _TAKEN_BACK,
                f"{_TAKEN_BACK}\n    del customer.ledger.orders[:]",
            ),
        ),
    ),
    Mutation(
        "a way back that knows where it came from",
        killed_by=5_001,
        edits=(Edit(handlers.merge.routing, "next_step", "back=last)", "back=None)"),),
    ),
    Mutation(
        "a circle that is noticed",
        killed_by=5_011,
        edits=(
            Edit(
                handlers.merge.routing,
                "next_step",
                "hop != route.back and hop not in route.via",
                "True",
            ),
        ),
    ),
    Mutation(
        "hops that a dump knows",
        killed_by=5_011,
        edits=tuple(
            Edit(handlers.merge.routing, name, "merged_into.number", "merged_into.offset")
            for name in ("first_step", "next_step")
        ),
    ),
)
