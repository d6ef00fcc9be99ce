"""The state machine of one partition: the canonical log in, outputs and changed customers out.

Its state and outputs are a function of the log alone. The worker, the backtest and the tests all
run this code.

Here is what concerns all of them: the clock, who is due, who comes first, where a record goes. What
one customer goes through is in `handlers.transitions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from handlers import reasons
from handlers.context import Cause, Context
from handlers.control_records import ClockTick, PolicyActivated, decode_control
from handlers.decode.decode import ANY_TIME, Limits, decode
from handlers.decode.digests import id_digest
from handlers.decode.policy_checks import check_values
from handlers.duplicates import identify
from handlers.events import CustomerErased, CustomerMerged, Event
from handlers.merge.forwarding import (
    MAX_EVENT_HOPS,
    Forwarded,
    ForwardedEvent,
    Route,
    Transfer,
    first_step,
    next_step,
)
from handlers.profile import profile_record
from handlers.reasons import Rejection
from handlers.state.customer import (
    Customer,
    MergedInto,
    erased_customer,
    merged_customer,
    new_customer,
    pack,
    unpack,
)
from handlers.state.partition_state import Meta, Source, is_repeated
from handlers.state.store import CustomerStore
from handlers.transitions import (
    cause_key,
    fire,
    fire_until,
    make_whole,
    plan,
    reconsider,
    take_event,
    take_over,
)
from scoring.rules import Rules

MERGE = "merge"
"""The reason where two customers became one."""

Verdict = Rejection | Forwarded | None
"""What became of a record: a dead letter, something that goes on to a customer, or neither."""


class NoPolicy(Exception):
    """An event stands in the log before any policy."""


class Partition:
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
            is_whole: all customers there are belong to this partition, so a merge is complete at
                once. Otherwise what passes from one to another is handed out by `apply` and
                `take_transfer`, and must come back by the log of the partition it goes to.
        """
        self.is_whole = is_whole
        self.meta = meta or Meta()
        self.store = CustomerStore() if store is None else store
        self.stale_profiles: dict[str, None] = {}
        """Customers whose profile is to be sent anew."""
        self._context: Context | None = None
        if self.meta.policy is not None:
            self._context = Context(_source(self.meta.app_id), Rules(self.meta.policy))

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

    def control(self, offset: int, value: bytes) -> None:
        """Apply a tick or a policy."""
        record = decode_control(value)
        if isinstance(record, ClockTick):
            self.tick(offset, record.at)
        else:
            self.activate(offset, record)

    def tick(self, offset: int, wall_ms: int) -> None:
        """Wall time passed: in live mode the clock moves."""
        if self.meta.mode == "live":
            self._move_clock(offset, wall_ms - self.meta.allowed_lateness_ms)

    def activate(self, offset: int, activated: PolicyActivated) -> None:
        """Put a policy in force and look at every customer under it."""
        meta = self.meta
        same = meta.policy == activated.policy
        meta.app_id, meta.policy = activated.app_id, activated.policy
        meta.mode, meta.allowed_lateness_ms = activated.mode, activated.allowed_lateness_ms
        before = self._context
        if before is not None and same:
            before.source = _source(meta.app_id)
            return
        self._context = Context(_source(meta.app_id), Rules(activated.policy))
        if before is not None:
            self._context.outbox, self._context.tally = before.outbox, before.tally
            cause = Cause(f"policy:{activated.event_id}", (), "policy")
            for customer_id in self.store.ids():
                self._reconsider(offset, customer_id, before.rules, cause)

    def admit(
        self,
        value: bytes | None,
        headers: Mapping[str, bytes] | None = None,
        limits: Limits = ANY_TIME,
    ) -> Event | Rejection:
        """Make an event of a record, or find why it cannot be used, without looking at state."""
        rules = self.rules
        event = decode(value, headers, limits)
        if isinstance(event, Rejection):
            return event
        return check_values(event, rules) or event

    def is_applied(self, source: Source) -> bool:
        """Whether this record of a source partition, or a later one, was taken already."""
        return is_repeated(self.meta.source_offsets, source)

    def apply(self, offset: int, event: Event, route: Route | None = None) -> Verdict:
        """Apply an admitted event at an offset of the log.

        Args:
            offset: of its record.
            event: what was admitted.
            route: the way of an event that was told of another id.

        Returns:
            why it became a dead letter after all; where it goes on to, with a merged customer or
            after one; None if it was accepted here or a duplicate.
        """
        context = self.context
        customer_id = event.customer_id if route is None else route.into
        customer = self.store.get(customer_id)
        if customer is None:
            customer = new_customer(customer_id)
        elif customer.applied >= offset:
            self._skip(offset, customer, event.occurred_ms)
            return None
        elif customer.merged_into is not None or (route is not None and customer.erased):
            route = route or Route(into=customer_id)
            return self._apply_elsewhere(offset, customer, event, route)
        identified = identify(customer, event, context.rules.base_currency)
        if type(identified) is CustomerMerged:
            identified = self._refusal(customer, identified) or identified
        if isinstance(identified, Event):
            context.tally.accepted[event.type] += 1
            self._advance(offset, event.occurred_ms)
            return self._accept(offset, customer, identified)
        self._note_refused(offset, customer, event.occurred_ms)
        if isinstance(identified, Rejection):
            return identified
        context.tally.duplicates[event.type] += 1
        return None

    def take_transfer(self, offset: int, transfer: Transfer) -> Verdict:
        """Take what is kept of a merged customer, or have it go on, or back.

        Returns:
            why the merge is a dead letter after all, if its customer has come back; the same
            transfer with another way, if it goes on; None if it was joined to a customer here.
        """
        customer = self.store.get(transfer.into)
        if customer is not None and customer.applied >= offset:
            self._skip(offset, customer, transfer.occurred_ms)
            return None
        if transfer.into == transfer.customer_id:
            return self._take_back(offset, transfer)
        if customer is None or not customer.is_gone:
            self._advance(offset, transfer.occurred_ms)
            self._take_over(offset, customer or new_customer(transfer.into), transfer)
            return None
        step = self._pass_on(offset, customer, transfer.occurred_ms, next_step(customer, transfer))
        assert step is not None, "the way of a transfer ends where it began"
        return replace(transfer, into=step.into, via=step.via, back=step.back)

    def fire_due(self, offset: int, until_ms: int) -> None:
        """Fire all that is due up to an instant, by (instant, customer id)."""
        pop_due, get = self.store.due_queue.pop_due, self.store.get
        context = self.context
        while (due := pop_due(until_ms)) is not None:
            due_ms, customer_id = due
            customer = get(customer_id)
            assert customer is not None
            was = _standing(customer)
            fire(context, customer, due_ms)
            plan(context, customer, due_ms)
            self._put(offset, customer, was)

    def _skip(self, offset: int, customer: Customer, occurred_ms: int) -> None:
        """What a restored state already contains is not applied again, but time passed by it."""
        self.context.tally.skipped += 1
        if offset not in customer.refused:
            self._advance(offset, occurred_ms)

    def finish(self, offset: int, until_ms: int) -> None:
        """Let time pass to an instant at the end of a log."""
        self._move_clock(offset, until_ms)

    def newest_event_ms(self) -> int:
        """The newest event time seen."""
        return self.meta.newest_ms

    def clock_of(self, customer: Customer) -> int:
        """The customer's clock: its newest event or the partition's clock."""
        return max(customer.newest_ms, self.meta.clock_ms)

    def profile(self, customer_id: str) -> Any:
        """The record for `customer-profiles` as of the customer's clock; None if unknown."""
        customer = self.store.get(customer_id)
        if customer is None:
            return None
        context = self.context
        return profile_record(customer, context.rules, self.clock_of(customer), context.source)

    def _advance(self, offset: int, occurred_ms: int) -> None:
        meta = self.meta
        if occurred_ms > meta.newest_ms:
            meta.newest_ms = occurred_ms
            if meta.mode == "replay":
                self._move_clock(offset, occurred_ms - meta.allowed_lateness_ms)

    def _move_clock(self, offset: int, clock_ms: int) -> None:
        if clock_ms > self.meta.clock_ms:
            self.meta.clock_ms = clock_ms
            self.fire_due(offset, clock_ms)

    def _accept(self, offset: int, customer: Customer, event: Event) -> Transfer | None:
        context, occurred_ms = self.context, event.occurred_ms
        was = _standing(customer)
        fire_until(context, customer, occurred_ms)
        if type(event) is CustomerErased:
            self._erase(offset, customer, was)
            return None
        clock_before = self.clock_of(customer)
        now_ms = max(clock_before, occurred_ms)
        customer.newest_ms = max(customer.newest_ms, occurred_ms)
        customer.remember(id_digest(event.event_id), event.content)
        if type(event) is CustomerMerged:
            return self._send_off(offset, customer, event, was)
        if take_event(context, customer, event, now_ms, is_late=occurred_ms < clock_before):
            plan(context, customer, now_ms)
        self._put(offset, customer, was)
        return None

    def _reconsider(self, offset: int, customer_id: str, old_rules: Rules, cause: Cause) -> None:
        if self.store.applied(customer_id) >= offset:
            return
        customer = self.store.get(customer_id)
        assert customer is not None
        if customer.is_gone:
            return
        was = _standing(customer)
        now_ms = self.clock_of(customer)
        reconsider(self.context, customer, old_rules, now_ms, cause)
        plan(self.context, customer, now_ms)
        self._put(offset, customer, was)

    def _erase(self, offset: int, customer: Customer, was: tuple[str, str] | None) -> None:
        if customer.erased:
            return
        self.context.tally.unmatched += len(customer.ledger.waiting)
        self._leave_marker(offset, erased_customer(customer), was)

    # -- customers who are merged

    def _refusal(self, customer: Customer, merge: CustomerMerged) -> Rejection | None:
        """Why a merge cannot be, as far as it is seen from this partition."""
        survivor_id = self._survivor(merge.into)
        survivor = self.store.get(survivor_id)
        if survivor_id == customer.customer_id:
            detail = "the merge would lead in a circle"
        elif survivor is not None and survivor.erased:
            detail = "the surviving customer was erased"
        else:
            return None
        return Rejection(reasons.INVALID_VALUE, detail, merge.event_id)

    def _survivor(self, customer_id: str) -> str:
        """Who an id was merged into, as far as it is seen from this partition."""
        customer = self.store.get(customer_id)
        while customer is not None and customer.merged_into is not None:
            customer_id = customer.merged_into.into
            customer = self.store.get(customer_id)
        return customer_id

    def _send_off(
        self,
        offset: int,
        customer: Customer,
        merge: CustomerMerged,
        was: tuple[str, str] | None,
    ) -> Transfer | None:
        """Leave a marker, and have all else go to the surviving customer."""
        customer.merge_count += 1
        merged_into = MergedInto(merge.into, offset, customer.merge_count)
        step = first_step(customer.customer_id, merged_into)
        transfer = Transfer(
            into=step.into,
            via=step.via,
            customer_id=customer.customer_id,
            event_id=merge.event_id,
            occurred_ms=merge.occurred_ms,
            left_ms=self.clock_of(customer),
            state=pack(customer),
        )
        self._leave_marker(offset, merged_customer(customer, merged_into), was)
        if not self.is_whole:
            return transfer
        survivor_id = self._survivor(merge.into)
        survivor = self.store.get(survivor_id) or new_customer(survivor_id)
        self._take_over(offset, survivor, transfer)
        return None

    def _take_over(self, offset: int, customer: Customer, transfer: Transfer) -> None:
        """The merged customer's record has come to the one who survives."""
        context, occurred_ms = self.context, transfer.occurred_ms
        other = unpack(transfer.state)
        was = _standing(customer)
        fire_until(context, customer, max(occurred_ms, other.newest_ms))
        now_ms = max(self.clock_of(customer), occurred_ms, other.newest_ms)
        customer.newest_ms = max(customer.newest_ms, occurred_ms)
        key = cause_key(transfer.event_id, occurred_ms)
        cause = Cause(key, (transfer.event_id,), MERGE, late=occurred_ms < now_ms)
        take_over(context, customer, other, now_ms, cause)
        plan(context, customer, now_ms)
        self._put(offset, customer, was)
        context.tally.merges["joined"] += 1

    def _take_back(self, offset: int, transfer: Transfer) -> Rejection:
        """A merge found nobody to survive it: all is as it was before."""
        marker, customer = self.store.get(transfer.customer_id), unpack(transfer.state)
        customer.forget_newest()
        if marker is not None:
            customer.refused = marker.refused
        now_ms = self.clock_of(customer)
        key = f"{cause_key(transfer.event_id, transfer.occurred_ms)}:refused"
        make_whole(self.context, customer, transfer.left_ms, now_ms, Cause(key, (), "policy"))
        plan(self.context, customer, now_ms)
        self._put(offset, customer, None)
        self.context.tally.merges["refused"] += 1
        detail = "the surviving customer was erased, or the merges lead in a circle or too far"
        return Rejection(reasons.INVALID_VALUE, detail, transfer.event_id)

    def _apply_elsewhere(
        self, offset: int, customer: Customer, event: Event, route: Route
    ) -> Verdict:
        """Who the event is told of is gone: it goes on to who is there, if anybody is."""
        if self.is_whole and customer.merged_into is not None:
            return self.apply(offset, event, Route(into=self._survivor(customer.customer_id)))
        step = next_step(customer, route, MAX_EVENT_HOPS)
        step = self._pass_on(offset, customer, event.occurred_ms, step)
        if step is not None:
            self.context.tally.merges["followed"] += 1
            return ForwardedEvent(into=step.into, via=step.via, back=step.back)
        if type(event) is CustomerErased:
            self.context.tally.accepted[event.type] += 1
            self._advance(offset, event.occurred_ms)
            return None
        self._note_refused(offset, customer, event.occurred_ms)
        detail = "the customer was erased"
        if customer.merged_into is not None:
            detail = "the customer was merged into one who was erased, or is too many merges away"
        return Rejection(reasons.ERASED_CUSTOMER, detail, event.event_id)

    def _pass_on(
        self, offset: int, customer: Customer, occurred_ms: int, step: Route | None
    ) -> Route | None:
        """Something goes on from a customer who is gone, if anywhere; it moves no time here."""
        if step is not None:
            self._note_refused(offset, customer, occurred_ms)
            customer.applied = offset
            self.store.put(customer)
        return step

    # -- the store

    def _note_refused(self, offset: int, customer: Customer, occurred_ms: int) -> None:
        """A record that is not accepted moves no time, nor may it when it is read again."""
        if occurred_ms > self.meta.newest_ms:
            customer.refuse(offset, self.meta.applied)

    def _leave_marker(self, offset: int, marker: Customer, was: tuple[str, str] | None) -> None:
        """Put what is left of a customer who is gone, and count it out."""
        if was is not None:
            self.context.tally.population[was] -= 1
        marker.applied = offset
        self.store.put(marker)
        self.stale_profiles[marker.customer_id] = None

    def _put(self, offset: int, customer: Customer, was: tuple[str, str] | None) -> None:
        """Put a changed customer back, and count where it stands."""
        customer.applied = offset
        now = customer.tier, customer.stage
        if was != now:
            population = self.context.tally.population
            population[now] += 1
            if was is not None:
                population[was] -= 1
        self.store.put(customer)
        self.stale_profiles[customer.customer_id] = None


def _standing(customer: Customer) -> tuple[str, str] | None:
    """Where a customer is counted: tier and stage; None for one not known before."""
    return (customer.tier, customer.stage) if customer.applied >= 0 else None


def _source(app_id: str) -> str:
    return f"tierstream/{app_id}"
