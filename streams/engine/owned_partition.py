"""One partition of the canonical log at this worker: state machine, owner epoch, acks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from msgspec.structs import replace

from handlers.partition import Partition
from handlers.state.customer import unpack
from handlers.state.formats import NewerFormat
from handlers.state.partition_state import Meta, unpack_meta
from handlers.state.record_order import is_newer
from handlers.state.restore import Restored
from streams.engine.apply import Applier
from streams.engine.checkpoint_profiles import CheckpointProfiles
from streams.engine.flush_batch import FlushBatch
from streams.engine.restoring import NO_STATE, PartitionRestore
from streams.faust_app.batch import Batch, BatchEvent, Record
from streams.kafka.foreign import ForeignRecords, fault_of_key
from streams.kafka.headers import META_KEY


class LogGap(Exception):
    """The log goes on behind the end of our state, which is too old to be gone on with."""


class OwnedPartition:
    """Takes batches of the log, and hands out what follows from them to be written and acked.

    Args:
        number: of the partition.
        on_restored: called when the state is complete and ours.
        most_failures: faults in handlers within a minute, as in `FailureWatch`.
        foreign: takes note of records that are not ours.
    """

    def __init__(
        self,
        number: int,
        on_restored: Callable[[OwnedPartition], None],
        most_failures: int = 0,
        foreign: ForeignRecords | None = None,
    ) -> None:
        self.number = number
        self.restored_records = 0
        self.restore_seconds = 0.0
        self.population: Counter[tuple[str, str]] = Counter()
        self._events: list[BatchEvent] = []
        self._pending_records = 0
        self._foreign = foreign or ForeignRecords()
        self._restore: PartitionRestore | None = PartitionRestore(self._foreign)
        self._meta = Meta()
        self._max_epoch = 0
        self._partition: Partition | None = None
        self._applier: Applier | None = None
        self._on_restored = on_restored
        self._most_failures = most_failures
        self._opened_s = time.monotonic()
        self._last_offset = -1
        self._rewrites_meta = False
        self._removed: dict[str, None] = {}
        self._ahead: list[tuple[int, str]] = []
        self._profiles: CheckpointProfiles | None = None
        self._profiles_end: int | None = None
        self._has_foreign_profiles = False
        self._ownership_record: Meta | None = None

    @property
    def partition(self) -> Partition:
        """The state machine, once the state is restored."""
        assert self._partition is not None, "the partition is not restored"
        return self._partition

    @property
    def applier(self) -> Applier:
        """What applies records to it, once the state is restored."""
        assert self._applier is not None, "the partition is not restored"
        return self._applier

    @property
    def is_restored(self) -> bool:
        """Whether the state is complete and ours."""
        return self._partition is not None

    @property
    def pending_batches(self) -> int:
        """Batches taken and not yet acked."""
        return len(self._events)

    @property
    def pending_records(self) -> int:
        """The records of those batches."""
        return self._pending_records

    @property
    def pending_profiles(self) -> int:
        """Profiles to be written with the next checkpoint."""
        return len(self.partition.stale_profiles)

    @property
    def epoch(self) -> int:
        """The owner epoch: once the state is ours, higher than that of every owner before."""
        return self._meta.epoch if self._restore is None else self._restore.meta.epoch

    def rewrite_record(self, key: bytes) -> None:
        """Have a changelog record written again, because a former owner wrote over it."""
        if key == META_KEY:
            self._rewrites_meta = True
        else:
            self.partition.store.touch(key.decode())

    def remove_record(self, key: bytes) -> None:
        """Have a changelog record that is no state superseded: by the state, or a null record."""
        if key == META_KEY:
            self._rewrites_meta = True
        elif self.partition.store.applied(key.decode()) >= 0:
            self.partition.store.touch(key.decode())
        else:
            self._removed[key.decode()] = None

    def rewrite_profile(self, key: bytes) -> None:
        """Have the profile of a customer written again, if we know one."""
        customer_id = key.decode()
        if self.partition.store.applied(customer_id) >= 0:
            self.partition.stale_profiles[customer_id] = None

    @property
    def profiles_end(self) -> int | None:
        """The offset up to which the topic of profiles was compared; None: not known."""
        return self._profiles_end

    def note_profiles(self, last: int, *, are_ours: bool) -> None:
        """Note that the topic of profiles was compared up to an offset.

        Args:
            last: the offset.
            are_ours: False if somebody else wrote some; those are written again at a checkpoint.
        """
        if self._profiles_end is None or last > self._profiles_end:
            self._profiles_end = last
        self._has_foreign_profiles = self._has_foreign_profiles or not are_ours

    def finalize(self, batch: FlushBatch) -> None:
        """Complete the partition's own record, once the profiles of the batch are written.

        It says up to which offset all profiles are right. While foreign ones are still to be
        written over, it says what it said before, so that a successor compares them again.
        """
        if not self._has_foreign_profiles:
            self._meta.profiles_end = self._profiles_end
        if batch.meta is not None:
            batch.meta.profiles_end = self._meta.profiles_end

    # -- restoring

    def restore(self, batch: Batch) -> None:
        """Keep, for each customer and for the partition itself, the highest (epoch, offset)."""
        if self._restore is not None:
            self._restore.take(batch)
            self.restored_records = self._restore.records
            return
        for record in batch.records:
            self._restore_again(batch, record)
        self.restored_records += len(batch)

    def on_restored(self, generation: int) -> None:
        """Take over as the owner of a new epoch.

        Raises:
            UnreadableState: a state in the changelog cannot be read.
        """
        is_new = self._partition is None
        if self._partition is None:
            found = self._finish_restore()
            self._partition = Partition(self._meta, found.store, is_whole=False)
            self._applier = Applier(self._partition, self._most_failures, self._foreign)
            self._ahead = found.ahead
            self.population = found.population
            self._last_offset = self._meta.applied
            self._profiles_end = self._meta.profiles_end
            for customer_id in found.hidden:
                self._partition.store.touch(customer_id)
            self.restore_seconds = time.monotonic() - self._opened_s
        self._ahead.sort(reverse=True)
        self._max_epoch = max(self._max_epoch, self._partition.store.max_epoch)
        self._meta.epoch = max(self._max_epoch + 1, generation)
        self._max_epoch = self._meta.epoch
        if is_new:
            self._ownership_record = self._snapshot()
        self._on_restored(self)

    def on_revoked(self) -> None:
        """Nothing is left to do: everything taken was written and acked before."""

    def _finish_restore(self) -> Restored:
        assert self._restore is not None
        found = self._restore.finish()
        self._meta, self._max_epoch = self._restore.meta, self._restore.max_epoch
        self._rewrites_meta = self._restore.rewrites_meta
        self._restore = None
        return found

    def _restore_again(self, batch: Batch, record: Record) -> None:
        """Compare a record with what is here: the partition stayed, and others may have written."""
        key, value = record.key, record.value
        fault = None if key == META_KEY else fault_of_key(key)
        if key is None or fault is not None:
            self._foreign.note(*batch.tp, record.offset, fault or "")
            return
        try:
            if value is None:
                self.rewrite_record(key)
            elif key == META_KEY:
                meta = unpack_meta(value)
                self._max_epoch = max(self._max_epoch, meta.epoch)
                self._rewrites_meta = is_newer(self._meta, meta)
            else:
                self._restore_state_again(key.decode(), value)
        except NewerFormat:
            raise
        except NO_STATE as error:
            self._foreign.note(*batch.tp, record.offset, f"it is no state: {error}")
            self.remove_record(key)

    def _restore_state_again(self, customer_id: str, packed: bytes) -> None:
        """Take a state that is newer than ours; its profile is due as after a first restore."""
        applied = unpack(packed).applied
        self.partition.store.restore([(customer_id, packed)])
        if applied > self._last_offset:
            self._ahead.append((applied, customer_id))

    # -- applying

    def take(self, event: BatchEvent, now_ms: int) -> None:
        """Apply a batch of the canonical log.

        Raises:
            LogGap: records before it are neither in the batch nor in the state.
            UnreadableControl: a newer version has written a tick or a policy.
            TooManyFailures: too many records raised within a minute.
        """
        batch = event.value
        applied = self._meta.applied
        if batch.read_from > self._last_offset + 1:
            raise LogGap(
                f"{batch.tp.topic}/{batch.tp.partition} goes on at offset {batch.read_from}, but"
                f" the state in the changelog ends at offset {self._last_offset}: what is between"
                " is committed and in no state"
            )
        apply = self.applier.apply
        for record in batch.records:
            if record.offset > applied:
                apply(record, batch.tp, now_ms)
        # What is read again is behind the state, and stays so.
        self._last_offset = max(self._last_offset, batch.last_offset)
        self._events.append(event)
        self._pending_records += len(batch)

    def _refresh_profiles_ahead(self) -> None:
        """Write the profiles of customers that a former owner changed after its last checkpoint.

        Not before the log is applied as far as their states: until then, clock and policy are
        older than they.
        """
        ahead, last_offset = self._ahead, self._last_offset
        while ahead and ahead[-1][0] <= last_offset:
            self.partition.stale_profiles[ahead.pop()[1]] = None

    # -- writing

    def take_flush_batch(self, *, checkpoint: bool) -> FlushBatch:
        """Take all that is to be written as of now; with a checkpoint also profiles and acks.

        States are packed at this very moment, so none is newer than the outputs taken with it.
        """
        partition = self.partition
        if partition.meta.policy is None:
            return FlushBatch([], [], [], [], None, [])
        applier, context = self.applier, partition.context
        outputs, context.outbox = context.outbox, []
        dead_letters, applier.dead_letters = applier.dead_letters, []
        envelopes, applier.envelopes = applier.envelopes, []
        packed = partition.store.pack_changed(self._meta.epoch, self._meta.format)
        removed, self._removed = self._removed, {}
        states = [*packed, *((customer_id, None) for customer_id in removed)]
        ownership, self._ownership_record = self._ownership_record, None
        if not checkpoint:
            return FlushBatch(outputs, dead_letters, states, [], None, [], envelopes, ownership)
        self._refresh_profiles_ahead()
        stale, partition.stale_profiles = partition.stale_profiles, {}
        self._has_foreign_profiles = False
        overdue = () if self._profiles is None else self._profiles.left_out
        profiles = self._profiles = CheckpointProfiles(partition, list(stale), overdue)
        events, self._events, self._pending_records = self._events, [], 0
        meta = None
        if events or profiles or self._rewrites_meta:
            self._rewrites_meta = False
            self._meta.applied = self._last_offset
            meta = self._snapshot()
        return FlushBatch(
            outputs, dead_letters, states, profiles, meta, events, envelopes, ownership
        )

    def _snapshot(self) -> Meta:
        return replace(self._meta, source_offsets=dict(self._meta.source_offsets))
