"""The state machine of one partition: the canonical log in, outputs and changed customers out.

Its state and outputs are a function of the log alone. The worker, the backtest and the tests all
run this code.

Here is what becomes of a record. What one customer goes through is in `handlers.transitions`,
merges are in `handlers.merge.routing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.context import Context
from handlers.control_records import ClockTick, PolicyActivated, decode_control
from handlers.decode.decode import ANY_TIME, IN_THE_LOG, Limits, customer_in, decode
from handlers.decode.digests import id_digest
from handlers.decode.policy_checks import check_values
from handlers.due import plan
from handlers.duplicates import erased_rejection, identify
from handlers.events import CustomerErased, CustomerMerged, Event
from handlers.failures import Failure, failed, must_stop
from handlers.merge.forwarding import Route, Transfer
from handlers.merge.routing import (
    Verdict,
    forward_event,
    merge_refusal,
    receive_transfer,
    return_transfer,
    start_merge,
    survivor_of,
)
from handlers.partition_core import Counted, PartitionCore, counted, source_of
from handlers.profile.record import profile_record
from handlers.reasons import Duplicate, Rejection
from handlers.state.customer import Customer, erased_customer, pack, unpack
from handlers.state.partition_state import Source, is_repeated
from handlers.transitions import take_event
from scoring.rules import Rules

NEWEST_OFFSET = 2**63
"""Behind every record of a log."""
_ERASED_OFFSET_SINCE = 3
"""The format from which on an erasure tells its offset."""
ALL_AT_ONCE = 1_000
"""Customers looked up together where a policy asks for all customers at its own record."""


class Partition(PartitionCore):
    """One partition of the log, record by record."""

    # -- control records

    def control(self, offset: int, value: bytes) -> Rejection | None:
        """Apply a tick or a policy; why it became a dead letter, None if it did not."""
        record = decode_control(value)
        if isinstance(record, ClockTick):
            self.tick(offset, record.at)
            return None
        return self.activate(offset, record)

    def tick(self, offset: int, wall_ms: int) -> None:
        """Wall time passed: in live mode a new policy's round goes on, and the clock moves."""
        if self.meta.mode == "live":
            self.begin()
            self.go_round(offset, None)
            self.move_clock(offset, wall_ms - self.meta.allowed_lateness_ms)

    def activate(self, offset: int, activated: PolicyActivated) -> Rejection | None:
        """Put a policy in force, and begin to re-evaluate every customer under it.

        Returns:
            why it is not in force, and the one before still is; None if it is.
        """
        meta = self.meta
        same = meta.policy == activated.policy
        try:
            rules = Rules(activated.policy)
        except Exception as error:
            if must_stop(error) or self._context is None:
                raise
            what = f"policy {activated.policy.version!r}"
            return self._refuse("policy", "", what, error, activated.event_id)
        former = meta.policy
        at_a_time = 0 if self.round.is_full else activated.at_a_time or 0
        meta.app_id, meta.policy = activated.app_id, activated.policy
        meta.mode, meta.allowed_lateness_ms = activated.mode, activated.allowed_lateness_ms
        meta.format, meta.rules = max(meta.format, activated.format), activated.rules
        meta.live_from_ms = activated.live_from_ms
        before = self._context
        if before is not None and same:
            before.source = source_of(meta.app_id)
            return None
        meta.quiet = activated.quiet
        self._context = Context(source_of(meta.app_id), rules, meta)
        if before is not None:
            self._context.outbox, self._context.tally = before.outbox, before.tally
            assert former is not None
            go = at_a_time if at_a_time > 0 else ALL_AT_ONCE
            self.round.begin(
                offset, activated.event_id, go, (former, before.rules), quiet=activated.quiet
            )
            if at_a_time <= 0:
                self.finish_round(offset)
        return None

    # -- events

    def admit(
        self,
        value: bytes | None,
        headers: Mapping[str, bytes] | None = None,
        limits: Limits = ANY_TIME,
    ) -> Event | Rejection:
        """Make an event of a record, or find why its shape cannot be used.

        Its values are judged where it is applied: of a customer who was erased nothing else may
        be told.

        Raises:
            NoPolicy: no policy was activated yet.
        """
        _ = self.context
        try:
            found = decode(value, headers, limits)
            if isinstance(found, Rejection) and limits == IN_THE_LOG:
                found = self.spared(found, customer_in(value, headers))
        except Exception as error:
            if isinstance(error, MemoryError):
                raise
            return self._refuse("record", "", "reading it", error, None)
        return found

    def value_fault(self, event: Event) -> Rejection | None:
        """Why the values of an event cannot be used under the policy in force; None if they can."""
        return check_values(event, self.rules)

    def is_erased(self, customer_id: str) -> bool:
        """Whether a customer was erased, or merged into one who was, as far as is seen here."""
        customer = self.store.get(survivor_of(self.store, customer_id, NEWEST_OFFSET))
        return customer is not None and customer.erased

    def spared(self, rejection: Rejection, *customer_ids: str | None) -> Rejection:
        """What the dead letter of a record of the log says, nothing of it if a customer is erased.

        Args:
            rejection: why the record cannot be used.
            customer_ids: whom it is about, as far as that is known.
        """
        if any(who is not None and self.is_erased(who) for who in customer_ids):
            return erased_rejection(rejection.event_id)
        return rejection

    def is_applied(self, source: Source) -> bool:
        """Whether this record of a source partition, or a later one, was applied already."""
        return is_repeated(self.meta.source_offsets, source)

    def apply(self, offset: int, event: Event, route: Route | None = None) -> Verdict:
        """Apply an admitted event at an offset of the log.

        Args:
            offset: of its record.
            event: what was admitted. Its values are judged here.
            route: the way of a forwarded event.

        Returns:
            why it became a dead letter after all; what is to be forwarded, a merged customer or an
            event for one; None if it was accepted here or is a duplicate.
        """
        self.begin()
        try:
            return self._apply(offset, event, route)
        except Exception as error:
            if must_stop(error):
                raise
            self.put_back()
            customer_id = event.customer_id if route is None else route.into
            customer = self.store.get(customer_id) or self.newcomer(customer_id)
            self.note_refused(offset, customer, event.occurred_ms)
            rejection = self._refuse("record", customer_id, "applying it", error, event.event_id)
            return self.spared(rejection, customer_id)

    def _apply(self, offset: int, event: Event, route: Route | None) -> Verdict:
        context, meta, store = self.context, self.meta, self.store
        occurred_ms = event.occurred_ms
        customer_id = event.customer_id if route is None else route.into
        customer = store.get(customer_id)
        if customer is None:
            customer = self.newcomer(customer_id)
        elif customer.applied >= offset:
            if self.value_fault(event) is None:
                self.skip(offset, customer, occurred_ms)
            return None
        elif customer.is_gone and self._is_elsewhere(customer, event, route):
            return self._apply_elsewhere(offset, customer, event, route)
        judged = self._judged(offset, customer, event) if customer.erased else customer
        if not judged.erased:
            fault = check_values(event, context.rules)
            if fault is not None:
                return fault
        as_of_now = judged if meta.round is None else self._as_of_now(judged)
        digest = id_digest(event.event_id)
        clock_ms = max(customer.newest_ms, meta.clock_ms)
        identified = identify(as_of_now, event, context.rules, clock_ms, digest)
        if type(identified) is CustomerMerged:
            identified = merge_refusal(store, judged, identified, offset, route) or identified
        if not isinstance(identified, Event):
            return self._pass_over(offset, customer, event, identified)
        self.save(customer_id)
        if meta.round is None and meta.mode == "live":
            meta.newest_ms = max(meta.newest_ms, occurred_ms)
        else:
            customer = self._advance_by(offset, customer, judged, occurred_ms)
        forwarded = self._accept(context, offset, customer, identified, digest)
        context.tally.accepted[event.type] += 1
        return forwarded

    def _pass_over(
        self, offset: int, customer: Customer, event: Event, verdict: Rejection | Duplicate
    ) -> Rejection | None:
        """An event that is not accepted leaves nothing but its offset and a count."""
        self.note_refused(offset, customer, event.occurred_ms)
        if isinstance(verdict, Rejection):
            return verdict
        self.context.tally.duplicates[event.type] += 1
        return None

    def take_transfer(self, offset: int, transfer: Transfer) -> Verdict:
        """Apply a transfer, as `handlers.merge.routing.receive_transfer` says.

        If that raises, the merged customer goes back to where it came from, and is restored there;
        the dead letter is written there, too.
        """
        self.begin()
        try:
            return receive_transfer(self, offset, transfer)
        except Exception as error:
            if must_stop(error):
                raise
            self.put_back()
            rejection = self._refuse(
                "merge", transfer.into, "joining the customers", error, transfer.event_id
            )
            return return_transfer(self, offset, transfer, rejection)

    def finish(self, offset: int, until_ms: int) -> None:
        """Let time pass to an instant at the end of a log; a new policy's round ends first."""
        self.finish_round(offset)
        self.begin()
        self.move_clock(offset, until_ms)

    # -- reading

    def profile(self, customer_id: str) -> Any:
        """The record for `customer-profiles` as of the customer's clock; None if unknown.

        Of a customer whose turn under a new policy is still to come, it is that of the former one.
        None, too, if it cannot be made: the one before stays.
        """
        customer = self.store.get(customer_id)
        if customer is None:
            return None
        try:
            standing = self.standing_of(customer)
            return profile_record(customer, standing.rules, standing.now_ms, self.context.source)
        except Exception as error:
            if must_stop(error):
                raise
            self._refuse("profile", customer_id, "the profile", error, None)
            return None

    # -- one customer

    def _advance_by(
        self, offset: int, customer: Customer, judged: Customer, occurred_ms: int
    ) -> Customer:
        """Let time come to an accepted event of a customer.

        Returns:
            the customer, who may have been fired, and be another object.
        """
        self.advance(offset, occurred_ms, judged)
        return self.store.get(customer.customer_id) or customer

    def _accept(
        self, context: Context, offset: int, customer: Customer, event: Event, digest: bytes
    ) -> Transfer | None:
        meta, occurred_ms = self.meta, event.occurred_ms
        was, due_ms = counted(customer), customer.next_due_ms
        if due_ms is not None and due_ms <= occurred_ms:
            customer = self.fire_own(customer, occurred_ms)
        if type(event) is CustomerErased:
            self._erase(offset, customer, was)
            return None
        if customer.erased:
            # By its retention, if not before then just now.
            self.put_marker(offset, customer, was)
            customer, was = self.come_back(offset, customer), None
        newest_ms = customer.newest_ms
        clock_before = max(newest_ms, meta.clock_ms)
        now_ms = max(clock_before, occurred_ms)
        customer.newest_ms = max(newest_ms, occurred_ms)
        customer.remember(digest, event.content, meta.format)
        if type(event) is CustomerMerged:
            return start_merge(self, offset, customer, event, was)
        if take_event(context, customer, event, now_ms, is_late=occurred_ms < clock_before):
            plan(context, customer, now_ms)
        self.put(offset, customer, was)
        return None

    def _judged(self, offset: int, customer: Customer, event: Event) -> Customer:
        """The customer by which an event is judged.

        Who was erased by its retention begins anew with what happens later, but for an erasure.
        """
        if type(event) is CustomerErased or not customer.comes_back_at(event.occurred_ms):
            return customer
        return self.come_back(offset, customer)

    def _is_elsewhere(self, customer: Customer, event: Event, route: Route | None) -> bool:
        """Whether an event is not for this customer: it was merged, or erased at a route's end."""
        if customer.merged_into is not None:
            return True
        if route is None or not customer.erased:
            return False
        if type(event) is CustomerErased:
            return customer.retired_ms is None
        return not customer.comes_back_at(event.occurred_ms)

    def _apply_elsewhere(
        self, offset: int, customer: Customer, event: Event, route: Route | None
    ) -> Verdict:
        """The customer was merged away or erased: apply the event to the survivor."""
        customer_id = customer.customer_id
        if self.is_whole and customer.merged_into is not None:
            return self._apply(
                offset, event, Route(into=survivor_of(self.store, customer_id, offset))
            )
        self.save(customer_id)
        return forward_event(self, offset, customer, event, route or Route(into=customer_id))

    def _erase(self, offset: int, customer: Customer, was: Counted) -> None:
        if customer.erased and customer.retired_ms is None:
            return
        self.context.tally.unmatched += len(customer.ledger.waiting)
        self.context.count(self.context.tally.erased, "request")
        marker = erased_customer(customer)
        if self.rules.format >= _ERASED_OFFSET_SINCE:
            marker.erased_offset = customer.erased_offset if customer.erased else offset
        self.put_marker(offset, marker, was)

    def _as_of_now(self, customer: Customer) -> Customer:
        """The customer by whose orders an event is known, with those gone that left the window.

        Only who waits for a turn under a new policy has any; all others are as they are.
        """
        if self.round.standing_of(customer) is None:
            return customer
        found, rules = unpack(pack(customer)), self.rules
        found.ledger.recount(rules)
        found.ledger.evict(rules, rules.calendar.day(self.clock_of(customer)))
        return found

    def _refuse(
        self,
        kind: str,
        customer_id: str,
        what: str,
        error: Exception,
        event_id: str | None,
    ) -> Rejection:
        """Note a fault; what the dead letter says."""
        rejection = failed(what, error, event_id)
        self.failures.append(Failure(kind, customer_id, rejection, error))
        return rejection
