"""Retention: who is inactive for long is told of by `retention.due`, and is erased later.

The instants count exactly, in days of 86,400,000 ms. The erasure itself is in
`handlers.partition_core`.
"""

from __future__ import annotations

from handlers import outputs
from handlers.care.reminders import emit_reminder, reminder_head
from handlers.context import Context
from handlers.events import ActivityRecorded, ConsentChanged, Event, PointsRedeemed
from handlers.outputs import RetentionDue
from handlers.state.customer import Customer
from handlers.state.retention import Retention
from scoring.calendar import DAY_MS
from scoring.rules import Rules
from scoring.timestamps import NEVER_MS, rfc3339

_ACTIVE = (PointsRedeemed, ConsentChanged, ActivityRecorded)
"""Events that are no interaction and yet show that the customer is there."""


def follow_retention(context: Context, customer: Customer, event: Event, now_ms: int) -> None:
    """Note an event that was applied; it may end the notice, or be old enough to begin one."""
    if customer.retention is None:
        known_ms = customer.last_interaction_ms
        if known_ms is None and isinstance(event, _ACTIVE):
            known_ms = event.occurred_ms
        customer.retention = Retention(now_ms if known_ms is None else known_ms)
    _note(customer, customer.retention)
    if isinstance(event, _ACTIVE):
        customer.retention.note_active(event.occurred_ms)
    tell_retention(context, customer, now_ms)


def begin_retention(context: Context, customer: Customer, now_ms: int) -> None:
    """Whoever comes to be known by a merge, without a sign of life, counts as active by now."""
    if context.rules.retention is not None and customer.retention is None:
        customer.retention = Retention(now_ms)


def resume_retention(context: Context, customer: Customer, now_ms: int) -> None:
    """Go on under a new policy, or after a merge.

    Of who was known before a policy with retention, the newest event of any kind counts.
    """
    declared = context.rules.retention
    if declared is None:
        customer.retention = None
        return
    if customer.retention is None:
        known = [at for at in (customer.newest_ms, customer.last_interaction_ms) if at is not None]
        since_ms = max(known, default=NEVER_MS)
        customer.retention = Retention(now_ms if since_ms == NEVER_MS else since_ms)
    _note(customer, customer.retention)
    if customer.retention.since_ms + declared.inactive_days * DAY_MS > now_ms:
        customer.retention.withdraw()
    tell_retention(context, customer, now_ms)


def tell_retention(context: Context, customer: Customer, now_ms: int) -> None:
    """Tell that the retention of a customer has ended, once for each time of silence.

    Before its first tick a partition has no clock: then the notice runs from the customer's.
    """
    retention, declared = customer.retention, context.rules.retention
    due_ms = told_at_ms(context.rules, customer)
    if retention is None or declared is None or due_ms is None or due_ms > now_ms:
        return
    retention.told_ms = retention.since_ms
    clock_ms = now_ms if context.clock_ms == NEVER_MS else context.clock_ms
    retention.erase_ms = clock_ms + declared.notice_days * DAY_MS
    day = context.rules.calendar.day(retention.erase_ms)
    data = RetentionDue(
        **reminder_head(context, customer, outputs.RETENTION_DUE, day, None, due_ms),
        last_active_at=rfc3339(retention.since_ms),
        erased_at=rfc3339(retention.erase_ms),
    )
    key = f"since:{retention.since_ms}:{retention.erase_ms}"
    emit_reminder(context, customer, outputs.RETENTION_DUE, data, key, due_ms)


def erased_at_ms(rules: Rules, customer: Customer) -> int | None:
    """When the customer is erased, while a notice runs.

    The notice runs by the partition's clock, so this may lie before the customer's own.
    """
    retention = customer.retention
    return None if retention is None or rules.retention is None else retention.erase_ms


def told_at_ms(rules: Rules, customer: Customer) -> int | None:
    """When `retention.due` goes out, also if that has passed; None if it has gone out."""
    retention, declared = customer.retention, rules.retention
    if retention is None or declared is None or retention.since_ms == retention.told_ms:
        return None
    return retention.since_ms + declared.inactive_days * DAY_MS


def _note(customer: Customer, retention: Retention) -> None:
    if customer.last_interaction_ms is not None:
        retention.note_active(customer.last_interaction_ms)
