"""Puts a partition back to what it was before a record, if applying the record raises.

It costs little while all is well. Of a customer that is unchanged since the last flush, the packed
state is there anyway. One that is changed twice between two flushes is packed once more, without
the orders: of those the list is copied, since an order that changes gives its place to a copy
(`scoring.orders.ledger`). What only grows is cut back to its former length.
"""

from __future__ import annotations

from handlers.context import Context, Savepoint
from handlers.failures import Failure
from handlers.state.partition_state import Meta, Round
from handlers.state.store import CustomerStore, Snapshot


class Undo:
    """What one record may have changed, and how it was before.

    A handler calls `save` before it changes a customer, or the partition's clock.
    """

    __slots__ = (
        "_before",
        "_clock_ms",
        "_context",
        "_due",
        "_failures",
        "_newest_ms",
        "_outputs",
        "_round",
        "_stale",
        "_unmatched",
    )

    def __init__(self) -> None:
        self._before: dict[str, Snapshot | None] = {}
        self._stale: set[str] = set()
        self._context: Context | None = None
        self._newest_ms = self._clock_ms = self._failures = 0
        self._outputs = self._unmatched = self._due = 0
        self._round: Round | None = None

    def begin(self, context: Context, meta: Meta, failures: list[Failure]) -> None:
        """Begin with a record, or with anything else that is put back as a whole or not at all."""
        if self._before:
            self._before.clear()
            self._stale.clear()
        self._context = context
        if context.counted:
            context.counted.clear()
        tally = context.tally
        self._outputs, self._unmatched, self._due = len(context.outbox), tally.unmatched, tally.due
        self._newest_ms, self._clock_ms = meta.newest_ms, meta.clock_ms
        self._round = meta.round
        self._failures = len(failures)

    def save(self, store: CustomerStore, customer_id: str, stale: dict[str, None]) -> None:
        """Note how a customer is now, unless that is noted already."""
        if customer_id not in self._before:
            self._before[customer_id] = store.snapshot(customer_id)
            if customer_id in stale:
                self._stale.add(customer_id)

    def roll_back(
        self, store: CustomerStore, meta: Meta, failures: list[Failure], stale: dict[str, None]
    ) -> None:
        """Put back all that was saved, and drop outputs, counts and failures since `begin`."""
        assert self._context is not None
        point = Savepoint(self._outputs, 0, self._unmatched, self._due)
        self._context.roll_back(point)
        meta.newest_ms, meta.clock_ms = self._newest_ms, self._clock_ms
        meta.round = self._round
        del failures[self._failures :]
        for customer_id, snapshot in self._before.items():
            store.put_back(customer_id, snapshot)
            if customer_id not in self._stale:
                stale.pop(customer_id, None)
