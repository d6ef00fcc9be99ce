"""The customers of one partition with their clock: what fires, and what is put back.

`handlers.partition` applies the records of the log to it, `handlers.merge.routing` the merges.
"""

from __future__ import annotations

from handlers.context import Context
from handlers.state.customer import Customer
from handlers.state.partition_state import Meta
from handlers.state.store import CustomerStore
from handlers.transitions import fire, plan
from scoring.rules import Rules

Counted = tuple[str, str] | None
"""The tier and stage under which a customer is counted; None for one that was not known."""


class NoPolicy(Exception):
    """The log has an event before its first policy."""


class PartitionCore:
    """One partition's customers, clock, policy and due instants."""

    def __init__(
        self,
        meta: Meta | None = None,
        store: CustomerStore | None = None,
        *,
        is_whole: bool = True,
    ) -> None:
        """Begin empty, or with a state.

        Args:
            meta: what is known beside the customers.
            store: the customers.
            is_whole: all customers belong to this partition, so a merge is complete at once.
                Otherwise what is forwarded is returned by `apply` and `take_transfer`, and must
                come back by the log of the partition it goes to.
        """
        self.is_whole = is_whole
        self.meta = meta or Meta()
        self.store = CustomerStore() if store is None else store
        self.stale_profiles: dict[str, None] = {}
        """Customers whose profile must be written again."""
        self._context: Context | None = None
        if self.meta.policy is not None:
            self._context = Context(source_of(self.meta.app_id), Rules(self.meta.policy))

    @property
    def context(self) -> Context:
        """The rules in force, the outbox and the tally.

        Raises:
            NoPolicy: no policy was activated yet.
        """
        if self._context is None:
            raise NoPolicy("the log has no policy before its first event")
        return self._context

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self.context.rules

    def clock_of(self, customer: Customer) -> int:
        """The customer's clock: its newest event or the partition's clock."""
        return max(customer.newest_ms, self.meta.clock_ms)

    # -- time

    def move_clock(self, offset: int, clock_ms: int) -> None:
        """Move the partition's clock, never back, and fire all that is due by then."""
        if clock_ms > self.meta.clock_ms:
            self.meta.clock_ms = clock_ms
            self._fire_due(offset, clock_ms)

    def advance(self, offset: int, occurred_ms: int) -> None:
        """Note the time of an accepted event; in replay mode the clock follows it."""
        meta = self.meta
        if occurred_ms > meta.newest_ms:
            meta.newest_ms = occurred_ms
            if meta.mode == "replay":
                self.move_clock(offset, occurred_ms - meta.allowed_lateness_ms)

    def _fire_due(self, offset: int, until_ms: int) -> None:
        """Fire all that is due up to an instant, by (instant, customer id)."""
        pop_due, get = self.store.due_queue.pop_due, self.store.get
        context = self.context
        while (due := pop_due(until_ms)) is not None:
            due_ms, customer_id = due
            customer = get(customer_id)
            assert customer is not None
            was = counted(customer)
            fire(context, customer, due_ms)
            plan(context, customer, due_ms)
            self.put(offset, customer, was)

    def skip(self, offset: int, customer: Customer, occurred_ms: int) -> None:
        """A restored state contains this record already: only its time counts."""
        self.context.tally.skipped += 1
        if offset not in customer.refused:
            self.advance(offset, occurred_ms)

    def note_refused(self, offset: int, customer: Customer, occurred_ms: int) -> None:
        """A record that is not accepted moves no time, nor may it when it is read again."""
        if occurred_ms > self.meta.newest_ms:
            customer.refuse(offset, self.meta.applied)

    # -- the store

    def put(self, offset: int, customer: Customer, was: Counted) -> None:
        """Put a changed customer back, and count it under its tier and stage."""
        customer.applied = offset
        now = customer.tier, customer.stage
        if was != now:
            population = self.context.tally.population
            population[now] += 1
            if was is not None:
                population[was] -= 1
        self.store.put(customer)
        self.stale_profiles[customer.customer_id] = None

    def put_marker(self, offset: int, marker: Customer, was: Counted) -> None:
        """Put the marker of a merged or erased customer, and count the customer out."""
        if was is not None:
            self.context.tally.population[was] -= 1
        marker.applied = offset
        self.store.put(marker)
        self.stale_profiles[marker.customer_id] = None


def counted(customer: Customer) -> Counted:
    """The tier and stage under which a customer is counted; None for one that was not known."""
    return (customer.tier, customer.stage) if customer.applied >= 0 else None


def source_of(app_id: str) -> str:
    """The `source` of all outputs of an application."""
    return f"tierstream/{app_id}"
