"""Restoring a partition from its changelog: states and the partition's own record, or a refusal.

What is no record of ours there (a key that is no customer id) is passed over. A state of a customer
that cannot be read is not: without it the customer would begin anew, and nobody would notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from handlers.state.customer import unpack
from handlers.state.formats import check_format, format_of
from handlers.state.partition_state import Meta, unpack_meta
from handlers.state.record_order import is_newer
from handlers.state.restore import Restoration, Restored
from streams.faust_app import Batch, Record, RestoreFailed
from streams.kafka.foreign import ForeignRecords, fault_of_key
from streams.kafka.headers import META_KEY

REMEDY = "; 'tierstream rebuild-state' makes the states anew from the log, see docs/operations.md"
NO_STATE = (ValueError, msgspec.MsgspecError)
"""What reading a state raises if it is none."""


class UnreadableState(RestoreFailed):
    """The newest record of a customer, or of the partition, cannot be read; one sentence."""


class PartitionRestore:
    """The newest records of a partition, by (owner epoch, offset).

    Args:
        foreign: takes note of what is passed over.

    Attributes:
        meta: the newest record of the partition itself.
        max_epoch: the highest owner epoch of these records.
        rewrites_meta: whether an older one stands behind the newest.
        records: how many were read.
    """

    def __init__(self, foreign: ForeignRecords) -> None:
        self.meta = Meta()
        self.max_epoch = 0
        self.rewrites_meta = False
        self.records = 0
        self._foreign = foreign
        self._restoration = Restoration()
        self._unreadable: dict[bytes, UnreadableState] = {}

    def take(self, batch: Batch) -> None:
        """Take the next records of the changelog, in the order of their offsets.

        Raises:
            NewerFormat: a newer release wrote one of them.
        """
        self.records += len(batch)
        if not self._unreadable:
            try:
                self._take_all(batch.records)
            except (*NO_STATE, AttributeError, TypeError):
                pass  # one by one, which tells which; to take one twice does no harm
            else:
                return
        for record in batch.records:
            self._take_one(batch, record)

    def finish(self) -> Restored:
        """All states, once.

        Raises:
            UnreadableState: one of them cannot be read.
        """
        for unreadable in self._unreadable.values():
            raise unreadable
        try:
            return self._restoration.finish(self.meta.applied)
        except NO_STATE as error:
            raise UnreadableState(f"the changelog cannot be restored: {error}{REMEDY}") from error

    def _take_all(self, records: Sequence[Record]) -> None:
        """Take records that are all ours, as nearly always."""
        states: Any = [
            (record.key.decode(), record.value)  # type: ignore[union-attr]  # None has no `decode`
            for record in records
            if record.key != META_KEY
        ]
        if len(states) < len(records):
            for record in records:
                if record.key == META_KEY:
                    self._take_meta(unpack_meta(cast(bytes, record.value)))
        self._restoration.take(states)

    def _take_one(self, batch: Batch, record: Record) -> None:
        key, value = record.key, record.value
        fault = None if key == META_KEY else fault_of_key(key)
        if key is None or fault is not None:
            if value is not None:  # a null record only supersedes one
                self._foreign.note(*batch.tp, record.offset, fault or "")
            return
        check_format(f"{_place(batch, record)}, of {key!r},", format_of(value or b""))
        try:
            if value is None:
                self._take_tombstone(key)
            elif key == META_KEY:
                self._take_meta(unpack_meta(value))
            else:
                unpack(value)
                self._restoration.take([(key.decode(), value)])
        except NO_STATE as error:
            self._unreadable[key] = UnreadableState(
                f"{_place(batch, record)} cannot be restored: {_whose(key)} is none that can be "
                f"read: {error}{REMEDY}"
            )
        else:
            self._unreadable.pop(key, None)

    def _take_tombstone(self, key: bytes) -> None:
        """A null record, which is none of ours where the customer is known."""
        if key != META_KEY:
            self._restoration.hide(key.decode())

    def _take_meta(self, meta: Meta) -> None:
        self.max_epoch = max(self.max_epoch, meta.epoch)
        self.rewrites_meta = is_newer(self.meta, meta)
        if is_newer(meta, self.meta):
            self.meta = meta


def _whose(key: bytes) -> str:
    return "the partition's own record" if key == META_KEY else f"the state of {key.decode()!r}"


def _place(batch: Batch, record: Record) -> str:
    return f"{batch.tp.topic}/{batch.tp.partition}@{record.offset}"
