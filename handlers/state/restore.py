"""Restoring the packed states of all customers of a partition from a changelog."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from handlers.state.customer import MERGED, Head, unpack_head
from handlers.state.due_queue import DueQueue
from handlers.state.formats import FIRST, NEWEST, check_format, format_of
from handlers.state.record_order import is_newer
from handlers.state.store import CustomerStore

_STATES_BEGIN = frozenset(
    bytes((mark,)) for mark in (*range(FIRST + 1, NEWEST + 1), *range(0x90, 0xA0), 0xDC, 0xDD)
)
"""First bytes of a state: the number of its format, or an array in MessagePack."""


class Restored(NamedTuple):
    """What was restored."""

    store: CustomerStore
    population: Counter[tuple[str, str]]
    """The number of customers by (tier, stage), erased and merged ones left out."""
    ahead: list[tuple[int, str]]
    """Customers whose state is ahead of the given offset: (applied offset, id)."""
    hidden: list[str]
    """Customers whose newest state is followed by an older one, which compaction would keep."""


class Restoration:
    """The newest packed state of each customer, from records in the order of their offsets.

    The result is that of `CustomerStore.restore` for all records. It is three times as fast, since
    it reads a head only where two records compete, and once at the end.
    """

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}
        self._hidden: dict[str, None] = {}
        self._max_epoch = 0

    def take(self, records: Iterable[tuple[str, bytes]]) -> None:
        """Keep of each customer the packed state with the greatest (epoch, applied).

        Raises:
            NewerFormat: a newer release wrote a state.
            ValueError: a record is no state. A broken state is found by `finish`.
        """
        newest = self._packed
        for customer_id, packed in records:
            if packed[:1] not in _STATES_BEGIN:
                check_format(f"the state of {customer_id!r}", format_of(packed))
                raise ValueError(f"the record of {customer_id!r} is no state of a customer")
            known = newest.setdefault(customer_id, packed)
            if known is not packed:
                head, known_head = unpack_head(packed), unpack_head(known)
                self._max_epoch = max(self._max_epoch, head.epoch, known_head.epoch)
                if is_newer(head, known_head):
                    newest[customer_id] = packed
                if is_newer(known_head, head):
                    self._hidden[customer_id] = None
                else:
                    self._hidden.pop(customer_id, None)

    def hide(self, customer_id: str) -> None:
        """A null record stands behind the state of a customer; compaction would keep that one."""
        if customer_id in self._packed:
            self._hidden[customer_id] = None

    def finish(self, applied: int) -> Restored:
        """The store of all customers, once; `applied` is the last offset of the checkpoint.

        Raises:
            ValueError: a state is broken.
        """
        due: dict[str, int] = {}
        population: Counter[tuple[str, str]] = Counter()
        ahead: list[tuple[int, str]] = []
        max_epoch = self._max_epoch
        packed_states, self._packed = self._packed, {}
        for customer_id, packed in packed_states.items():
            head = _head_of(customer_id, packed)
            max_epoch = max(max_epoch, head.epoch)
            if head.next_due_ms is not None:
                due[customer_id] = head.next_due_ms
            if not head.erased and head.stage != MERGED:
                population[head.tier, head.stage] += 1
            if head.applied > applied:
                ahead.append((head.applied, customer_id))
        store = CustomerStore(packed=packed_states, due_queue=DueQueue(due))
        store.max_epoch = max_epoch
        return Restored(store, population, ahead, list(self._hidden))


def _head_of(customer_id: str, packed: bytes) -> Head:
    try:
        return unpack_head(packed)
    except msgspec.MsgspecError as error:
        raise ValueError(f"the state of {customer_id!r} cannot be read: {error}") from error
