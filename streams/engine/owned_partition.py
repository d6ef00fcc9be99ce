"""One partition of the canonical log at this worker: state machine, owner epoch, acks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from handlers.control_records import UnreadableControl, is_control
from handlers.decode.decode import IN_THE_LOG, decode
from handlers.decode.fast import quick_event
from handlers.decode.policy_checks import check_values
from handlers.events import Event
from handlers.merge.forwarding import Transfer
from handlers.merge.routing import Verdict
from handlers.outputs import Output
from handlers.partition import Partition
from handlers.reasons import MISSING_FIELD, Rejection
from handlers.state.partition_state import Meta, Source, unpack_meta
from handlers.state.record_order import is_newer
from handlers.state.restore import Restoration
from streams.faust_app import Record
from streams.faust_app.batch import BatchEvent
from streams.kafka.forwarded import Envelope, ForwardedRecord, envelope, read_forwarded
from streams.kafka.headers import META_KEY, Origin, cloud_event_headers, origin_of


class LogGap(Exception):
    """The log goes on behind the end of our state, which is too old to be gone on with."""


class DeadLetter(NamedTuple):
    """A record of the canonical log that cannot be used, and why."""

    key: bytes | None
    value: bytes | None
    origin: Origin | None
    rejection: Rejection
    headers: Sequence[tuple[str, bytes]]


class Unflushed(NamedTuple):
    """What one partition has to write, as of one position of the log."""

    outputs: list[Output]
    dead_letters: list[DeadLetter]
    states: list[tuple[str, bytes]]
    profiles: list[Output]
    meta: Meta | None
    events: list[BatchEvent]
    envelopes: Sequence[Envelope] = ()
    """What goes on to customers of other partitions, or of this one."""
    claim: Meta | None = None
    """The partition's own record as it was restored, with the epoch of its new owner."""


