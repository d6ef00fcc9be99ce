"""What one flush of one partition has to write."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from handlers.outputs import Output
from handlers.reasons import Rejection
from handlers.state.partition_state import Meta
from streams.faust_app.batch import BatchEvent
from streams.kafka.forwarded import Envelope
from streams.kafka.headers import Origin


class DeadLetter(NamedTuple):
    """A record of the canonical log that cannot be used, and why."""

    key: bytes | None
    value: bytes | None
    origin: Origin | None
    rejection: Rejection
    headers: Sequence[tuple[str, bytes]]


class FlushBatch(NamedTuple):
    """All that follows from one partition of the log up to one offset.

    Attributes:
        outputs: what customers' changes put out.
        dead_letters: records that could not be used.
        states: packed states by customer, for the changelog; None where a foreign record stands in
            the place of a customer who does not exist.
        profiles: public profiles, made one by one as they are written; only with a checkpoint, like
            the two that follow.
        meta: the partition's own record; None if nothing changed in it.
        events: the batches to ack when all of this is written.
        envelopes: forwarded records for customers of other partitions, or of this one.
        ownership_record: the partition's own record as it was restored, with the epoch of its new
            owner; only in the first flush after a restore.
    """

    outputs: list[Output]
    dead_letters: list[DeadLetter]
    states: Sequence[tuple[str, bytes | None]]
    profiles: Collection[Output]
    meta: Meta | None
    events: list[BatchEvent]
    envelopes: Sequence[Envelope] = ()
    ownership_record: Meta | None = None
