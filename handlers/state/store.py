"""The customers of one partition: packed bytes, and unpacked those in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from handlers.state.customer import Customer, pack, unpack, unpack_head
from handlers.state.due_queue import DueQueue
from handlers.state.format_fields import FormatTooOld
from handlers.state.formats import NEWEST, format_of
from handlers.state.record_order import is_newer
from scoring.orders.ledger import Ledger

_NO_LEDGER = Ledger()
FEW_ORDERS = 12
"""So many orders are packed sooner than copied."""


class Snapshot(NamedTuple):
    """A customer as it was: packed, and the orders copied beside it if they are many."""

    packed: bytes
    ledger: Ledger | None = None


class CustomerStore:
    """Packed states by customer id, with at most `max_live` unpacked ones that are unchanged.

    `changed` names the customers whose state is newer than their packed bytes; `pack_changed`
    empties it.
    """

    def __init__(
        self,
        max_live: int = 20_000,
        *,
        packed: dict[str, bytes] | None = None,
        due_queue: DueQueue | None = None,
    ) -> None:
        """Begin empty, or with packed states and their due instants."""
        self.max_live = max_live
        self.due_queue = DueQueue() if due_queue is None else due_queue
        self.changed: dict[str, None] = {}
        self.max_epoch = 0
        """The highest owner epoch of any restored state."""
        self._packed: dict[str, bytes] = {} if packed is None else packed
        self._live: dict[str, Customer] = {}

    def __len__(self) -> int:
        return len(self._packed.keys() | self.changed.keys())

    def get(self, customer_id: str) -> Customer | None:
        """The customer's state, to be changed in place; None if unknown."""
        customer = self._live.get(customer_id)
        if customer is None:
            packed = self._packed.get(customer_id)
            if packed is None:
                return None
            customer = self._live[customer_id] = unpack(packed)
        return customer

    def put(self, customer: Customer) -> None:
        """Put back a changed state, and schedule its next due instant."""
        self._live[customer.customer_id] = customer
        self.changed[customer.customer_id] = None
        self.due_queue.schedule(customer.customer_id, customer.next_due_ms)

    def snapshot(self, customer_id: str) -> Snapshot | None:
        """What `put_back` needs to put a customer back to now.

        None if the store has it: the customer is unchanged since it was packed, or unknown.
        """
        return snapshot_of(self._live[customer_id]) if customer_id in self.changed else None

    def as_packed(self, customer_id: str, snapshot: Snapshot | None) -> Customer | None:
        """A customer as a snapshot has it, with the offsets refused since; None if unknown."""
        packed = self._packed.get(customer_id) if snapshot is None else snapshot.packed
        if packed is None:
            return None
        customer, live = unpack(packed), self._live.get(customer_id)
        if snapshot is not None and snapshot.ledger is not None:
            customer.ledger = snapshot.ledger.copied()
        if live is not None:
            customer.refused = live.refused
        return customer

    def put_back(self, customer_id: str, snapshot: Snapshot | None) -> None:
        """Put a customer back to a snapshot: the state, its mark as changed, its due instant."""
        customer = self.as_packed(customer_id, snapshot)
        if snapshot is None:
            self.changed.pop(customer_id, None)
        if customer is None:
            self._live.pop(customer_id, None)
        else:
            self._live[customer_id] = customer
        due_ms = None if customer is None else customer.next_due_ms
        self.due_queue.schedule(customer_id, due_ms)

    def touch(self, customer_id: str) -> None:
        """Mark a customer as changed, if it is known, so that its state is written again."""
        if self.get(customer_id) is not None:
            self.changed[customer_id] = None

    def ids(self) -> list[str]:
        """All customer ids in code point order."""
        return sorted(self._packed.keys() | self.changed.keys())

    def unsorted_ids(self) -> list[str]:
        """All customer ids in any order: with a million, much sooner than sorted."""
        packed = self._packed
        return [*packed, *(one for one in self.changed if one not in packed)]

    def applied(self, customer_id: str) -> int:
        """The last offset that changed a customer, without unpacking the rest."""
        customer = self._live.get(customer_id)
        if customer is not None:
            return customer.applied
        packed = self._packed.get(customer_id)
        return -1 if packed is None else unpack_head(packed).applied

    def first_offset(self, customer_id: str) -> int:
        """The offset of the log at which a customer came to be known; -1 if that is not known."""
        customer = self._live.get(customer_id)
        if customer is None:
            packed = self._packed.get(customer_id)
            if packed is None:
                return -1
            customer = unpack(packed)
        return customer.first_offset

    def pack_changed(self, epoch: int, number: int = NEWEST) -> list[tuple[str, bytes]]:
        """Pack the changed customers, as states of the owner of this epoch.

        Args:
            epoch: of the owner.
            number: of the partition's format.

        Raises:
            FormatTooOld: a state would lose something.
        """
        records = []
        for customer_id in self.changed:
            customer = self._live[customer_id]
            customer.epoch = epoch
            packed = self._packed[customer_id] = self._pack(customer, number)
            records.append((customer_id, packed))
        self.changed.clear()
        self.shrink()
        return records

    def _pack(self, customer: Customer, number: int) -> bytes:
        """Pack a customer in the format of the partition, or in the later one it stands in.

        A former owner may have written states in a later format and have ended before it wrote
        that of the partition. Until the log is applied as far, such a state is only written again.
        """
        try:
            return pack(customer, number)
        except FormatTooOld:
            stands = format_of(self._packed.get(customer.customer_id, b""))
            if stands <= number:
                raise
            return pack(customer, stands)

    def restore(self, records: Iterable[tuple[str, bytes]]) -> None:
        """Keep of each customer the packed state with the greater (epoch, applied).

        A customer whose newest state is followed by an older one counts as changed.

        `handlers.state.restore` does the same for all customers of a partition at once.
        """
        for customer_id, packed in records:
            head = unpack_head(packed)
            self.max_epoch = max(self.max_epoch, head.epoch)
            known = self._packed.get(customer_id)
            if known is not None:
                known_head = unpack_head(known)
                if is_newer(known_head, head):
                    self.touch(customer_id)
                if not is_newer(head, known_head):
                    continue
            self._packed[customer_id] = packed
            self._live.pop(customer_id, None)
            self.changed.pop(customer_id, None)
            self.due_queue.schedule(customer_id, head.next_due_ms)

    def packed(self) -> Iterator[tuple[str, bytes]]:
        """The packed states as of the last packing."""
        yield from self._packed.items()

    def shrink(self) -> None:
        """Drop the unpacked states used least recently, if none is newer than its bytes."""
        excess = len(self._live) - self.max_live
        if excess > self.max_live // 4 and not self.changed:
            for customer_id in list(islice(self._live, excess)):
                del self._live[customer_id]


def snapshot_of(customer: Customer) -> Snapshot:
    """A customer as it is now."""
    if len(customer.ledger.orders) <= FEW_ORDERS:
        return Snapshot(pack(customer))
    ledger, customer.ledger = customer.ledger, _NO_LEDGER
    try:
        return Snapshot(pack(customer), ledger.copied())
    finally:
        customer.ledger = ledger