class EnginePartition:
    """Takes batches of the canonical log; hands out what is to be written, and then acks them."""

    def __init__(self, number: int, on_restored: Callable[[EnginePartition], None]) -> None:
        self.number = number
        self.restored_records = 0
        self.restore_seconds = 0.0
        self.population: Counter[tuple[str, str]] = Counter()
        self.dead_letters: list[DeadLetter] = []
        self.envelopes: list[Envelope] = []
        self.positional_duplicates = 0
        self.records_taken = 0
        self.newest_delay_ms: int | None = None
        self._events: list[BatchEvent] = []
        self._restoration = Restoration()
        self._meta = Meta()
        self._max_epoch = 0
        self._partition: Partition | None = None
        self._on_restored = on_restored
        self._opened_s = time.monotonic()
        self._position = -1
        self._log_topic = ""
        self._meta_is_stale = False
        self._ahead: list[tuple[int, str]] = []
        self._profiles_end: int | None = None
        self._profiles_in_doubt = False
        self._claim: Meta | None = None

    @property
    def partition(self) -> Partition:
        """The state machine, once the state is restored."""
        assert self._partition is not None, "the partition is not restored"
        return self._partition

    @property
    def is_restored(self) -> bool:
        """Whether the state is complete and ours."""
        return self._partition is not None

    @property
    def pending_events(self) -> int:
        """Batches taken and not yet acked."""
        return len(self._events)

    @property
    def pending_profiles(self) -> int:
        """Profiles to be written with the next checkpoint."""
        return len(self.partition.stale_profiles)

    @property
    def epoch(self) -> int:
        """The epoch of this worker's ownership."""
        return self._meta.epoch

    def write_again(self, key: bytes) -> None:
        """Have a changelog record written again, because a former owner wrote over it."""
        if key == META_KEY:
            self._meta_is_stale = True
        else:
            self.partition.store.touch(key.decode())

    def send_profile_again(self, key: bytes) -> None:
        """Have the profile of a customer written again, if we know one."""
        customer_id = key.decode()
        if self.partition.store.applied(customer_id) >= 0:
            self.partition.stale_profiles[customer_id] = None

    @property
    def profiles_end(self) -> int | None:
        """The offset of the newest profile that was looked at or is ours; None: not known."""
        return self._profiles_end

    def note_profiles(self, last: int, *, are_right: bool) -> None:
        """All profiles up to an offset are ours, or will be written again with a checkpoint."""
        if self._profiles_end is None or last > self._profiles_end:
            self._profiles_end = last
        self._profiles_in_doubt = self._profiles_in_doubt or not are_right

    def seal(self, unflushed: Unflushed) -> None:
        """Have the partition's own record say up to where all profiles are right.

        While there are some to be written again it says what it said before: a successor then looks
        at them too.
        """
        if not self._profiles_in_doubt:
            self._meta.profiles_end = self._profiles_end
        if unflushed.meta is not None:
            unflushed.meta.profiles_end = self._meta.profiles_end

    # -- restoring

    def restore(self, records: list[tuple[bytes, bytes | None]]) -> None:
        """Keep, for each customer and for the partition itself, the highest (epoch, position)."""
        states = [
            (key.decode(), value) for key, value in records if value is not None and key != META_KEY
        ]
        if len(states) < len(records):
            for key, value in records:
                if value is not None and key == META_KEY:
                    self._restore_meta(unpack_meta(value))
        if self._partition is None:
            self._restoration.take(states)
        else:
            self._partition.store.restore(states)
        self.restored_records += len(records)

    def on_restored(self, generation: int) -> None:
        """Take over as the owner of a new epoch."""
        is_new = self._partition is None
        if self._partition is None:
            found = self._restoration.finish(self._meta.applied)
            self._partition = Partition(self._meta, found.store, is_whole=False)
            self._ahead = sorted(found.ahead, reverse=True)
            self.population = found.population
            self._position = self._meta.applied
            self._profiles_end = self._meta.profiles_end
            for customer_id in found.hidden:
                self._partition.store.touch(customer_id)
            self.restore_seconds = time.monotonic() - self._opened_s
        self._max_epoch = max(self._max_epoch, self._partition.store.max_epoch)
        self._meta.epoch = max(self._max_epoch + 1, generation)
        self._max_epoch = self._meta.epoch
        if is_new:
            self._claim = self._snapshot()
        self._on_restored(self)

    def on_revoked(self) -> None:
        """Nothing is left to do: everything taken was written and acked before."""

    def _restore_meta(self, meta: Meta) -> None:
        self._max_epoch = max(self._max_epoch, meta.epoch)
        self._meta_is_stale = is_newer(self._meta, meta)
        if self._partition is None and is_newer(meta, self._meta):
            self._meta = meta

    # -- applying

    def take(self, event: BatchEvent, now_ms: int) -> None:
        """Apply a batch of the canonical log.

        Raises:
            LogGap: records before it are neither in the batch nor in the state.
            UnreadableControl: a newer version has written a tick or a policy.
        """
        batch = event.value
        applied = self._meta.applied
        self._log_topic = batch.tp.topic
        if batch.first_offset > self._position + 1:
            raise LogGap(
                f"{batch.tp.topic}/{batch.tp.partition} goes on at offset {batch.first_offset}, but"
                f" the state in the changelog ends at offset {self._position}: what is between is"
                " committed and in no state"
            )
        for record in batch.records:
            if record.offset > applied:
                self._apply(record, now_ms)
        self._position = batch.last_offset
        self._events.append(event)
        self.records_taken += len(batch)

    def _apply(self, record: Record, now_ms: int) -> None:
        partition, key = self.partition, record.key
        if key is None:
            self._apply_keyless(record)
            return
        origin = origin_of(record.headers, key)
        forwarded = self._forwarded(record)
        source = forwarded.source if forwarded is not None else origin and origin.source
        if source is not None and partition.is_applied(source):
            self.positional_duplicates += 1
            return
        if forwarded is not None and isinstance(forwarded.content, Transfer):
            verdict = partition.take_transfer(record.offset, forwarded.content)
            self._conclude(record, forwarded.event, origin, verdict)
            return
        event = self._admit(record)
        if isinstance(event, Rejection):
            self._reject(record, record.value, origin, event)
            return
        route = None if forwarded is None else forwarded.content
        verdict = partition.apply(record.offset, event, route)
        self._conclude(record, record.value, origin, verdict)
        if verdict is None:
            self.newest_delay_ms = now_ms - event.occurred_ms

    def _forwarded(self, record: Record) -> ForwardedRecord | None:
        try:
            return read_forwarded(record.value, record.headers, self._log_topic)
        except msgspec.MsgspecError as error:
            raise UnreadableControl(
                f"{self._log_topic}/{self.number} has a record at offset {record.offset} for a "
                f"merged customer that this version cannot read: {error}"
            ) from error

    def _conclude(
        self, record: Record, value: bytes | None, origin: Origin | None, verdict: Verdict
    ) -> None:
        """A dead letter, or something that goes on; `value` is what upstream sent."""
        if isinstance(verdict, Rejection):
            self._reject(record, value, origin, verdict)
        elif verdict is not None:
            position = self.number, record.offset
            self.envelopes.append(envelope(verdict, value, origin, record.headers, position))

    def _apply_keyless(self, record: Record) -> None:
        """Ticks and policies have no key. Anything else is not ours, and no event either."""
        value = record.value
        where = Source(self._log_topic, self.number, record.offset)
        if value is not None and is_control(value):
            try:
                self.partition.control(record.offset, value)
            except msgspec.MsgspecError as error:
                raise UnreadableControl(
                    f"{where.topic}/{where.partition} has a control record at offset "
                    f"{where.offset} that this version cannot read: {error}"
                ) from error
            return
        event = decode(value, cloud_event_headers(record.headers), IN_THE_LOG, with_content=False)
        if isinstance(event, Event):
            event = Rejection(MISSING_FIELD, "a record of the log without a key", event.event_id)
        self._reject(record, value, Origin(where, record.timestamp, None), event)

    def _admit(self, record: Record) -> Event | Rejection:
        """As `Partition.admit`, the quick way where there is one."""
        attributes = cloud_event_headers(record.headers)
        event = quick_event(record.value) if attributes is None else None
        if event is None:
            return self.partition.admit(record.value, attributes, IN_THE_LOG)
        return check_values(event, self.partition.rules) or event

    def _reject(
        self, record: Record, value: bytes | None, origin: Origin | None, rejection: Rejection
    ) -> None:
        key = record.key if origin is None else origin.key
        self.dead_letters.append(DeadLetter(key, value, origin, rejection, record.headers))

    def _pass_ahead(self) -> None:
        """Customers changed after the last checkpoint of a former owner get their profile again.

        Not before the log is applied as far as they are: until then, clock and policy are older.
        """
        ahead, position = self._ahead, self._position
        while ahead and ahead[-1][0] <= position:
            self.partition.stale_profiles[ahead.pop()[1]] = None

    # -- writing

    def take_unflushed(self, *, checkpoint: bool) -> Unflushed:
        """All that is to be written as of now; with a checkpoint also profiles and acks.

        States are packed at this very moment, so that none is ahead of the outputs taken with it.
        """
        partition = self.partition
        if partition.meta.policy is None:
            return Unflushed([], [], [], [], None, [])
        context = partition.context
        outputs, context.outbox = context.outbox, []
        dead_letters, self.dead_letters = self.dead_letters, []
        envelopes, self.envelopes = self.envelopes, []
        states = partition.store.pack_changed(self._meta.epoch)
        claim, self._claim = self._claim, None
        if not checkpoint:
            return Unflushed(outputs, dead_letters, states, [], None, [], envelopes, claim)
        self._pass_ahead()
        stale, partition.stale_profiles = partition.stale_profiles, {}
        self._profiles_in_doubt = False
        profiles = [partition.profile(customer_id) for customer_id in stale]
        events, self._events = self._events, []
        meta = None
        if events or profiles or self._meta_is_stale:
            self._meta_is_stale = False
            self._meta.applied = self._position
            meta = self._snapshot()
        return Unflushed(outputs, dead_letters, states, profiles, meta, events, envelopes, claim)

    def _snapshot(self) -> Meta:
        return replace(self._meta, source_offsets=dict(self._meta.source_offsets))
