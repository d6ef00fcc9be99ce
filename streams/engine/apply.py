"""Applies records of the canonical log to the state machine of their partition.

A record on its way: decode -> skip what was applied -> fire due instants -> apply -> collect what
follows. The state machine (`handlers.partition`) fires and applies, and puts outputs into its
outbox; dead letters and forwarded records are collected here.
"""

from __future__ import annotations

import logging

import msgspec
from faust.types import TP

from handlers.control_records import (
    UnreadableControl,
    is_control,
    is_policy,
)
from handlers.decode.decode import IN_THE_LOG, customer_in, decode
from handlers.decode.fast import fast_event
from handlers.events import Event
from handlers.failures import failed
from handlers.merge.forwarding import Transfer
from handlers.merge.routing import Verdict
from handlers.partition import Partition
from handlers.reasons import INVALID_VALUE, MISSING_FIELD, Rejection
from handlers.state.formats import NewerFormat
from handlers.state.partition_state import Source
from streams.engine.failures import FailureWatch
from streams.engine.flush_batch import DeadLetter
from streams.faust_app import Record
from streams.kafka.foreign import ForeignRecords
from streams.kafka.forwarded import (
    Envelope,
    ForwardedRecord,
    NotForwarded,
    envelope,
    read_forwarded,
)
from streams.kafka.headers import Origin, cloud_event_headers, origin_of

_log = logging.getLogger(__name__)


class Applier:
    """Applies the records of one partition, one after another.

    Args:
        partition: the state machine.
        most_failures: faults in handlers within a minute, as in `FailureWatch`.
        foreign: takes note of what somebody wrote past the ingest.

    Attributes:
        dead_letters: records that cannot be used, until a flush takes them.
        envelopes: forwarded records to be written, until a flush takes them.
        repeated: records skipped because ingest had delivered them before, until they are counted.
        newest_delay_ms: wall time less event time of the newest event, until it is shown.
        failures: faults in handlers.
    """

    def __init__(
        self,
        partition: Partition,
        most_failures: int = 0,
        foreign: ForeignRecords | None = None,
    ) -> None:
        self.dead_letters: list[DeadLetter] = []
        self.envelopes: list[Envelope] = []
        self.repeated = 0
        self.newest_delay_ms: int | None = None
        self.failures = FailureWatch(most_failures)
        self._partition = partition
        self._foreign = foreign or ForeignRecords()

    def apply(self, record: Record, tp: TP, now_ms: int) -> None:
        """Apply the record that stands in the log at ``record.offset`` of ``tp``.

        Raises:
            UnreadableControl: a newer version has written it.
            TooManyFailures: too many records raised within a minute.
        """
        self._apply(record, tp, now_ms)
        if self._partition.failures:
            self._take_failures(record, tp, now_ms)

    def _apply(self, record: Record, tp: TP, now_ms: int) -> None:
        partition, key = self._partition, record.key
        if key is None:
            self._apply_keyless(record, tp)
            return
        if partition.meta.policy is None:
            self._reject_foreign(record, tp, "a record before the first policy of the log")
            return
        origin = origin_of(record.headers, key)
        try:
            # Nearly all have one header, which tells their source.
            forwarded = _forwarded(record, tp) if len(record.headers) > 1 else None
        except NotForwarded as error:
            self._reject_foreign(record, tp, f"a forwarded record that is none: {error}")
            return
        source = forwarded.source if forwarded is not None else origin and origin.source
        if source is not None and partition.is_applied(source):
            self.repeated += 1
            return
        if forwarded is not None and isinstance(forwarded.content, Transfer):
            verdict = partition.take_transfer(record.offset, forwarded.content)
            self._collect(record, tp, forwarded.event, origin, verdict)
            return
        event = self._decode(record)
        if isinstance(event, Rejection):
            self._reject(record, record.value, origin, partition.spared(event, _text(key)))
            return
        if forwarded is None and event.customer_id.encode() != key:
            self._reject_foreign(record, tp, "a record whose key is not its customer")
            return
        route = None if forwarded is None else forwarded.content
        verdict = partition.apply(record.offset, event, route)
        self._collect(record, tp, record.value, origin, verdict)
        if verdict is None:
            self.newest_delay_ms = now_ms - event.occurred_ms

    def _collect(
        self,
        record: Record,
        tp: TP,
        value: bytes | None,
        origin: Origin | None,
        verdict: Verdict,
    ) -> None:
        """Keep what follows beside outputs; ``value`` is what upstream sent."""
        if isinstance(verdict, Rejection):
            self._reject(record, value, origin, verdict)
        elif verdict is not None:
            at = tp.partition, record.offset
            self.envelopes.append(envelope(verdict, value, origin, record.headers, at))

    def _apply_keyless(self, record: Record, tp: TP) -> None:
        """Take a tick or a policy. Anything else without a key is a dead letter."""
        value, has_policy = record.value, self._partition.meta.policy is not None
        if value is not None and is_control(value) and (has_policy or is_policy(value)):
            try:
                rejection = self._partition.control(record.offset, value)
            except NewerFormat as error:
                raise _newer("a control record", record, tp, error) from error
            except msgspec.MsgspecError:
                pass  # somebody else has written it
            else:
                if rejection is not None:
                    self._reject(record, value, _place(record, tp), rejection)
                return
        self._reject_foreign(record, tp, "a record of the log without a key")

    def _reject_foreign(self, record: Record, tp: TP, what: str) -> None:
        """What somebody wrote past the ingest, and cannot be used, whatever it holds."""
        self._foreign.note(*tp, record.offset, what)
        rejection, customer_id = _stray(record, what)
        rejection = self._partition.spared(rejection, customer_id, _text(record.key))
        self._reject(record, record.value, _place(record, tp), rejection)

    def _decode(self, record: Record) -> Event | Rejection:
        """As `Partition.admit`, by the fast path where it applies."""
        attributes = cloud_event_headers(record.headers)
        if attributes is None:
            try:
                event = fast_event(record.value)
                if event is not None:
                    return event
            except Exception as error:
                if isinstance(error, MemoryError):
                    raise
                # The full path decides, as it does in a backtest.
                _log.exception("the fast path of decoding raised at offset %s", record.offset)
        return self._partition.admit(record.value, attributes, IN_THE_LOG)

    def _reject(
        self, record: Record, value: bytes | None, origin: Origin | None, rejection: Rejection
    ) -> None:
        key = record.key if origin is None else origin.key
        self.dead_letters.append(DeadLetter(key, value, origin, rejection, record.headers))

    def _take_failures(self, record: Record, tp: TP, now_ms: int) -> None:
        """Tell of faults; what follows from a record, but is not the record, has its own letter.

        Such a letter has the customer's id as its key, and the place in the log as its source.
        """
        failures, self._partition.failures = self._partition.failures, []
        where = Source(tp.topic, tp.partition, record.offset)
        for failure in failures:
            if failure.has_letter:
                key = failure.customer_id.encode()
                origin = Origin(where, record.timestamp, key)
                self.dead_letters.append(DeadLetter(key, None, origin, failure.rejection, ()))
            self.failures.note(failure, where, now_ms)


