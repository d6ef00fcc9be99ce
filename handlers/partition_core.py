"""The customers of one partition with their clock: what fires, and what is put back.

`handlers.partition` applies the records of the log to it, `handlers.merge.routing` the merges.
"""

from __future__ import annotations

from collections.abc import Callable

from handlers.care.retention import erased_at_ms
from handlers.context import Context, Savepoint
from handlers.due import due_after, plan
from handlers.failures import Failure, failed, must_stop
from handlers.state.customer import Customer, begun_anew, new_customer, retired_customer
from handlers.state.formats import FIRST
from handlers.state.partition_state import Meta
from handlers.state.policy_round import PolicyRound, Standing
from handlers.state.store import CustomerStore, Snapshot, snapshot_of
from handlers.transitions import fire, reevaluate
from handlers.undo import Undo
from scoring.rules import PROSPECT, Rules
from scoring.timestamps import rfc3339

_MAX_NEWCOMERS = 1_000

Counted = tuple[str, str] | None
"""The tier and stage under which a customer is counted; None for one that was not known."""


class NoPolicy(Exception):
    """The log has an event before its first policy."""


class DueMarks:
    """Which outputs in the outbox came due, and when, for who puts those of several runs in order.

    Attributes:
        begins: places in the outbox where outputs of a due instant begin, each with the instant.
        fired_to: where those that the clock brought end, and those of the record's own customer
            begin.
    """

    __slots__ = ("begins", "fired_to")

    def __init__(self) -> None:
        self.begins: list[tuple[int, int]] = []
        self.fired_to = 0


