"""Without a safeguard that no simulated history needs, the test that shows it fails.

Foreign records, letters, transactions, rebalances and faults are seen by tests of one part; those
tests must not pass if the safeguard is taken away. It is turned off as for the simulator.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

import handlers.partition
from config.settings import Settings
from handlers.partition_core import PartitionCore
from handlers.state.formats import FIRST
from streams.engine.apply import Applier
from streams.engine.failures import FailureWatch
from streams.engine.fencing import Fencing
from streams.engine.owned_partition import OwnedPartition
from streams.engine.restoring import PartitionRestore
from streams.faust_app import PartitionedStore, lenient_headers
from streams.faust_app.consumer import BatchConsumer
from streams.faust_app.read_gate import ReadGate
from streams.faust_app.recovery import StrictRecovery
from streams.kafka.clients import new_consumer
from tests.simulator.mutation import Edit, Mutation
from tests.unit import test_aborted_in_changelog as aborted_in_changelog
from tests.unit import test_dead_letter_size as dead_letter_size
from tests.unit import test_fetch_and_seek as fetch_and_seek
from tests.unit import test_foreign_records as foreign_records
from tests.unit import test_lenient_headers as header_names
from tests.unit import test_merge_refusal as merge_refusal
from tests.unit import test_overtaken_restore as overtaken_restore
from tests.unit import test_processing_failed as processing_failed
from tests.unit import test_stable_end as stable_end
from tests.unit import test_strict_recovery as strict_recovery

Shown = Callable[[], Awaitable[None] | None]

_NO_FAULT_OF_KEY = "fault = None if key == META_KEY else fault_of_key(key)", "fault = None"


@dataclass(frozen=True)
class Guard:
    """A safeguard, and the test that shows it.

    Attributes:
        safeguard: what it is.
        edit: what turns it off.
        shown: the test.
    """

    safeguard: str
    edit: Edit
    shown: Shown


async def _of_a_consumer(test: Callable[..., Awaitable[None]]) -> None:
    consumer = new_consumer(Settings(kafka_bootstrap_servers="127.0.0.1:1"))
    consumer.assign([stable_end.OURS])
    try:
        await test(consumer)
    finally:
        await consumer.stop()


async def _of_a_restore(test: Callable[..., Awaitable[None]]) -> None:
    await test(strict_recovery.new_recovery())


async def _of_an_overtaken_restore() -> None:
    case = overtaken_restore._Case()
    await case.restore()
    test = overtaken_restore.test_its_partitions_are_not_taken_over_and_nothing_is_written_for_them
    await test(case)


FOREIGN = (
    Guard(
        "a restore passes over keys that are nobody's",
        Edit(PartitionRestore, "_take_one", *_NO_FAULT_OF_KEY),
        foreign_records.test_a_restore_passes_over_foreign_keys_whatever_their_value,
    ),
    Guard(
        "a state that cannot be read is refused",
        Edit(PartitionRestore, "finish", "raise unreadable", "pass"),
        lambda: foreign_records.test_a_customers_newest_record_that_is_no_state_is_refused_by_name(
            b"no state"
        ),
    ),
    Guard(
        "a state behind which a null record stands is written again",
        Edit(PartitionRestore, "_take_tombstone", "self._restoration.hide(key.decode())", "pass"),
        foreign_records.test_a_state_behind_which_a_null_record_stands_is_written_again,
    ),
    Guard(
        "a partition that stays passes over what is not ours in its changelog",
        Edit(OwnedPartition, "_restore_again", *_NO_FAULT_OF_KEY),
        foreign_records.test_after_a_rebalance_that_leaves_the_partition_here_they_are_written_over,
    ),
    Guard(
        "an owner writes over what is no state",
        Edit(Fencing, "_overwrite_states", "partition.remove_record(record.key)", "pass"),
        foreign_records.test_an_owner_writes_over_what_somebody_writes_into_its_changelog,
    ),
    Guard(
        "an owner passes over what is no profile",
        Edit(Fencing, "_overwrite_profiles", "fault = _fault(record)", "fault = None"),
        foreign_records.test_an_owner_passes_over_what_is_no_profile_and_writes_its_own_again,
    ),
    Guard(
        "nothing is taken before the first policy",
        Edit(Applier, "_apply_keyless", "(has_policy or is_policy(value))", "True"),
        foreign_records.test_before_the_first_policy_every_record_is_a_dead_letter,
    ),
    Guard(
        "a record under another customer's key is a dead letter",
        Edit(Applier, "_apply", "event.customer_id.encode() != key", "False"),
        foreign_records.test_a_record_under_another_key_than_its_customers_is_a_dead_letter,
    ),
    Guard(
        "a forwarded record that is none is a dead letter",
        Edit(
            Applier, "_apply", "except NotForwarded as error:", "except ZeroDivisionError as error:"
        ),
        lambda: foreign_records.test_a_forged_forwarded_record_is_a_dead_letter_and_leaves_no_trace(
            b"no state", [("onward", b"not json"), foreign_records.FROM]
        ),
    ),
    Guard(
        "header names may be any bytes",
        Edit(lenient_headers, "_may_have_headers", "batch is not None and", "False and"),
        header_names.test_several_strange_ones_in_several_batches_are_read,
    ),
)

LETTERS = (
    Guard(
        "a letter holds the first 256 KiB",
        Edit(
            dead_letter_size,
            "dead_letter",
            "first = first_bytes(key, value)",
            "first = (key, value)",
        ),
        lambda: dead_letter_size.test_of_more_it_holds_the_first_256_kib_and_says_size_and_digest(
            None, b"v" * 5_000_000
        ),
    ),
    Guard(
        "a letter says what it lacks",
        Edit(dead_letter_size, "dead_letter", "original_of(key, value)", "None"),
        lambda: dead_letter_size.test_of_more_it_holds_the_first_256_kib_and_says_size_and_digest(
            b"k" * 900_000, b"{}"
        ),
    ),
    Guard(
        "a letter has attributes for which there is room",
        Edit(
            dead_letter_size,
            "dead_letter",
            "copied_attributes(headers)",
            "list(headers), 0",
        ),
        dead_letter_size.test_950_headers_of_a_kilobyte_are_bounded_and_those_that_make_the_event_stay,
    ),
)

TRANSACTIONS = (
    Guard(
        "topics are read committed",
        Edit(
            stable_end,
            "new_consumer",
            "isolation_level=isolation_level",
            "isolation_level='read_uncommitted'",
        ),
        stable_end.test_everything_is_read_committed_unless_somebody_asks_for_more,
    ),
    Guard(
        "a partition ends before an open transaction",
        Edit(stable_end, "stable_end", "if end is None or end < 0:", "if True:"),
        lambda: _of_a_consumer(stable_end.test_it_ends_before_the_first_open_transaction),
    ),
    Guard(
        "a restore ends where nothing but ends of transactions follows",
        Edit(
            StrictRecovery,
            "note_position",
            "self.active_highwaters[tp] = min(last, end)",
            "pass",
        ),
        lambda: _of_a_restore(strict_recovery.test_a_restore_ends_where_no_record_is_at_the_end),
    ),
    Guard(
        "what was aborted in our changelog is seen by nobody",
        Edit(Fencing, "_not_aborted", "not strange or self._open_committed is None", "True"),
        lambda: aborted_in_changelog.test_only_what_was_aborted_is_seen_by_nobody(False, 13, 0),
    ),
)

REBALANCES = (
    Guard(
        "a restore that was overtaken takes over no partition",
        Edit(
            PartitionedStore,
            "on_recovery_completed",
            "if not cast(StrictTables, self.app.tables).recovery.is_complete:",
            "if False:",
        ),
        _of_an_overtaken_restore,
    ),
    Guard(
        "a restore that was overtaken opens nothing",
        Edit(ReadGate, "note_resumed", "if self._step is not _Step.REVOKED:", "if True:"),
        fetch_and_seek.test_a_restore_that_a_rebalance_has_overtaken_opens_nothing,
    ),
    Guard(
        "a partition is read only where its state is",
        Edit(BatchConsumer, "getmany", " or not self._has_state(batch.tp)", ""),
        fetch_and_seek.test_a_batch_of_a_partition_whose_state_is_not_here_is_not_delivered,
    ),
    Guard(
        "a partition without its state has the group joined again",
        Edit(BatchConsumer, "_look_for_states", "self._thread.rejoin()", "pass"),
        fetch_and_seek.test_a_partition_that_comes_without_its_state_has_the_group_joined_again,
    ),
    Guard(
        "nothing is asked of a partition that was given away",
        Edit(
            stable_end,
            "stable_end",
            "if tp not in consumer.assignment():",
            "if False:",
        ),
        lambda: _of_a_consumer(stable_end.test_of_a_partition_that_was_given_away_nothing_is_known),
    ),
)

MERGES = (
    Guard(
        "a merge read again is judged by who was erased then",
        Edit(
            handlers.partition, "merge_refusal", "survivor.is_erased_at(offset)", "survivor.erased"
        ),
        merge_refusal.test_a_merge_read_again_behind_which_its_survivor_was_erased_is_a_merge_again,
    ),
    Guard(
        "a merge read again is judged by who was merged then",
        Edit(
            merge_refusal, "merge_refusal", "survivor_of(store, merge.into, offset)", "merge.into"
        ),
        lambda: merge_refusal.test_a_merge_that_was_undone_leads_in_a_circle_only_while_it_lasted(
            21, True
        ),
    ),
)

FAULTS = (
    Guard(
        "no memory left stops the worker",
        Edit(
            handlers.partition, "must_stop", "return isinstance(error, _MUST_STOP)", "return False"
        ),
        lambda: processing_failed.test_what_is_no_fault_of_a_handler_stops_the_worker(MemoryError),
    ),
    Guard(
        "too many faults within a minute stop the worker",
        Edit(FailureWatch, "note", "if self._most and len(at_ms) > self._most:", "if False:"),
        processing_failed.test_the_worker_stops_at_the_limit,
    ),
    Guard(
        "faults of another minute do not count",
        Edit(FailureWatch, "note", "at_ms.popleft()", "break"),
        processing_failed.test_more_than_a_set_number_within_a_minute_stops_the_worker,
    ),
    Guard(
        "orders leave the window though their instant is dropped",
        Edit(
            PartitionCore,
            "_let_orders_leave",
            "customer.ledger.evict(rules, rules.calendar.day(due_ms))",
            "pass",
        ),
        lambda: (
            processing_failed.test_orders_leave_the_window_though_the_instant_is_dropped_at_which_they_do(
                FIRST
            )
        ),
    ),
    Guard(
        "a policy that cannot be used leaves the one before",
        Edit(
            handlers.partition.Partition,
            "activate",
            "if must_stop(error) or self._context is None:",
            "if True:",
        ),
        processing_failed.test_a_policy_that_cannot_be_used_leaves_the_one_before_in_force,
    ),
)

GUARDS = {
    guard.safeguard: guard
    for guard in (*FOREIGN, *LETTERS, *TRANSACTIONS, *REBALANCES, *MERGES, *FAULTS)
}


async def _run(shown: Shown) -> None:
    ended = shown()
    if inspect.isawaitable(ended):
        await ended


@pytest.mark.plain("edits functions of the core in memory")
@pytest.mark.parametrize("safeguard", GUARDS)
async def test_the_test_that_shows_it_fails_without(safeguard: str) -> None:
    guard = GUARDS[safeguard]
    await _run(guard.shown)
    with (
        Mutation(safeguard, 0, (guard.edit,)).in_force(),
        pytest.raises((Exception, pytest.fail.Exception)),
    ):
        await _run(guard.shown)