def _place(record: Record, tp: TP) -> Origin:
    """The record's own place in the log, as where it came from."""
    return Origin(Source(tp.topic, tp.partition, record.offset), record.timestamp, record.key)


def _text(key: bytes | None) -> str | None:
    """A key as the customer id that it should be."""
    return None if key is None else key.decode("utf-8", "replace")


def _stray(record: Record, what: str) -> tuple[Rejection, str | None]:
    """Why a record of the log that is not ours cannot be used, whatever it holds; and of whom."""
    attributes = cloud_event_headers(record.headers)
    try:
        event = decode(record.value, attributes, IN_THE_LOG, with_content=False)
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        _log.exception("reading the record at offset %s raised: it is %s", record.offset, what)
        return failed("reading it", error), None
    if isinstance(event, Event):
        reason = MISSING_FIELD if record.key is None else INVALID_VALUE
        return Rejection(reason, what, event.event_id), event.customer_id
    return event, customer_in(record.value, attributes)


def _forwarded(record: Record, tp: TP) -> ForwardedRecord | None:
    try:
        return read_forwarded(record.value, record.headers, tp.topic, record.key)
    except NewerFormat as error:
        raise _newer("a record for a merged customer", record, tp, error) from error


def _newer(what: str, record: Record, tp: TP, error: Exception) -> UnreadableControl:
    return UnreadableControl(
        f"{tp.topic}/{tp.partition} has {what} at offset {record.offset} that this version cannot "
        f"read: {error}"
    )