class PartitionCore:
    """One partition's customers, clock, policy and due instants."""

    def __init__(
        self,
        meta: Meta | None = None,
        store: CustomerStore | None = None,
        *,
        is_whole: bool = True,
        remembers: int = FIRST,
    ) -> None:
        """Begin empty, or with a state.

        Args:
            meta: what is known beside the customers.
            store: the customers.
            is_whole: all customers belong to this partition, so a merge is complete at once.
                Otherwise what is forwarded is returned by `apply` and `take_transfer`, and must
                come back by the log of the partition it goes to.
            remembers: a format whose figures states keep from the beginning of the log on.
        """
        self.remembers = remembers
        self.is_whole = is_whole
        self.meta = meta or Meta()
        self.store = CustomerStore() if store is None else store
        self.round = PolicyRound(self.meta, self.store)
        self.stale_profiles: dict[str, None] = {}
        """Customers whose profile must be written again."""
        self.failures: list[Failure] = []
        """Faults since they were last taken, like the outbox of the context."""
        self.marks: DueMarks | None = None
        """Kept while somebody asks. A compiled class has no subclass that could."""
        self.on_put: Callable[[Customer], None] | None = None
        """Called with each customer who was put back."""
        self._undo = Undo()
        self._newcomers: dict[str, list[int]] = {}
        """Offsets refused of customers that are not in the store, as `Customer.refused`."""
        self._context: Context | None = None
        if self.meta.policy is not None:
            self._context = Context(source_of(self.meta.app_id), Rules(self.meta.policy), self.meta)

    @property
    def context(self) -> Context:
        """The rules in force, the outbox and the tally.

        Raises:
            NoPolicy: no policy was activated yet.
        """
        context = self._context
        if context is None:
            raise NoPolicy("the log has no policy before its first event")
        rules, number = context.rules, self.meta.format
        if rules.format != number:
            rules.format, rules.remembers = number, max(number, self.remembers)
        return context

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self.context.rules

    def clock_of(self, customer: Customer) -> int:
        """The customer's clock: its newest event or the partition's clock."""
        return max(customer.newest_ms, self.meta.clock_ms)

    def standing_of(self, customer: Customer) -> Standing:
        """The rules that a customer stands under, and its clock.

        Until its turn under a new policy these are the former rules, and the clock at which the
        policy came.
        """
        waiting = self.round.standing_of(customer)
        return waiting or Standing(self.rules, self.clock_of(customer))

    # -- a new policy

    def go_round(self, offset: int, own: Customer | None) -> None:
        """Re-evaluate a record's own customer under a new policy, and those who are next."""
        if not self.round.is_on:
            return
        if own is not None:
            self.take_turn(offset, own)
        self._take_next_turns(offset)

    def finish_round(self, offset: int) -> None:
        """Re-evaluate all customers who still wait for their turn."""
        while self.round.is_on:
            self.begin()
            self._take_next_turns(offset)

    def take_turn(self, offset: int, customer: Customer) -> Customer:
        """Re-evaluate a customer if its turn is still to come.

        As if it had been when the policy came: what was due since then fires at its own instants.

        Returns:
            the customer, who is another object if something was dropped.
        """
        standing = self.round.standing_of(customer)
        if standing is None:
            return customer
        self.save(customer.customer_id)
        was = counted(customer)
        customer = self._reevaluate(customer, standing)
        if self.meta.clock_ms > standing.now_ms:
            customer = self.fire_own(customer, self.meta.clock_ms)
        self.put(offset, customer, was)
        return customer

    def _reevaluate(self, customer: Customer, standing: Standing) -> Customer:
        """Evaluate a customer under the new rules; if that raises, it is as before."""
        context, before = self.context, self.store.snapshot(customer.customer_id)
        point = context.savepoint()
        context.is_rollout = self.round.is_quiet
        try:
            reevaluate(context, customer, standing.rules, standing.now_ms, self.round.cause)
            plan(context, customer, standing.now_ms)
        except Exception as error:
            if must_stop(error):
                raise
            rejection = failed(f"policy {self.rules.version!r} for the customer", error)
            failure = Failure("policy", customer.customer_id, rejection, error, has_letter=True)
            restored = self._drop(customer, before, point, failure)
            if restored.tier not in self.rules.rank:
                # A tier that is no more would make each later evaluation raise.
                restored.tier, restored.grace = PROSPECT, None
            return restored
        finally:
            context.is_rollout = False
        return customer

    def _take_next_turns(self, offset: int) -> None:
        ids = self.round.next_ids()
        for customer_id in ids:
            if self.round.waits(customer_id):
                customer = self.store.get(customer_id)
                assert customer is not None
                self.take_turn(offset, customer)
        self.round.pass_by(ids)

    # -- time

    def begin(self) -> None:
        """Begin with a record, or a step that is put back as a whole or not at all."""
        self._undo.begin(self.context, self.meta, self.failures)

    def save(self, customer_id: str) -> None:
        """Note how a customer is now, before the record changes it."""
        self._undo.save(self.store, customer_id, self.stale_profiles)

    def put_back(self) -> None:
        """Put everything back to what it was when the record began."""
        self._undo.roll_back(self.store, self.meta, self.failures, self.stale_profiles)
        self.round.rewind()

    def move_clock(self, offset: int, clock_ms: int) -> None:
        """Move the partition's clock, never back, and fire all that is due by then."""
        if clock_ms > self.meta.clock_ms:
            self.meta.clock_ms = clock_ms
            self._fire_due(offset, clock_ms)

    def advance(self, offset: int, occurred_ms: int, own: Customer | None = None) -> None:
        """Note the time of an accepted event; in replay mode the clock follows it.

        Before that a new policy's round goes on: first the record's own customer, if it has one.
        """
        meta = self.meta
        if meta.round is not None:
            self.go_round(offset, own)
        if occurred_ms > meta.newest_ms:
            meta.newest_ms = occurred_ms
            if meta.mode == "replay":
                self.move_clock(offset, occurred_ms - meta.allowed_lateness_ms)

    def _fire_due(self, offset: int, until_ms: int) -> None:
        """Fire all that is due up to an instant, by (instant, customer id)."""
        pop_due, get = self.store.due_queue.pop_due, self.store.get
        while (due := pop_due(until_ms)) is not None:
            due_ms, customer_id = due
            if self.round.waits(customer_id):
                continue  # it is planned anew when its turn comes
            customer = get(customer_id)
            assert customer is not None
            before = self._undo.saved_now(self.store, customer_id, self.stale_profiles)
            was = counted(customer)
            self.put(offset, self._fire(customer, due_ms, before), was)
        if self.marks is not None:
            self.marks.fired_to = len(self.context.outbox)

    def fire_own(self, customer: Customer, until_ms: int) -> Customer:
        """Fire all that is due for a record's own customer up to an instant, in order.

        Returns:
            the customer, who is another object if an instant was dropped.
        """
        while (due_ms := customer.next_due_ms) is not None and due_ms <= until_ms:
            customer = self._fire(customer, due_ms, snapshot_of(customer))
        return customer

    def _fire(self, customer: Customer, due_ms: int, before: Snapshot | None) -> Customer:
        """Fire an instant of a customer; if that raises, it is dropped, and the customer put back.

        Args:
            customer: changed in place, unless the instant is dropped.
            due_ms: the instant.
            before: the customer's snapshot as of now.
        """
        context = self.context
        if self.marks is not None:
            self.marks.begins.append((len(context.outbox), due_ms))
        erased_ms = erased_at_ms(context.rules, customer)
        if erased_ms is not None and erased_ms <= due_ms:
            context.tally.due += 1
            context.tally.unmatched += len(customer.ledger.waiting)
            context.count(context.tally.erased, "retention")
            return retired_customer(customer, erased_ms)
        point = context.savepoint()
        try:
            fire(context, customer, due_ms)
            plan(context, customer, due_ms)
        except Exception as error:
            if must_stop(error):
                raise
            rejection = failed(f"what was due at {rfc3339(due_ms)}", error)
            failure = Failure("due", customer.customer_id, rejection, error, has_letter=True)
            restored = self._drop(customer, before, point, failure)
            restored = self._let_orders_leave(restored, before, due_ms)
            restored.next_due_ms = due_after(context.rules, restored, due_ms)
            return restored
        return customer

    def _let_orders_leave(
        self, customer: Customer, before: Snapshot | None, due_ms: int
    ) -> Customer:
        """Orders leave the window though the instant at which they do was dropped.

        Else they would be known until the next one, and told again be a conflict.
        """
        rules = self.context.rules
        try:
            customer.ledger.evict(rules, rules.calendar.day(due_ms))
        except Exception as error:
            if must_stop(error):
                raise
            restored = self.store.as_packed(customer.customer_id, before)
            assert restored is not None
            restored.refused = customer.refused
            return restored
        return customer

    def _drop(
        self, customer: Customer, before: Snapshot | None, point: Savepoint, failure: Failure
    ) -> Customer:
        """Drop a step of one customer that raised; the customer as before it."""
        self.context.roll_back(point)
        self.failures.append(failure)
        restored = self.store.as_packed(customer.customer_id, before)
        assert restored is not None
        restored.refused = customer.refused
        return restored

    def come_back(self, offset: int, marker: Customer) -> Customer:
        """The customer who begins anew after its retention; not in the store yet."""
        return begun_anew(marker, offset, self.meta.applied)

    def skip(self, offset: int, customer: Customer, occurred_ms: int) -> None:
        """A restored state contains this record already: only its time counts."""
        self.context.tally.skipped += 1
        if offset not in customer.refused:
            self.advance(offset, occurred_ms)

    def note_refused(self, offset: int, customer: Customer, occurred_ms: int) -> None:
        """A record that is not accepted moves no time, nor may it when it is read again.

        Neither does it move a new policy's round.
        """
        if occurred_ms > self.meta.newest_ms or self.round.is_on:
            customer.refuse(offset, self.meta.applied)
            if customer.applied < 0:
                self._note_newcomer(customer)

    def newcomer(self, customer_id: str) -> Customer:
        """A customer of whom nothing is known yet, but for records that were refused."""
        customer = new_customer(customer_id)
        customer.refused = self._newcomers.get(customer_id, [])
        return customer

    def _note_newcomer(self, customer: Customer) -> None:
        """Remember the refused records of a customer who is not in the store."""
        if len(self._newcomers) >= _MAX_NEWCOMERS:
            applied = self.meta.applied
            kept = {who: at for who, at in self._newcomers.items() if at[-1] > applied}
            self._newcomers = kept
        self._newcomers[customer.customer_id] = customer.refused

    # -- the store

    def put(self, offset: int, customer: Customer, was: Counted) -> None:
        """Put a changed customer back, and count it under its tier and stage."""
        if customer.erased:
            self.put_marker(offset, customer, was)
        else:
            if customer.applied < 0:
                self._note_first(offset, customer)
            customer.applied = offset
            now = customer.tier, customer.stage
            if was != now:
                context = self.context
                context.count(context.tally.population, now)
                if was is not None:
                    context.count(context.tally.population, was, -1)
            self.store.put(customer)
            self.stale_profiles[customer.customer_id] = None
        if self.on_put is not None:
            self.on_put(customer)

    def _note_first(self, offset: int, customer: Customer) -> None:
        """Note since when an id is known, for the round of a policy; the first format has none."""
        if customer.applied < 0 and customer.first_offset < 0 and self.meta.format > FIRST:
            customer.first_offset = offset

    def put_marker(self, offset: int, marker: Customer, was: Counted) -> None:
        """Put the marker of a merged or erased customer, and count the customer out."""
        if was is not None:
            self.context.count(self.context.tally.population, was, -1)
        self._note_first(offset, marker)
        marker.applied = offset
        if marker.retired_ms is not None and marker.erased_offset < 0:
            marker.erased_offset = offset
        self.store.put(marker)
        self.stale_profiles[marker.customer_id] = None


def counted(customer: Customer) -> Counted:
    """The tier and stage under which a customer is counted; None for one that was not known."""
    is_one = customer.applied >= 0 and not customer.erased
    return (customer.tier, customer.stage) if is_one else None


def source_of(app_id: str) -> str:
    """The `source` of all outputs of an application."""
    return f"tierstream/{app_id}"
