"""Applies records of the canonical log to the state machine of their partition.

A record on its way: decode -> skip what was applied -> fire due instants -> apply -> collect what
follows. The state machine (`handlers.partition`) fires and applies, and puts outputs into its
outbox; dead letters and forwarded records are collected here.
"""

from __future__ import annotations

import msgspec
from faust.types import TP

from handlers.control_records import UnreadableControl, is_control
from handlers.decode.decode import IN_THE_LOG, decode
from handlers.decode.fast import fast_event
from handlers.decode.policy_checks import check_values
from handlers.events import Event
from handlers.merge.forwarding import Transfer
from handlers.merge.routing import Verdict
from handlers.partition import Partition
from handlers.reasons import MISSING_FIELD, Rejection
from handlers.state.partition_state import Source
from streams.engine.flush_batch import DeadLetter
from streams.faust_app import Record
from streams.kafka.forwarded import Envelope, ForwardedRecord, envelope, read_forwarded
from streams.kafka.headers import Origin, cloud_event_headers, origin_of


class Applier:
    """Applies the records of one partition, one after another.

    Attributes:
        dead_letters: records that cannot be used, until a flush takes them.
        envelopes: forwarded records to be written, until a flush takes them.
        repeated: records skipped because ingest had delivered them before, until they are counted.
        newest_delay_ms: wall time less event time of the newest event, until it is shown.
    """

    def __init__(self, partition: Partition) -> None:
        self.dead_letters: list[DeadLetter] = []
        self.envelopes: list[Envelope] = []
        self.repeated = 0
        self.newest_delay_ms: int | None = None
        self._partition = partition

    def apply(self, record: Record, tp: TP, now_ms: int) -> None:
        """Apply the record that stands in the log at ``record.offset`` of ``tp``.

        Raises:
            UnreadableControl: a newer version has written it.
        """
        partition, key = self._partition, record.key
        if key is None:
            self._apply_keyless(record, tp)
            return
        origin = origin_of(record.headers, key)
        forwarded = _forwarded(record, tp)
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
            self._reject(record, record.value, origin, event)
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
        value = record.value
        where = Source(tp.topic, tp.partition, record.offset)
        if value is not None and is_control(value):
            try:
                self._partition.control(record.offset, value)
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

    def _decode(self, record: Record) -> Event | Rejection:
        """As `Partition.admit`, by the fast path where it applies."""
        attributes = cloud_event_headers(record.headers)
        event = fast_event(record.value) if attributes is None else None
        if event is None:
            return self._partition.admit(record.value, attributes, IN_THE_LOG)
        return check_values(event, self._partition.rules) or event

    def _reject(
        self, record: Record, value: bytes | None, origin: Origin | None, rejection: Rejection
    ) -> None:
        key = record.key if origin is None else origin.key
        self.dead_letters.append(DeadLetter(key, value, origin, rejection, record.headers))


def _forwarded(record: Record, tp: TP) -> ForwardedRecord | None:
    try:
        return read_forwarded(record.value, record.headers, tp.topic)
    except msgspec.MsgspecError as error:
        raise UnreadableControl(
            f"{tp.topic}/{tp.partition} has a record at offset {record.offset} for a "
            f"merged customer that this version cannot read: {error}"
        ) from error
