"""What a partition does with merges: start one, receive one, undo one, forward events after one.

The way of a merge from *A* into *B*, each step a record of one partition's log:

1. `merge_refusal`: a merge that this partition can see to be impossible is a dead letter.
2. `start_merge`: *A* becomes a marker, and all else of it a transfer to *B*.
3. `receive_transfer`, in the partition of *B*: it joins *B*; or goes on if *B* was merged too; or
   goes back if there is no way on (`handlers.merge.forwarding.next_step`).
4. A transfer that is back at *A* restores *A*, and the merge is a dead letter after all.

`forward_event` sends later events of *A* the same way.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from handlers import reasons
from handlers.causes import MERGE, POLICY
from handlers.context import Cause
from handlers.decode.fields import readable_id
from handlers.due import due_after, plan
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
from handlers.partition_core import Counted, PartitionCore, counted
from handlers.reasons import Rejection
from handlers.state.customer import (
    Away,
    Customer,
    MergedInto,
    merged_customer,
    pack,
    unpack,
)
from handlers.state.formats import FIRST, format_of
from handlers.state.store import CustomerStore
from handlers.transitions import absorb, cause_key, undo_merge

Verdict = Rejection | Forwarded | None
"""What became of a record: a dead letter, something to forward, or neither."""


def survivor_of(store: CustomerStore, customer_id: str, offset: int) -> str:
    """The id at the end of the merges of an id, as far as this partition sees.

    It is that of the record at `offset`, though a restored state of the other may be further on.
    """
    customer = store.get(customer_id)
    while customer is not None and (into := customer.merged_at(offset)) is not None:
        customer_id = into
        customer = store.get(customer_id)
    return customer_id


def merge_refusal(
    store: CustomerStore,
    customer: Customer,
    merge: CustomerMerged,
    offset: int,
    route: Route | None = None,
) -> Rejection | None:
    """Why a merge is impossible, as far as this partition sees; None if it is not.

    A merge that followed somebody else around a circle of merges and came back is not for whom it
    happens to find here.
    """
    survivor_id = survivor_of(store, merge.into, offset)
    survivor = store.get(survivor_id)
    came_back = route is not None and route.back is not None
    if survivor_id == customer.customer_id or (
        came_back and merge.customer_id != customer.customer_id
    ):
        detail = "the merge would lead in a circle"
    elif survivor is not None and survivor.is_erased_at(offset):
        detail = "the surviving customer was erased"
    else:
        return None
    return Rejection(reasons.INVALID_VALUE, detail, merge.event_id)


def start_merge(
    core: PartitionCore, offset: int, customer: Customer, merge: CustomerMerged, was: Counted
) -> Transfer | None:
    """Leave a marker for a merged customer, and transfer all else to the surviving one.

    Returns:
        the transfer to forward; None where all customers are here, and it has arrived.
    """
    customer.merge_count += 1
    merged_into = MergedInto(merge.into, offset, customer.merge_count)
    step = first_step(customer.customer_id, merged_into)
    transfer = Transfer(
        into=step.into,
        via=step.via,
        customer_id=customer.customer_id,
        event_id=merge.event_id,
        occurred_ms=merge.occurred_ms,
        left_ms=core.clock_of(customer),
        state=pack(customer, core.rules.remembers),
        format=_number(core),
    )
    core.put_marker(offset, merged_customer(customer, merged_into), was)
    if not core.is_whole:
        return transfer
    survivor_id = survivor_of(core.store, merge.into, offset)
    survivor = core.store.get(survivor_id) or core.newcomer(survivor_id)
    _finish_merge(core, offset, survivor, transfer)
    return None


def receive_transfer(core: PartitionCore, offset: int, transfer: Transfer) -> Verdict:
    """Join a merged customer to the one it was transferred to, or send it on, or back.

    Returns:
        the rejection of the merge, if its customer has come back; the same transfer with another
        way, if it goes on; None if it was joined here.
    """
    # The partition that it comes from may have come to a new format a moment earlier.
    core.meta.format = max(core.meta.format, format_of(transfer.state))
    customer = core.store.get(transfer.into)
    if customer is not None and customer.applied >= offset:
        core.skip(offset, customer, transfer.occurred_ms)
        return None
    if transfer.into == transfer.customer_id:
        return _undo_merge(core, offset, transfer)
    if customer is None or not customer.is_gone:
        core.save(transfer.into)
        core.advance(offset, transfer.occurred_ms, customer)
        survivor = core.store.get(transfer.into) or core.newcomer(transfer.into)
        _finish_merge(core, offset, survivor, transfer)
        return None
    step = next_step(customer, transfer)
    assert step is not None, "the way of a transfer ends where it began"
    core.save(transfer.into)
    _pass_on(core, offset, customer, transfer.occurred_ms)
    return replace(transfer, into=step.into, via=step.via, back=step.back)


def return_transfer(
    core: PartitionCore, offset: int, transfer: Transfer, rejection: Rejection
) -> Verdict:
    """What could not be joined or passed on goes back the way it came.

    Returns:
        the transfer, on its way back; at its origin the rejection of the merge, and the customer is
        restored as it left.
    """
    customer = core.store.get(transfer.into) or core.newcomer(transfer.into)
    if transfer.into == transfer.customer_id or not transfer.via:
        restored = _as_it_left(core, offset, transfer)
        now_ms = core.clock_of(restored)
        restored.next_due_ms = due_after(core.rules, restored, now_ms)
        core.put(offset, restored, None)
        core.context.tally.merges["refused"] += 1
        return rejection
    if customer.applied >= 0:
        _pass_on(core, offset, customer, transfer.occurred_ms)
    else:
        core.note_refused(offset, customer, transfer.occurred_ms)
    *rest, last = transfer.via
    failure = UNSET if transfer.format is UNSET else rejection.detail
    return replace(transfer, into=last.customer_id, via=tuple(rest), back=last, failure=failure)


def forward_event(
    core: PartitionCore, offset: int, customer: Customer, event: Event, route: Route
) -> Verdict:
    """The customer was merged away or erased: forward the event to the survivor.

    Returns:
        what to forward; a rejection if there is no survivor; None for an erasure, which has
        nothing left to do.
    """
    step = next_step(customer, route, MAX_EVENT_HOPS)
    if step is not None:
        _pass_on(core, offset, customer, event.occurred_ms)
        core.context.tally.merges["followed"] += 1
        return ForwardedEvent(into=step.into, via=step.via, back=step.back, format=_number(core))
    if type(event) is CustomerErased:
        core.advance(offset, event.occurred_ms)
        core.context.tally.accepted[event.type] += 1
        return None
    core.note_refused(offset, customer, event.occurred_ms)
    detail = "the customer was erased"
    if customer.merged_into is not None:
        detail = "the customer was merged into one who was erased, or is too many merges away"
    return Rejection(reasons.ERASED_CUSTOMER, detail, readable_id(event.event_id))


def _number(core: PartitionCore) -> int | UnsetType:
    """The format of what a partition forwards; the first one is not written."""
    return UNSET if core.meta.format == FIRST else core.meta.format


def _finish_merge(core: PartitionCore, offset: int, customer: Customer, transfer: Transfer) -> None:
    """Join a transferred customer to the surviving one."""
    context, occurred_ms = core.context, transfer.occurred_ms
    other = unpack(transfer.state)
    core.save(customer.customer_id)
    customer = core.take_turn(offset, customer)
    was = counted(customer)
    customer = core.fire_own(customer, max(occurred_ms, other.newest_ms))
    if customer.erased:
        # Its retention ended at this very record, after the merge was found to be possible.
        core.put_marker(offset, customer, was)
        customer, was = core.come_back(offset, customer), None
    now_ms = max(core.clock_of(customer), occurred_ms, other.newest_ms)
    customer.newest_ms = max(customer.newest_ms, occurred_ms)
    key = cause_key(transfer.event_id, occurred_ms)
    cause = Cause(key, (transfer.event_id,), MERGE, late=occurred_ms < now_ms)
    absorb(context, customer, other, now_ms, cause)
    plan(context, customer, now_ms)
    core.put(offset, customer, was)
    context.tally.merges["joined"] += 1


def _undo_merge(core: PartitionCore, offset: int, transfer: Transfer) -> Rejection:
    """A merge found no survivor, or could not be applied there: its customer is restored."""
    core.save(transfer.customer_id)
    customer = _as_it_left(core, offset, transfer)
    now_ms = core.clock_of(customer)
    key = f"{cause_key(transfer.event_id, transfer.occurred_ms)}:refused"
    context = core.context
    context.is_rollout = core.meta.quiet
    try:
        undo_merge(context, customer, transfer.left_ms, Cause(key, (), POLICY))
    finally:
        context.is_rollout = False
    customer = core.fire_own(customer, now_ms)
    plan(core.context, customer, now_ms)
    core.put(offset, customer, None)
    core.context.tally.merges["refused"] += 1
    if transfer.failure is not UNSET:
        return Rejection(reasons.PROCESSING_FAILED, transfer.failure, transfer.event_id)
    detail = "the surviving customer was erased, or the merges lead in a circle or too far"
    return Rejection(reasons.INVALID_VALUE, detail, transfer.event_id)


def _as_it_left(core: PartitionCore, offset: int, transfer: Transfer) -> Customer:
    """The merged customer without the merge, and with what was refused since."""
    marker, customer = core.store.get(transfer.customer_id), unpack(transfer.state)
    customer.forget_newest()
    if marker is not None:
        customer.refused, customer.first_offset = marker.refused, marker.first_offset
        customer.away = _with_this(core, offset, marker)
        core.note_refused(offset, customer, transfer.occurred_ms)
    return customer


def _with_this(core: PartitionCore, offset: int, marker: Customer) -> list[Away]:
    """The merges of a customer that were undone, with the one that is undone now."""
    merge, checkpoint = marker.merged_into, core.meta.applied
    if merge is None or core.meta.format == FIRST:
        return []
    this = Away(merge.offset, offset, merge.into)
    return [*(away for away in marker.away if away.until > checkpoint), this]


def _pass_on(core: PartitionCore, offset: int, customer: Customer, occurred_ms: int) -> None:
    """Note at a marker that a record was forwarded past it; it moves no time here."""
    core.note_refused(offset, customer, occurred_ms)
    customer.applied = offset
    core.store.put(customer)
