"""Puts a partition back to what it was before a record, if applying the record raises.

It costs little while all is well. Of a customer that is unchanged since the last flush, the packed
state is there anyway. One that is changed twice between two flushes is packed once more. Many
orders are not: their list is copied, since an order that changes gives its place to a copy
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

    __slots__ = ("_before", "_beside", "_context", "_outbox")

    def __init__(self) -> None:
        self._before: dict[str, tuple[Snapshot | None, bool]] = {}
        """How each customer was, and whether its profile was to be written."""
        self._context: Context | None = None
        self._outbox = (0, 0, 0)
        """The number of outputs, and the tally's `unmatched` and `due`."""
        self._beside: tuple[int, int, Round | None, int] = (0, 0, None, 0)
        """The newest time, the clock, the round of a policy, and the number of failures."""

    def begin(self, context: Context, meta: Meta, failures: list[Failure]) -> None:
        """Begin with a record, or with anything else that is put back as a whole or not at all."""
        self._before.clear()
        self._context = context
        if context.counted:
            context.counted.clear()
        tally = context.tally
        self._outbox = len(context.outbox), tally.unmatched, tally.due
        self._beside = meta.newest_ms, meta.clock_ms, meta.round, len(failures)

    def save(self, store: CustomerStore, customer_id: str, stale: dict[str, None]) -> None:
        """Note how a customer is now, unless that is noted already."""
        if customer_id not in self._before:
            self._before[customer_id] = store.snapshot(customer_id), customer_id in stale

    def saved_now(
        self, store: CustomerStore, customer_id: str, stale: dict[str, None]
    ) -> Snapshot | None:
        """As `save`, and how the customer is now, as `CustomerStore.snapshot` has it."""
        snapshot = store.snapshot(customer_id)
        if customer_id not in self._before:
            self._before[customer_id] = snapshot, customer_id in stale
        return snapshot

    def roll_back(
        self, store: CustomerStore, meta: Meta, failures: list[Failure], stale: dict[str, None]
    ) -> None:
        """Put back all that was saved, and drop outputs, counts and failures since `begin`."""
        assert self._context is not None
        outputs, unmatched, due = self._outbox
        self._context.roll_back(Savepoint(outputs, 0, unmatched, due))
        meta.newest_ms, meta.clock_ms, meta.round, failed = self._beside
        del failures[failed:]
        for customer_id, (snapshot, was_stale) in self._before.items():
            store.put_back(customer_id, snapshot)
            if not was_stale:
                stale.pop(customer_id, None)
